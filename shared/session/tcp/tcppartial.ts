/**
 * TCP packets of which only the ports are known: their header was cut before its flags, or is damaged (META_BROKEN). They
 * count, and keep their session open; its states, history and payload follow from its other packets alone.
 */
import { addFlip } from '../history.ts';
import type { SessionSlots } from '../slots.ts';
import * as L from '../slots.ts';
import { ACK, SYN } from './tcpflags.ts';
import { setIdle } from './tcpstate.ts';

/** Whether all packets of the session so far were such. */
export function onlyPartial(s: SessionSlots, slot: number): boolean {
  return (s.words[slot * L.WORDS + L.W_FLAGS] & (L.FLAG_SEEN_ORIG | L.FLAG_SEEN_RESP)) === 0;
}

/** Updates the session with such a packet of end `end`. */
export function partialPacket(s: SessionSlots, slot: number, end: number, us: number): void {
  const { words, reals } = s;
  const at = slot * L.WORDS;
  const a = words[at + L.W_ENDS + L.E_STATE];
  const b = words[at + L.W_ENDS + L.W_END_SIZE + L.E_STATE];
  if ((a & b & L.END_DID_CLOSE) === 0) reals[slot * L.REALS + L.R_LAST] = us;
  const flags = words[at + L.W_FLAGS];
  // The handshake may be among what was not seen; and what the responder sends is an answer.
  if ((flags & L.FLAG_IDLE_MASK) >> L.FLAG_IDLE_SHIFT === L.IDLE_HANDSHAKE) setIdle(words, slot, L.IDLE_TCP);
  if ((flags & L.FLAG_ORIG_IS_B) !== end) words[at + L.W_FLAGS] &= ~L.FLAG_ATTEMPT;
}

/**
 * The first packet with flags in a session of such packets, from end `end`: the sender of a SYN is the originator,
 * whoever sent first.
 *
 * @returns whether the roles changed
 */
export function turnsRoles(s: SessionSlots, slot: number, end: number, flags: number): boolean {
  if ((flags & (SYN | ACK)) !== SYN || !onlyPartial(s, slot)) return false;
  const at = slot * L.WORDS + L.W_FLAGS;
  if ((s.words[at] & L.FLAG_ORIG_IS_B) === end) return false;
  s.words[at] ^= L.FLAG_ORIG_IS_B;
  addFlip(s, slot);
  return true;
}
