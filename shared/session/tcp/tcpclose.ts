/**
 * End of a TCP session: a close waits until the data before it has been delivered, the second close (or a reset, or a
 * close with no peer) sets the time at which the session ends.
 */
import * as L from '../slots.ts';
import type { TcpContext } from './tcpcontext.ts';

/** Kinds of close that a packet causes: none, without a regular end (resets), regular. */
export const CLOSE_NONE = 0;
export const CLOSE_ABRUPT = 1;
export const CLOSE_REGULAR = 2;

/**
 * End `end` has closed.
 * @returns whether the session may now end earlier
 */
export function connectionClosed(c: TcpContext, slot: number, end: number, close: number): boolean {
  const { words, reals } = c.slots;
  const flagsAt = slot * L.WORDS + L.W_FLAGS;
  if (c.contents.pending(slot, end)) {
    words[flagsAt] |= L.FLAG_CLOSE_DEFERRED;
    if (close === CLOSE_REGULAR) words[flagsAt] |= L.FLAG_DEFERRED_REGULAR;
    return true;
  }
  words[flagsAt] &= ~L.FLAG_CLOSE_DEFERRED;
  const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
  const wp = slot * L.WORDS + L.W_ENDS + (end ^ 1) * L.W_END_SIZE;
  if ((words[we + L.E_STATE] & L.END_DID_CLOSE) !== 0) return false;
  words[we + L.E_STATE] |= L.END_DID_CLOSE;
  const state = words[we + L.E_STATE];
  const peer = words[wp + L.E_STATE];
  const untouched = ((state >> L.PREVIOUS_SHIFT) & L.STATE_MASK) === L.STATE_INACTIVE;
  const last = reals[slot * L.REALS + L.R_LAST];
  const complete =
    (state & L.STATE_MASK) === L.STATE_RESET ||
    (peer & L.END_DID_CLOSE) !== 0 ||
    (peer & L.STATE_MASK) === L.STATE_INACTIVE;
  if (!complete) {
    words[flagsAt] |= untouched ? L.FLAG_PARTIAL_CLOSE : L.FLAG_HALF_CLOSED;
    reals[slot * L.REALS + L.R_CLOSE] = last;
    return true;
  }
  if (!untouched || (peer & L.STATE_MASK) !== L.STATE_INACTIVE) {
    if (close === CLOSE_REGULAR || (words[flagsAt] & L.FLAG_DEFERRED_REGULAR) !== 0) words[flagsAt] &= ~L.FLAG_ACTIVE;
    words[flagsAt] &= ~L.FLAG_DEFERRED_REGULAR;
  }
  // From now on only the close delay and the idle time apply.
  words[flagsAt] &= ~(L.FLAG_HALF_CLOSED | L.FLAG_PARTIAL_CLOSE | L.FLAG_ATTEMPT);
  words[flagsAt] |= L.FLAG_ENDING;
  reals[slot * L.REALS + L.R_CLOSE] = last + c.config.tcpCloseDelayUs;
  reals[slot * L.REALS + L.R_RESET] = 0;
  return true;
}

/** Detects, once, that an end has sent and delivered everything, and continues a close that waited for that. */
export function checkEof(c: TcpContext, slot: number, end: number): boolean {
  const words = c.slots.words;
  const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
  const state = words[we + L.E_STATE];
  if ((state & L.END_DID_EOF) !== 0) return false;
  const now = state & L.STATE_MASK;
  if ((state & L.END_FIN_SEEN) === 0 && now !== L.STATE_CLOSED && now !== L.STATE_RESET) return false;
  if (c.contents.pending(slot, end)) return false;
  words[we + L.E_STATE] |= L.END_DID_EOF;
  const flagsAt = slot * L.WORDS + L.W_FLAGS;
  if ((words[flagsAt] & L.FLAG_CLOSE_DEFERRED) === 0) return false;
  // Whether it was regular stands in FLAG_DEFERRED_REGULAR.
  return connectionClosed(c, slot, end, CLOSE_ABRUPT);
}
