/**
 * How a TCP session comes to its end: a close waits until the data before it
 * has been delivered, the second close (or a reset, or a close with no peer)
 * sets the time at which the session ends.
 */
import * as L from '../slots.ts';
import type { TcpContext } from './tcp.ts';

// Constants of this module are folded into the machine code; an import would be loaded at each use.
const {
  END_DID_CLOSE,
  END_DID_EOF,
  END_FIN_SEEN,
  E_STATE,
  FLAG_ACTIVE,
  FLAG_ATTEMPT,
  FLAG_CLOSE_DEFERRED,
  FLAG_DEFERRED_REGULAR,
  FLAG_ENDING,
  FLAG_HALF_CLOSED,
  FLAG_PARTIAL_CLOSE,
  PREVIOUS_SHIFT,
  REALS,
  R_CLOSE,
  R_LAST,
  R_RESET,
  STATE_CLOSED,
  STATE_INACTIVE,
  STATE_MASK,
  STATE_RESET,
  WORDS,
  W_ENDS,
  W_END_SIZE,
  W_FLAGS,
} = L;

/** Kinds of close that a packet asks for: none, without a regular end (resets), regular. */
export const CLOSE_NONE = 0;
export const CLOSE_ABRUPT = 1;
export const CLOSE_REGULAR = 2;

/**
 * End `end` has closed.
 * @returns whether the end of the session may have come nearer
 */
export function connectionClosed(c: TcpContext, slot: number, end: number, close: number): boolean {
  const { words, reals } = c.slots;
  const flagsAt = slot * WORDS + W_FLAGS;
  if (c.contents.pending(slot, end)) {
    words[flagsAt] |= FLAG_CLOSE_DEFERRED;
    if (close === CLOSE_REGULAR) words[flagsAt] |= FLAG_DEFERRED_REGULAR;
    return true;
  }
  words[flagsAt] &= ~FLAG_CLOSE_DEFERRED;
  const we = slot * WORDS + W_ENDS + end * W_END_SIZE;
  const wp = slot * WORDS + W_ENDS + (end ^ 1) * W_END_SIZE;
  if ((words[we + E_STATE] & END_DID_CLOSE) !== 0) return false;
  words[we + E_STATE] |= END_DID_CLOSE;
  const state = words[we + E_STATE];
  const peer = words[wp + E_STATE];
  const untouched = ((state >> PREVIOUS_SHIFT) & STATE_MASK) === STATE_INACTIVE;
  const last = reals[slot * REALS + R_LAST];
  const complete =
    (state & STATE_MASK) === STATE_RESET || (peer & END_DID_CLOSE) !== 0 || (peer & STATE_MASK) === STATE_INACTIVE;
  if (!complete) {
    words[flagsAt] |= untouched ? FLAG_PARTIAL_CLOSE : FLAG_HALF_CLOSED;
    reals[slot * REALS + R_CLOSE] = last;
    return true;
  }
  if (!untouched || (peer & STATE_MASK) !== STATE_INACTIVE) {
    if (close === CLOSE_REGULAR || (words[flagsAt] & FLAG_DEFERRED_REGULAR) !== 0) words[flagsAt] &= ~FLAG_ACTIVE;
    words[flagsAt] &= ~FLAG_DEFERRED_REGULAR;
  }
  // From here on only the close delay and the idle time count.
  words[flagsAt] &= ~(FLAG_HALF_CLOSED | FLAG_PARTIAL_CLOSE | FLAG_ATTEMPT);
  words[flagsAt] |= FLAG_ENDING;
  reals[slot * REALS + R_CLOSE] = last + c.config.tcpCloseDelayUs;
  reals[slot * REALS + R_RESET] = 0;
  return true;
}

/** Notices, once, that an end has sent and delivered everything; a close that waited for that goes on. */
export function checkEof(c: TcpContext, slot: number, end: number): boolean {
  const words = c.slots.words;
  const we = slot * WORDS + W_ENDS + end * W_END_SIZE;
  const state = words[we + E_STATE];
  if ((state & END_DID_EOF) !== 0) return false;
  const now = state & STATE_MASK;
  if ((state & END_FIN_SEEN) === 0 && now !== STATE_CLOSED && now !== STATE_RESET) return false;
  if (c.contents.pending(slot, end)) return false;
  words[we + E_STATE] |= END_DID_EOF;
  const flagsAt = slot * WORDS + W_FLAGS;
  if ((words[flagsAt] & FLAG_CLOSE_DEFERRED) === 0) return false;
  const regular = (words[flagsAt] & FLAG_DEFERRED_REGULAR) !== 0;
  const closing = connectionClosed(c, slot, end, regular ? CLOSE_REGULAR : CLOSE_ABRUPT);
  words[flagsAt] &= ~FLAG_CLOSE_DEFERRED;
  return closing;
}
