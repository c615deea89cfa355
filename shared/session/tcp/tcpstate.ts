/**
 * The states of the two ends of a TCP session (RFC 9293 as an observer sees
 * it), with Zeek's names and transitions.
 */

import { addFlip, flipSynAck } from '../history.ts';
import { ROLE_LONG, ROLE_TCP_SERVER } from '../sessionconfig.ts';
import type { SessionSlots } from '../slots.ts';
import * as L from '../slots.ts';
import { CLOSE_ABRUPT, CLOSE_NONE, CLOSE_REGULAR } from './tcpclose.ts';
import type { TcpContext } from './tcpcontext.ts';
import { ACK, FIN, RST, SYN } from './tcpflags.ts';

function stateOf(words: Int32Array, we: number): number {
  return words[we + L.E_STATE] & L.STATE_MASK;
}

/** Nothing but SYNs so far. */
function inHandshake(state: number): boolean {
  return state <= L.STATE_SYN_ACK_SENT;
}

/** Puts a session into an inactivity class. */
export function setIdle(words: Int32Array, slot: number, idle: number): void {
  const at = slot * L.WORDS + L.W_FLAGS;
  words[at] = (words[at] & ~L.FLAG_IDLE_MASK) | (idle << L.FLAG_IDLE_SHIFT);
}

function setState(words: Int32Array, slot: number, we: number, wp: number, next: number): void {
  const word = words[we + L.E_STATE];
  const now = word & L.STATE_MASK;
  if (next === now) return;
  if (!inHandshake(next) && inHandshake(now) && inHandshake(words[wp + L.E_STATE] & L.STATE_MASK))
    setIdle(words, slot, L.IDLE_TCP);
  words[we + L.E_STATE] =
    (word & ~(L.STATE_MASK | (L.STATE_MASK << L.PREVIOUS_SHIFT))) | next | (now << L.PREVIOUS_SHIFT);
}

/** Swaps originator and responder, without a mark in the history. */
function swapRoles(s: SessionSlots, slot: number): void {
  const at = slot * L.WORDS + L.W_FLAGS;
  let flags = s.words[at] ^ L.FLAG_ORIG_IS_B;
  const orig = flags & L.FLAG_SEEN_ORIG;
  const resp = flags & L.FLAG_SEEN_RESP;
  flags &= ~(L.FLAG_SEEN_ORIG | L.FLAG_SEEN_RESP | L.FLAG_PARTIAL);
  if (orig !== 0) flags |= L.FLAG_SEEN_RESP;
  if (resp !== 0) flags |= L.FLAG_SEEN_ORIG;
  s.words[at] = flags;
}

/**
 * For a session that began with a SYN-ACK and now has an acknowledgement or payload: that is not a scan, so the SYN-ACK
 * came from the responder and only the SYN is missing.
 */
export function flipAfterSynAck(s: SessionSlots, slot: number): void {
  swapRoles(s, slot);
  flipSynAck(s, slot);
}

/** An established session on an interactive service's port may be idle for long. */
function established(c: TcpContext, slot: number): void {
  const words = c.slots.words;
  const at = slot * L.WORDS;
  const ports = c.portsOf(words[at + L.W_FLOW]);
  const origIsB = (words[at + L.W_FLAGS] & L.FLAG_ORIG_IS_B) !== 0;
  const portOfOrig = origIsB ? ports & 0xffff : ports >>> 16;
  let port = origIsB ? ports >>> 16 : ports & 0xffff;
  const orig = at + L.W_ENDS + (origIsB ? L.W_END_SIZE : 0);
  // Only one direction was captured: the service may be on the presumed originator's side.
  if (
    (words[orig + L.E_STATE] & L.STATE_MASK) === L.STATE_INACTIVE &&
    (c.roles[port] & ROLE_TCP_SERVER) === 0 &&
    (c.roles[portOfOrig] & ROLE_TCP_SERVER) !== 0
  )
    port = portOfOrig;
  if ((c.roles[port] & ROLE_LONG) !== 0) setIdle(words, slot, L.IDLE_LONG);
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
  const at = slot * L.WORDS;
  let close = CLOSE_NONE;
  if ((flags & SYN) !== 0) {
    if (orig) {
      setState(words, slot, we, wp, (flags & ACK) !== 0 ? L.STATE_SYN_ACK_SENT : L.STATE_SYN_SENT);
      words[at + L.W_FLAGS] |= L.FLAG_ATTEMPT;
    } else {
      if ((flags & ACK) === 0 && stateOf(words, wp) === L.STATE_SYN_ACK_SENT && seq === words[we + L.E_START]) {
        // The SYN-ACK overtook its SYN on the way to the capture.
        words[at + L.W_FLAGS] &= ~L.FLAG_PARTIAL;
        swapRoles(c.slots, slot);
        addFlip(c.slots, slot);
        setState(words, slot, wp, we, L.STATE_ESTABLISHED);
        words[at + L.W_FLAGS] |= L.FLAG_SEEN_ORIG;
      }
      if (stateOf(words, wp) === L.STATE_SYN_SENT) setState(words, slot, wp, we, L.STATE_ESTABLISHED);
      setState(words, slot, we, wp, L.STATE_ESTABLISHED);
      if (stateOf(words, wp) !== L.STATE_PARTIAL) established(c, slot);
    }
  }
  if ((flags & FIN) !== 0) {
    setState(words, slot, we, wp, L.STATE_CLOSED);
    close = CLOSE_REGULAR;
  }
  if ((flags & RST) !== 0) {
    setState(words, slot, we, wp, L.STATE_RESET);
    const rejects = orig
      ? stateOf(words, wp) === L.STATE_ESTABLISHED
      : stateOf(words, wp) === L.STATE_SYN_SENT || stateOf(words, wp) === L.STATE_SYN_ACK_SENT;
    close = rejects ? CLOSE_ABRUPT : CLOSE_REGULAR;
  }
  if ((words[we + L.E_STATE] & L.STATE_MASK) === L.STATE_INACTIVE) {
    // Some stacks acknowledge a SYN before they send the SYN-ACK: that is not yet the middle of a session.
    if (!orig && len === 0 && stateOf(words, wp) === L.STATE_SYN_SENT) return close;
    if ((flags & ACK) !== 0 && stateOf(words, wp) === L.STATE_ESTABLISHED) {
      // Only the SYN was lost.
      setState(words, slot, we, wp, L.STATE_ESTABLISHED);
      words[at + L.W_FLAGS] &= ~L.FLAG_PARTIAL;
      words[at + L.W_FLAGS] |= orig ? L.FLAG_SEEN_ORIG : L.FLAG_SEEN_RESP;
    } else setState(words, slot, we, wp, L.STATE_PARTIAL);
  }
  return close;
}

/**
 * Updates the states for a packet of end `end`.
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
  const at = slot * L.WORDS;
  const we = at + L.W_ENDS + end * L.W_END_SIZE;
  const wp = at + L.W_ENDS + (end ^ 1) * L.W_END_SIZE;
  const state = words[we + L.E_STATE] & L.STATE_MASK;
  if (state === L.STATE_INACTIVE) return fromInactive(c, slot, we, wp, seq, flags, len, orig);
  if ((flags & (SYN | FIN | RST)) === 0) return CLOSE_NONE;
  const peer = words[wp + L.E_STATE];
  const peerPrevious = (peer >> L.PREVIOUS_SHIFT) & L.STATE_MASK;
  let close = CLOSE_NONE;
  switch (state) {
    case L.STATE_SYN_SENT:
    case L.STATE_SYN_ACK_SENT:
      if ((flags & FIN) !== 0) {
        setState(words, slot, we, wp, L.STATE_CLOSED);
        close = CLOSE_REGULAR;
      }
      if ((flags & RST) !== 0) {
        setState(words, slot, we, wp, L.STATE_RESET);
        words[at + L.W_FLAGS] &= ~L.FLAG_ACTIVE;
        if (close === CLOSE_NONE) close = CLOSE_ABRUPT;
      }
      break;
    case L.STATE_ESTABLISHED:
    case L.STATE_PARTIAL:
      if (
        (flags & SYN) !== 0 &&
        (flags & ACK) === 0 &&
        state === L.STATE_PARTIAL &&
        (peer & L.STATE_MASK) === L.STATE_INACTIVE
      )
        setState(words, slot, we, wp, L.STATE_SYN_SENT);
      if ((flags & FIN) !== 0 && (flags & RST) === 0) {
        setState(words, slot, we, wp, L.STATE_CLOSED);
        // FIN, then a reset from the same side: a normal close, not a failure.
        if ((peer & L.STATE_MASK) === L.STATE_RESET && peerPrevious === L.STATE_CLOSED)
          setState(words, slot, wp, we, L.STATE_CLOSED);
        close = CLOSE_REGULAR;
      }
      if ((flags & RST) !== 0) {
        setState(words, slot, we, wp, L.STATE_RESET);
        close = CLOSE_ABRUPT;
        if ((peer & L.STATE_MASK) !== L.STATE_RESET || peerPrevious !== L.STATE_ESTABLISHED)
          words[at + L.W_FLAGS] &= ~L.FLAG_ACTIVE;
      }
      break;
    case L.STATE_CLOSED:
      if ((flags & RST) !== 0 && (peer & L.STATE_MASK) !== L.STATE_CLOSED) {
        setState(words, slot, we, wp, L.STATE_RESET);
        if ((words[we + L.E_STATE] & L.END_DID_CLOSE) === 0) close = CLOSE_ABRUPT;
        const reset = slot * L.REALS + L.R_RESET;
        if (c.config.tcpResetDelayUs > 0 && c.slots.reals[reset] === 0)
          c.slots.reals[reset] = us + c.config.tcpResetDelayUs;
      }
      break;
    default:
  }
  return close;
}
