/**
 * Updates a session with one TCP packet, in the order of Zeek's session adapter: sequence numbers, history, last time,
 * states, acknowledgement, contents, close. Nothing is refused: any combination of flags has a next state.
 */

import {
  addLetterOf,
  addOnce,
  givesLetter,
  isLoneSynAck,
  LETTER_A,
  LETTER_D,
  LETTER_F,
  LETTER_H,
  LETTER_I,
  LETTER_Q,
  LETTER_R,
  LETTER_S,
  LETTER_T,
  LETTER_W,
  SEEN_ACK,
  SEEN_FIN,
  SEEN_FIN_RST,
  SEEN_MULTI,
  SEEN_PAYLOAD,
  SEEN_RST,
  SEEN_SYN,
} from '../history.ts';
import * as L from '../slots.ts';
import { count, type SessionSlots } from '../slots.ts';
import { checkEof, connectionClosed } from './tcpclose.ts';
import { NEW_AT_TOP, NEW_BELOW, SEEN_BEFORE } from './tcpcontents.ts';
import type { TcpContext } from './tcpcontext.ts';
import { ACK, FIN, RST, SYN } from './tcpflags.ts';
import { flipAfterSynAck, updateState } from './tcpstate.ts';

/** A SYN or RST this far from the expected sequence number does not move it. */
const TOO_LARGE_JUMP = 1048576;
const WRAP = 0x100000000;

/**
 * `seq` relative to an end's initial sequence number; negative when it is before it.
 * @param last the number to compare with, which had wrapped `wraps` times
 */
function relative(start: number, seq: number, last: number, wraps: number): number {
  const delta = (seq - last) | 0;
  const high = seq >>> 0;
  if (delta < 0) {
    if (wraps > 0 && high > last >>> 0) wraps--;
  } else if (delta > 0 && high < last >>> 0) wraps++;
  return wraps === 0 ? (seq - start) | 0 : wraps * WRAP + high - (start >>> 0);
}

function setStart(words: Int32Array, we: number, start: number, last: number): void {
  words[we + L.E_START] = start;
  words[we + L.E_ACK] = start;
  words[we + L.E_LAST] = last;
}

/** Sets the sender's initial sequence number: that of a SYN, or one before the first seen. */
function initSender(words: Int32Array, we: number, flags: number, seq: number, past: number): void {
  const state = words[we + L.E_STATE];
  switch (state & L.STATE_MASK) {
    case L.STATE_INACTIVE:
      if ((flags & SYN) !== 0) setStart(words, we, seq, past);
      else setStart(words, we, (seq - 1) | 0, seq);
      break;
    case L.STATE_SYN_SENT:
    case L.STATE_SYN_ACK_SENT:
      if ((flags & SYN) !== 0 && seq !== words[we + L.E_START]) setStart(words, we, seq, past);
      break;
    case L.STATE_ESTABLISHED:
    case L.STATE_PARTIAL:
      if ((flags & SYN) !== 0) setStart(words, we, seq, past);
      break;
    case L.STATE_RESET:
      // The numbers came from a reset, which may be forged; trust the SYN instead.
      if ((flags & SYN) !== 0 && ((state >> L.PREVIOUS_SHIFT) & L.STATE_MASK) === L.STATE_INACTIVE)
        setStart(words, we, seq, past);
      break;
    default:
  }
}

/** A relative sequence number as one word to compare with; the number itself may have wrapped. */
function fold(rel: number): number {
  return rel ^ Math.imul(Math.floor(rel / WRAP), 0x9e3779b1);
}

/** History letters of the flags and the payload. */
function noteFlags(
  s: SessionSlots,
  slot: number,
  end: number,
  we: number,
  flags: number,
  rel: number,
  len: number,
): void {
  const control = flags & (SYN | FIN | RST);
  if (control === 0) {
    if (len > 0) addOnce(s, slot, end, SEEN_PAYLOAD, LETTER_D);
    else if ((flags & ACK) !== 0) addOnce(s, slot, end, SEEN_ACK, LETTER_A);
    return;
  }
  const words = s.words;
  switch (control) {
    case SYN: {
      const letter = (flags & ACK) !== 0 ? LETTER_H : LETTER_S;
      if (addOnce(s, slot, end, SEEN_SYN, letter) && fold(rel) !== words[we + L.E_LAST_SYN])
        addLetterOf(s, slot, end, letter);
      words[we + L.E_LAST_SYN] = fold(rel);
      break;
    }
    case FIN:
      // A FIN comes after the payload of its packet.
      if (addOnce(s, slot, end, SEEN_FIN, LETTER_F) && fold(rel + len) !== words[we + L.E_LAST_FIN])
        addLetterOf(s, slot, end, LETTER_F);
      words[we + L.E_LAST_FIN] = fold(rel + len);
      break;
    case RST:
      if (addOnce(s, slot, end, SEEN_RST, LETTER_R) && fold(rel) !== words[we + L.E_LAST_RST])
        addLetterOf(s, slot, end, LETTER_R);
      words[we + L.E_LAST_RST] = fold(rel);
      break;
    default:
      if ((flags & FIN) !== 0 && (flags & RST) !== 0) addOnce(s, slot, end, SEEN_FIN_RST, LETTER_I);
      else addOnce(s, slot, end, SEEN_MULTI, LETTER_Q);
  }
}

/** Moves the highest sequence number sent; returns how far the packet's end is beyond it. */
function moveLast(
  s: SessionSlots,
  slot: number,
  end: number,
  we: number,
  flags: number,
  past: number,
  len: number,
): number {
  const words = s.words;
  const last = words[we + L.E_LAST];
  const delta = (past - last) | 0;
  if ((flags & (SYN | RST)) !== 0 && (delta > TOO_LARGE_JUMP || delta < -TOO_LARGE_JUMP)) return delta;
  // If only SYN and FIN are seen, more than 2 GB may be between them, which looks like a step backwards.
  const onlySyn = (flags & FIN) !== 0 && last === ((words[we + L.E_START] + 1) | 0);
  if (!onlySyn && (words[we + L.E_STATE] & L.STATE_MASK) === L.STATE_RESET) return delta;
  if (onlySyn || delta > 0) {
    if (past >>> 0 < last >>> 0) words[we + L.E_LAST_WRAPS]++;
    words[we + L.E_LAST] = past;
  } else if (len > 0 && givesLetter(count(words, we + L.E_RETRANSMISSIONS))) addLetterOf(s, slot, end, LETTER_T);
  return delta;
}

/**
 * Updates the acknowledgement number; returns it relative to the peer's initial sequence number, 0 when it is before
 * it.
 */
function moveAck(words: Int32Array, wp: number, flags: number, ack: number): number {
  if ((words[wp + L.E_STATE] & L.STATE_MASK) === L.STATE_INACTIVE) {
    setStart(words, wp, (ack - 1) | 0, (ack - 1) | 0);
    return 1;
  }
  const wraps = words[wp + L.E_ACK_WRAPS];
  const rel = relative(words[wp + L.E_START], ack, words[wp + L.E_ACK], wraps);
  if (rel < 0 && wraps === 0) return 0;
  if ((flags & RST) === 0) {
    const delta = (ack - words[wp + L.E_ACK]) | 0;
    if (delta > 0 && !(ack === 0 && delta > TOO_LARGE_JUMP)) {
      if (ack >>> 0 < words[wp + L.E_ACK] >>> 0) words[wp + L.E_ACK_WRAPS]++;
      words[wp + L.E_ACK] = ack;
    }
  }
  return rel;
}

/** Round trip of the handshake as seen at the capture point: from the last SYN to the SYN-ACK that acknowledges it. */
function noteHandshake(s: SessionSlots, slot: number, flags: number, seq: number, ack: number, us: number): void {
  const { words, reals } = s;
  const at = slot * L.WORDS;
  if ((flags & ACK) === 0) {
    words[at + L.W_SYN_SEQ] = seq;
    words[at + L.W_FLAGS] |= L.FLAG_SYN_SEEN;
    reals[slot * L.REALS + L.R_SYN] = us;
  } else if (
    reals[slot * L.REALS + L.R_SYN_RTT] < 0 &&
    (words[at + L.W_FLAGS] & L.FLAG_SYN_SEEN) !== 0 &&
    ack === ((words[at + L.W_SYN_SEQ] + 1) | 0)
  )
    reals[slot * L.REALS + L.R_SYN_RTT] = us - reals[slot * L.REALS + L.R_SYN];
}

/**
 * One packet of end `end` (0 = A, 1 = B) of the TCP session in `slot`.
 * `seq` and `ack` are 32-bit words, `flags` the TCP flags, `len` the payload bytes announced.
 *
 * @returns whether the session may now end earlier
 */
export function tcpPacket(
  c: TcpContext,
  slot: number,
  end: number,
  us: number,
  seq: number,
  ack: number,
  flags: number,
  len: number,
  window: number,
  truncated: boolean,
): boolean {
  const s = c.slots;
  const words = s.words;
  const at = slot * L.WORDS;
  const we = at + L.W_ENDS + end * L.W_END_SIZE;
  const wp = at + L.W_ENDS + (end ^ 1) * L.W_END_SIZE;
  if ((flags & (SYN | FIN | RST)) === 0 && isLoneSynAck(s, slot) && (len > 0 || (flags & ACK) !== 0))
    flipAfterSynAck(s, slot);
  const orig = (words[at + L.W_FLAGS] & L.FLAG_ORIG_IS_B) === end;

  if (orig) {
    if ((words[at + L.W_FLAGS] & L.FLAG_SEEN_ORIG) === 0) {
      if ((flags & SYN) === 0 || (flags & ACK) !== 0) words[at + L.W_FLAGS] |= L.FLAG_PARTIAL;
      else words[at + L.W_FLAGS] &= ~L.FLAG_PARTIAL;
    }
  } else if ((words[at + L.W_FLAGS] & (L.FLAG_SEEN_RESP | L.FLAG_PARTIAL)) === 0 && (flags & SYN) === 0)
    words[at + L.W_FLAGS] |= L.FLAG_PARTIAL;

  // The payload of a reset is not part of the stream.
  const size = ((flags & RST) !== 0 ? 0 : len) + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
  const past = (seq + size) | 0;
  initSender(words, we, flags, seq, past);
  const rel = relative(words[we + L.E_START], seq, words[we + L.E_LAST], words[we + L.E_LAST_WRAPS]);
  noteFlags(s, slot, end, we, flags, rel, len);
  if (
    window === 0 &&
    (flags & RST) === 0 &&
    (words[wp + L.E_STATE] & L.STATE_MASK) !== L.STATE_CLOSED &&
    (words[we + L.E_STATE] & L.STATE_MASK) !== L.STATE_RESET &&
    givesLetter(count(words, we + L.E_ZERO_WINDOWS))
  )
    addLetterOf(s, slot, end, LETTER_W);
  if ((words[we + L.E_STATE] & words[wp + L.E_STATE] & L.END_DID_CLOSE) === 0) s.reals[slot * L.REALS + L.R_LAST] = us;

  if ((flags & SYN) !== 0) noteHandshake(s, slot, flags, seq, ack, us);
  if ((flags & FIN) !== 0) {
    words[we + L.E_STATE] |= L.END_FIN_SEEN;
    s.reals[slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE + L.X_FIN] = rel + size;
  }
  const relAck = (flags & ACK) !== 0 ? moveAck(words, wp, flags, ack) : 0;
  const delta = moveLast(s, slot, end, we, flags, past, len);
  const close = updateState(c, slot, end, us, seq, flags, len, orig);
  let closing = false;
  if ((flags & ACK) !== 0 && c.contents.acknowledged(slot, end ^ 1, relAck)) closing = checkEof(c, slot, end ^ 1);
  words[at + L.W_FLAGS] |= orig ? L.FLAG_SEEN_ORIG : L.FLAG_SEEN_RESP;

  if (len > 0 && (flags & RST) === 0) {
    let what = delta <= 0 ? SEEN_BEFORE : NEW_AT_TOP;
    if (rel >= 0 && !truncated) what = c.contents.sent(slot, end, (flags & SYN) !== 0 ? rel + 1 : rel, len);
    if (what === SEEN_BEFORE) count(words, at + L.W_RETRANSMITTED);
    else if (what === NEW_BELOW) count(words, at + L.W_OUT_OF_ORDER);
  }
  if (checkEof(c, slot, end)) closing = true;
  if (close !== 0 && connectionClosed(c, slot, end, close)) closing = true;
  return closing || (flags & (FIN | RST)) !== 0;
}
