/**
 * UDP sessions whose payload shows that originator and responder are swapped, by the rules of Zeek's DNS and NTP
 * parsers: the first DNS message is a response and comes from the originator (unless it goes to a multicast address);
 * an NTP server's message comes from the originator, or a client's from the responder. Each flips the roles of a
 * session once.
 */
import { HINT_DNS_ANSWER, HINT_NTP_CLIENT, HINT_NTP_SERVER } from '../packet/columns.ts';
import { KEY_ADDR_A, KEY_ADDR_B, KEY_FLAG_V6, KEY_PROTO, KEY_WORDS } from '../packet/flow/flowtable.ts';
import { addFlip, isOriginator } from './history.ts';
import * as L from './slots.ts';

const DNS_HEADER = 12;

/** Whether end `end` (0 = A, 1 = B) of flow `flow` has a multicast address. `words` are the flow keys. */
function isMulticast(words: Uint32Array, flow: number, end: number): boolean {
  const at = flow * KEY_WORDS;
  const address = at + (end === 1 ? KEY_ADDR_B : KEY_ADDR_A);
  if ((words[at + KEY_PROTO] & KEY_FLAG_V6) !== 0) return words[address] >>> 24 === 0xff;
  return words[address + 3] >>> 28 === 0xe;
}

/**
 * Whether a datagram of `len` payload bytes, sent by `end`, flips the roles of the session; updates its flags.
 *
 * @param keys words of the flow keys
 * @param hint HINT_* of the datagram
 */
export function flipsRoles(
  s: L.SessionSlots,
  slot: number,
  end: number,
  len: number,
  hint: number,
  keys: Uint32Array,
): boolean {
  const at = slot * L.WORDS;
  const flags = s.words[at + L.W_FLAGS];
  const orig = isOriginator(s, slot, end);
  if ((flags & L.FLAG_DNS) !== 0) {
    if (len < DNS_HEADER || (flags & L.FLAG_DNS_BEGUN) !== 0) return false;
    s.words[at + L.W_FLAGS] |= L.FLAG_DNS_BEGUN;
    return hint === HINT_DNS_ANSWER && orig && !isMulticast(keys, s.words[at + L.W_FLOW], end ^ 1);
  }
  if ((flags & L.FLAG_NTP) === 0 || hint !== (orig ? HINT_NTP_SERVER : HINT_NTP_CLIENT)) return false;
  const flipped = orig ? L.FLAG_NTP_FLIPPED_ORIG : L.FLAG_NTP_FLIPPED_RESP;
  s.words[at + L.W_FLAGS] |= flipped;
  return (flags & flipped) === 0;
}

/**
 * Flips the roles of a UDP session. As in Zeek, which counts packets by host but payload by role, and the packet that
 * flips them for its sender's old role: packet counts stay with their end, this packet and payload do not.
 *
 * @param end the end that sent the packet which flips them
 * @param ipLen IP bytes of that packet
 */
export function flipDatagrams(s: L.SessionSlots, slot: number, end: number, ipLen: number): void {
  const { words, reals } = s;
  const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
  const wp = slot * L.WORDS + L.W_ENDS + (end ^ 1) * L.W_END_SIZE;
  const xe = slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE;
  const xp = slot * L.REALS + L.R_ENDS + (end ^ 1) * L.R_END_SIZE;
  words[slot * L.WORDS + L.W_FLAGS] ^= L.FLAG_ORIG_IS_B;
  addFlip(s, slot);
  const state = words[we + L.E_STATE];
  words[we + L.E_STATE] = words[wp + L.E_STATE];
  words[wp + L.E_STATE] = state;
  const bytes = reals[xe + L.X_DELIVERED];
  reals[xe + L.X_DELIVERED] = reals[xp + L.X_DELIVERED];
  reals[xp + L.X_DELIVERED] = bytes;
  L.uncountPacket(words, we);
  L.countPacket(words, wp);
  reals[xe + L.X_IP_BYTES] -= ipLen;
  reals[xp + L.X_IP_BYTES] += ipLen;
}
