/**
 * Updates a session with a packet of UDP, ICMP or another connectionless protocol: Zeek counts payload for UDP and ICMP
 * only and has history letters for UDP only.
 */
import { addOnce, LETTER_D, SEEN_PAYLOAD } from './history.ts';
import type { SessionSlots } from './slots.ts';
import * as L from './slots.ts';

/**
 * One packet of end `end` of the session in `slot`, `len` payload bytes announced.
 *
 * @param broken the header announces fewer bytes than itself: in Zeek the end's state does not change
 */
export function datagramPacket(
  s: SessionSlots,
  slot: number,
  end: number,
  kind: number,
  us: number,
  len: number,
  broken = false,
): void {
  s.reals[slot * L.REALS + L.R_LAST] = us;
  if (!broken)
    s.words[slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE + L.E_STATE] =
      L.STATE_ESTABLISHED | (s.words[slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE + L.E_STATE] & ~L.STATE_MASK);
  if (kind !== L.KIND_OTHER) s.reals[slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE + L.X_DELIVERED] += len;
  if (kind === L.KIND_UDP) addOnce(s, slot, end, SEEN_PAYLOAD, LETTER_D);
}
