/**
 * Duplicate packets, which repeat the one before: same sequence number, acknowledgement, payload length, flags and
 * window in the same direction. Pure ACKs repeat for good reasons, so a repeat has payload.
 */
import * as L from '../slots.ts';
import { count } from '../slots.ts';

/**
 * Counts the packet if it repeats the one before, and remembers it for the next one.
 *
 * @param at word of the session, and `we` of the end that sent the packet
 * @param flagsAndWindow flags << 16 | window
 */
export function noteRepeat(
  words: Int32Array,
  at: number,
  we: number,
  seq: number,
  ack: number,
  length: number,
  flagsAndWindow: number,
): void {
  if (
    length > 0 &&
    words[we + L.E_DUP_SEQ] === seq &&
    words[we + L.E_DUP_LENGTH] === length &&
    words[we + L.E_DUP_ACK] === ack &&
    words[we + L.E_DUP_FLAGS] === flagsAndWindow
  )
    count(words, at + L.W_DUPLICATE);
  words[we + L.E_DUP_SEQ] = seq;
  words[we + L.E_DUP_ACK] = ack;
  words[we + L.E_DUP_LENGTH] = length;
  words[we + L.E_DUP_FLAGS] = flagsAndWindow;
}
