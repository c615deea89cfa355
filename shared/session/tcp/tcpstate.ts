/**
 * The states of the two ends of a TCP session (RFC 9293 as an observer sees
 * it), with Zeek's names and transitions.
 */

import { addFlip, turnSynAck } from '../history.ts';
import { ROLE_LONG, ROLE_TCP_SERVER } from '../sessionconfig.ts';
import * as L from '../slots.ts';
import type { TcpContext } from './tcp.ts';
import { CLOSE_ABRUPT, CLOSE_NONE, CLOSE_REGULAR } from './tcpclose.ts';
import * as Flags from './tcpflags.ts';

// Constants of this module are folded into the machine code; an import would be loaded at each use.
const {
  END_DID_CLOSE,
  E_START,
  E_STATE,
  FLAG_ACTIVE,
  FLAG_ATTEMPT,
  FLAG_IDLE_MASK,
  FLAG_IDLE_SHIFT,
  FLAG_ORIG_IS_B,
  FLAG_PARTIAL,
  FLAG_SEEN_ORIG,
  FLAG_SEEN_RESP,
  IDLE_LONG,
  IDLE_TCP,
  PREVIOUS_SHIFT,
  REALS,
  R_RESET,
  STATE_CLOSED,
  STATE_ESTABLISHED,
  STATE_INACTIVE,
  STATE_MASK,
  STATE_PARTIAL,
  STATE_RESET,
  STATE_SYN_ACK_SENT,
  STATE_SYN_SENT,
  WORDS,
  W_ENDS,
  W_END_SIZE,
  W_FLAGS,
  W_FLOW,
} = L;
const { ACK, FIN, RST, SYN } = Flags;

function stateOf(words: Int32Array, we: number): number {
  return words[we + E_STATE] & STATE_MASK;
}

/** Nothing but SYNs so far. */
function inHandshake(state: number): boolean {
  return state <= STATE_SYN_ACK_SENT;
}

/** Puts a session into an inactivity class. */
export function setIdle(words: Int32Array, slot: number, idle: number): void {
  const at = slot * WORDS + W_FLAGS;
  words[at] = (words[at] & ~FLAG_IDLE_MASK) | (idle << FLAG_IDLE_SHIFT);
}

function setState(words: Int32Array, slot: number, we: number, wp: number, next: number): void {
  const word = words[we + E_STATE];
  const now = word & STATE_MASK;
  if (next === now) return;
  if (!inHandshake(next) && inHandshake(now) && inHandshake(words[wp + E_STATE] & STATE_MASK))
    setIdle(words, slot, IDLE_TCP);
  words[we + E_STATE] = (word & ~(STATE_MASK | (STATE_MASK << PREVIOUS_SHIFT))) | next | (now << PREVIOUS_SHIFT);
}

/** Changes which end is the originator, with no mark in the history. */
function swapRoles(s: L.SessionSlots, slot: number): void {
  const at = slot * WORDS + W_FLAGS;
  let flags = s.words[at] ^ FLAG_ORIG_IS_B;
  const orig = flags & FLAG_SEEN_ORIG;
  const resp = flags & FLAG_SEEN_RESP;
  flags &= ~(FLAG_SEEN_ORIG | FLAG_SEEN_RESP | FLAG_PARTIAL);
  if (orig !== 0) flags |= FLAG_SEEN_RESP;
  if (resp !== 0) flags |= FLAG_SEEN_ORIG;
  s.words[at] = flags;
}

/**
 * A session that began with a SYN-ACK, and now an acknowledgement or payload: no scan
 * looks like that, so the SYN-ACK came from the responder and only the SYN is missing.
 */
export function turnAfterSynAck(s: L.SessionSlots, slot: number): void {
  swapRoles(s, slot);
  turnSynAck(s, slot);
}

/** An established session on an interactive service's port may be idle for long. */
function established(c: TcpContext, slot: number): void {
  const words = c.slots.words;
  const at = slot * WORDS;
  const ports = c.portsOf(words[at + W_FLOW]);
  const origIsB = (words[at + W_FLAGS] & FLAG_ORIG_IS_B) !== 0;
  const portOfOrig = origIsB ? ports & 0xffff : ports >>> 16;
  let port = origIsB ? ports >>> 16 : ports & 0xffff;
  const orig = at + W_ENDS + (origIsB ? W_END_SIZE : 0);
  // Half of a session: the service may be on the side that looks like the originator.
  if (
    (words[orig + E_STATE] & STATE_MASK) === STATE_INACTIVE &&
    (c.roles[port] & ROLE_TCP_SERVER) === 0 &&
    (c.roles[portOfOrig] & ROLE_TCP_SERVER) !== 0
  )
    port = portOfOrig;
  if ((c.roles[port] & ROLE_LONG) !== 0) setIdle(words, slot, IDLE_LONG);
}

function fromInactive(
  c: TcpContext,
  slot: number,
  we: number,
  wp: number,
  seq: number,
  flags: number,
  len: number,
  orig: boolean,
): number {
  const words = c.slots.words;
  const at = slot * WORDS;
  let close = CLOSE_NONE;
  if ((flags & SYN) !== 0) {
    if (orig) {
      setState(words, slot, we, wp, (flags & ACK) !== 0 ? STATE_SYN_ACK_SENT : STATE_SYN_SENT);
      words[at + W_FLAGS] |= FLAG_ATTEMPT;
    } else {
      if ((flags & ACK) === 0 && stateOf(words, wp) === STATE_SYN_ACK_SENT && seq === words[we + E_START]) {
        // The SYN-ACK overtook its SYN on the way to the capture.
        words[at + W_FLAGS] &= ~FLAG_PARTIAL;
        swapRoles(c.slots, slot);
        addFlip(c.slots, slot);
        setState(words, slot, wp, we, STATE_ESTABLISHED);
        words[at + W_FLAGS] |= FLAG_SEEN_ORIG;
      }
      if (stateOf(words, wp) === STATE_SYN_SENT) setState(words, slot, wp, we, STATE_ESTABLISHED);
      setState(words, slot, we, wp, STATE_ESTABLISHED);
      if (stateOf(words, wp) !== STATE_PARTIAL) established(c, slot);
    }
  }
  if ((flags & FIN) !== 0) {
    setState(words, slot, we, wp, STATE_CLOSED);
    close = CLOSE_REGULAR;
  }
  if ((flags & RST) !== 0) {
    setState(words, slot, we, wp, STATE_RESET);
    const rejects = orig
      ? stateOf(words, wp) === STATE_ESTABLISHED
      : stateOf(words, wp) === STATE_SYN_SENT || stateOf(words, wp) === STATE_SYN_ACK_SENT;
    close = rejects ? CLOSE_ABRUPT : CLOSE_REGULAR;
  }
  if ((words[we + E_STATE] & STATE_MASK) === STATE_INACTIVE) {
    // Some stacks acknowledge a SYN before they answer it: that is not yet the middle of a session.
    if (!orig && len === 0 && stateOf(words, wp) === STATE_SYN_SENT) return close;
    if ((flags & ACK) !== 0 && stateOf(words, wp) === STATE_ESTABLISHED) {
      // Only the SYN was lost.
      setState(words, slot, we, wp, STATE_ESTABLISHED);
      words[at + W_FLAGS] &= ~FLAG_PARTIAL;
      words[at + W_FLAGS] |= orig ? FLAG_SEEN_ORIG : FLAG_SEEN_RESP;
    } else setState(words, slot, we, wp, STATE_PARTIAL);
  }
  return close;
}

/**
 * Moves the states for a packet of end `end`.
 * @param orig whether the end was the originator when the packet came
 * @returns CLOSE_*
 */
export function updateState(
  c: TcpContext,
  slot: number,
  end: number,
  us: number,
  seq: number,
  flags: number,
  len: number,
  orig: boolean,
): number {
  const words = c.slots.words;
  const at = slot * WORDS;
  const we = at + W_ENDS + end * W_END_SIZE;
  const wp = at + W_ENDS + (end ^ 1) * W_END_SIZE;
  const state = words[we + E_STATE] & STATE_MASK;
  if (state === STATE_INACTIVE) return fromInactive(c, slot, we, wp, seq, flags, len, orig);
  if ((flags & (SYN | FIN | RST)) === 0) return CLOSE_NONE;
  const peer = words[wp + E_STATE];
  const peerPrevious = (peer >> PREVIOUS_SHIFT) & STATE_MASK;
  let close = CLOSE_NONE;
  switch (state) {
    case STATE_SYN_SENT:
    case STATE_SYN_ACK_SENT:
      if ((flags & FIN) !== 0) {
        setState(words, slot, we, wp, STATE_CLOSED);
        close = CLOSE_REGULAR;
      }
      if ((flags & RST) !== 0) {
        setState(words, slot, we, wp, STATE_RESET);
        words[at + W_FLAGS] &= ~FLAG_ACTIVE;
        if (close === CLOSE_NONE) close = CLOSE_ABRUPT;
      }
      break;
    case STATE_ESTABLISHED:
    case STATE_PARTIAL:
      if (
        (flags & SYN) !== 0 &&
        (flags & ACK) === 0 &&
        state === STATE_PARTIAL &&
        (peer & STATE_MASK) === STATE_INACTIVE
      )
        setState(words, slot, we, wp, STATE_SYN_SENT);
      if ((flags & FIN) !== 0 && (flags & RST) === 0) {
        setState(words, slot, we, wp, STATE_CLOSED);
        // FIN, then a reset from the same side: that was its way of ending, not a failure.
        if ((peer & STATE_MASK) === STATE_RESET && peerPrevious === STATE_CLOSED)
          setState(words, slot, wp, we, STATE_CLOSED);
        close = CLOSE_REGULAR;
      }
      if ((flags & RST) !== 0) {
        setState(words, slot, we, wp, STATE_RESET);
        close = CLOSE_ABRUPT;
        if ((peer & STATE_MASK) !== STATE_RESET || peerPrevious !== STATE_ESTABLISHED)
          words[at + W_FLAGS] &= ~FLAG_ACTIVE;
      }
      break;
    case STATE_CLOSED:
      if ((flags & RST) !== 0 && (peer & STATE_MASK) !== STATE_CLOSED) {
        setState(words, slot, we, wp, STATE_RESET);
        if ((words[we + E_STATE] & END_DID_CLOSE) === 0) close = CLOSE_ABRUPT;
        const reset = slot * REALS + R_RESET;
        if (c.config.tcpResetDelayUs > 0 && c.slots.reals[reset] === 0)
          c.slots.reals[reset] = us + c.config.tcpResetDelayUs;
      }
      break;
    default:
  }
  return close;
}
