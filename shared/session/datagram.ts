/**
 * What a packet of UDP, ICMP or any other protocol without connections does to
 * its session: Zeek counts payload for UDP and ICMP only and gives history letters for UDP only.
 */
import { addOnce, LETTER_D, SEEN_PAYLOAD } from './history.ts';
import * as L from './slots.ts';

// Constants of this module are folded into the machine code; an import would be loaded at each use.
const {
  E_STATE,
  KIND_OTHER,
  KIND_UDP,
  REALS,
  R_ENDS,
  R_END_SIZE,
  R_LAST,
  STATE_ESTABLISHED,
  STATE_MASK,
  WORDS,
  W_ENDS,
  W_END_SIZE,
  X_DELIVERED,
} = L;

/**
 * One packet of end `end` of the session in `slot`, `len` payload bytes announced.
 *
 * @param broken the header announces fewer bytes than itself: in Zeek the end stays as it was
 */
export function datagramPacket(
  s: L.SessionSlots,
  slot: number,
  end: number,
  kind: number,
  us: number,
  len: number,
  broken = false,
): void {
  s.reals[slot * REALS + R_LAST] = us;
  if (!broken)
    s.words[slot * WORDS + W_ENDS + end * W_END_SIZE + E_STATE] =
      STATE_ESTABLISHED | (s.words[slot * WORDS + W_ENDS + end * W_END_SIZE + E_STATE] & ~STATE_MASK);
  if (kind !== KIND_OTHER) s.reals[slot * REALS + R_ENDS + end * R_END_SIZE + X_DELIVERED] += len;
  if (kind === KIND_UDP) addOnce(s, slot, end, SEEN_PAYLOAD, LETTER_D);
}
