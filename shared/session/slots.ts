/**
 * Open sessions as records of fixed layout in typed arrays.
 *
 * A session takes one slot: WORDS 32-bit words, REALS doubles and LETTERS bytes of history. Each of its two ends has a
 * block of its own, numbered by the ends of the flow key (0 = A, 1 = B), never by role: a session that changes its
 * direction moves nothing. A record is in a few cache lines, unlike one spread over columns: WORDS and REALS fill whole
 * lines of 64 bytes, so that every slot begins at a line.
 *
 * Everything is plain numbers, so it can be stored and read back.
 *
 * The other files of this folder refer to the layout as L.W_FLOW, L.FLAG_DNS and so on. Bundling inlines the numbers
 * (infra/bundle/bundling.ts), provided that only constants come before them in this file, and no import.
 */

/** Words of a slot. */
export const WORDS = 64;
/** Doubles of a slot. */
export const REALS = 16;
/** History letters held in the slot; longer histories continue in `overflow`. */
export const LETTERS = 24;
/** Longest history kept. Zeek has no limit; letters beyond this carry no information. */
export const HISTORY_LIMIT = 4096;

// Words of the session.
export const W_FLOW = 0;
/** FLAG_* bits. */
export const W_FLAGS = 1;
/** Which history letters have been added, originator in the low half, responder in the high half. */
export const W_HISTORY_SEEN = 2;
/** Number of history letters. */
export const W_HISTORY_LENGTH = 3;
/** Nanoseconds of the first packet in the low half, of the last packet in the high half. */
export const W_NANOS = 4;
export const W_CAPTURE_FIRST = 5;
export const W_CAPTURE_LAST = 6;
export const W_CAPTURE_COUNT = 7;
/** Largest capture rank seen. */
export const W_CAPTURE_MAX = 8;
/** Head of the list of nodes of captures seen besides the two latest ones, -1 = none (captureset.ts). */
export const W_CAPTURE_LIST = 9;
export const W_RETRANSMITTED = 10;
export const W_OUT_OF_ORDER = 11;
export const W_DUPLICATE = 12;
export const W_TRUNCATED = 13;
/** Outer VLAN + 1 in the low half, inner VLAN + 1 in the high half. */
export const W_VLANS = 14;
export const W_TUNNEL = 15;
/** The capture seen before the one seen latest, -1 = none. */
export const W_CAPTURE_BEFORE = 16;
/** Sequence number of the last SYN without ACK. */
export const W_SYN_SEQ = 17;
/** Without TCP: the ports of the first packet if they are not part of the flow, in the order of its ends (SCTP). */
export const W_PORTS = 17;
/** Number of the session in order of opening. */
export const W_NUMBER = 18;
/** Number of earlier sessions of the same flow with the same start. */
export const W_ORDINAL = 19;
/** Cell of the expiry wheel, and the neighbours in it (-1 = none). W_NEXT also links free slots. */
export const W_CELL = 20;
export const W_NEXT = 21;
export const W_PREVIOUS = 22;
/** Capture seen latest, fragments included. */
export const W_CAPTURE_LATEST = 23;
/** First end block; W_END_SIZE words each. */
export const W_ENDS = 24;
export const W_END_SIZE = 20;

// Words of an end, from its block.
/** STATE_* in bits 0..2, the state before it in bits 4..6, END_* bits above. */
export const E_STATE = 0;
/** Initial sequence number (of the SYN, or one before the first byte seen). */
export const E_START = 1;
/** One past the highest sequence number sent. */
export const E_LAST = 2;
/** Highest acknowledgement of this end's bytes. */
export const E_ACK = 3;
/** Times E_LAST wrapped. */
export const E_LAST_WRAPS = 4;
/** Relative sequence numbers of the last SYN, FIN and RST in the history, folded into a word. */
export const E_LAST_SYN = 5;
export const E_LAST_FIN = 6;
export const E_LAST_RST = 7;
/** Retransmissions, zero windows and gaps: their letters are added at 1, 10, 100, ... */
export const E_RETRANSMISSIONS = 8;
export const E_ZERO_WINDOWS = 9;
export const E_GAPS = 10;
/** Head of the list of ranges beyond a hole, -1 = none. */
export const E_RANGES = 11;
/** Times E_ACK wrapped. */
export const E_ACK_WRAPS = 12;
/** OR of the TCP flags. */
export const E_TCP_FLAGS = 13;
/** Print of the last packet and its time, microseconds modulo 2^32: a repeat of it is recognised (repeats.ts). */
export const E_PRINT = 14;
export const E_PRINT_US = 15;
/** The block with the packets before it + 1, 0 = none; and where the next one goes, modulo its size. */
export const E_RECENT = 16;
export const E_RECENT_PLACE = 17;
/** Packets, and how often their count wrapped: countPacket, packetsOf. */
export const E_PACKETS = 18;
export const E_PACKETS_WRAPS = 19;

// Doubles of the session, all in microseconds but R_MISSED. Unbounded counts of bytes or packets are doubles.
export const R_START = 0;
/** Zeek's last time: no longer updated once both sides have closed. */
export const R_LAST = 1;
/** Last packet. */
export const R_END = 2;
/** With FLAG_ENDING the time at which the session ends, with FLAG_HALF_CLOSED the time of the first close. */
export const R_CLOSE = 3;
/** End by a reset after a FIN, 0 = none. */
export const R_RESET = 4;
/** Missed bytes. */
export const R_MISSED = 5;
/** Time of the last SYN without ACK. */
export const R_SYN = 6;
/** Microseconds from SYN to SYN-ACK, -1 while unknown. */
export const R_SYN_RTT = 7;
/** First end block; R_END_SIZE doubles each. */
export const R_ENDS = 8;
export const R_END_SIZE = 4;

// Doubles of an end, from its block.
/** IP bytes. */
export const X_IP_BYTES = 0;
/** Relative sequence number up to which contents are delivered (TCP), or payload bytes (datagrams). */
export const X_DELIVERED = 1;
/** Relative sequence number up to which contents are acknowledged and dropped. */
export const X_TRIMMED = 2;
/** Relative sequence number one past the FIN. */
export const X_FIN = 3;

// FLAG_* bits of W_FLAGS.
/** End B is the originator. */
export const FLAG_ORIG_IS_B = 1 << 0;
/** The beginning was not seen. */
export const FLAG_PARTIAL = 1 << 1;
export const FLAG_SEEN_ORIG = 1 << 2;
export const FLAG_SEEN_RESP = 1 << 3;
/** A close waits for data to be delivered; whether it will be a regular one. */
export const FLAG_CLOSE_DEFERRED = 1 << 4;
export const FLAG_DEFERRED_REGULAR = 1 << 5;
/** Neither finished nor reset. */
export const FLAG_ACTIVE = 1 << 6;
/** R_CLOSE says when the session ends. */
export const FLAG_ENDING = 1 << 7;
/** R_CLOSE says when the first side closed. */
export const FLAG_HALF_CLOSED = 1 << 8;
/** Began with a SYN of the originator: an attempt until there is an answer. */
export const FLAG_ATTEMPT = 1 << 9;
/** Bits 12..14: IDLE_* class. */
export const FLAG_IDLE_SHIFT = 12;
export const FLAG_IDLE_MASK = 7 << FLAG_IDLE_SHIFT;
/** Bits 15..16: KIND_*. */
export const FLAG_KIND_SHIFT = 15;
export const FLAG_KIND_MASK = 3 << FLAG_KIND_SHIFT;
/** SSH banners seen from A and B, FTP reply and command seen. */
export const FLAG_SSH_A = 1 << 17;
export const FLAG_SSH_B = 1 << 18;
export const FLAG_FTP_REPLY = 1 << 19;
export const FLAG_FTP_COMMAND = 1 << 20;
export const FLAG_SYN_SEEN = 1 << 21;
/** The partial close timer runs from R_CLOSE. */
export const FLAG_PARTIAL_CLOSE = 1 << 22;

/** UDP to a DNS port. Zeek attaches its parser at the first packet, whatever the payload. */
export const FLAG_DNS = 1 << 23;
/** A message that may be DNS has been seen. */
export const FLAG_DNS_BEGUN = 1 << 24;
/**
 * UDP to the NTP port; a server message by the originator or a client message by the responder has flipped the roles.
 */
export const FLAG_NTP = 1 << 25;
export const FLAG_NTP_FLIPPED_ORIG = 1 << 26;
export const FLAG_NTP_FLIPPED_RESP = 1 << 27;

/** Inactivity classes, index into the table that ExpiryWheel makes of the configuration. */
export const IDLE_HANDSHAKE = 0;
export const IDLE_TCP = 1;
export const IDLE_LONG = 2;
export const IDLE_UDP = 3;
export const IDLE_ICMP = 4;
export const IDLE_OTHER = 5;

/** Which state machine a session follows. */
export const KIND_TCP = 0;
export const KIND_UDP = 1;
export const KIND_ICMP = 2;
export const KIND_OTHER = 3;

// States of a TCP end, in Zeek's order; datagram ends are inactive or established.
export const STATE_INACTIVE = 0;
export const STATE_SYN_SENT = 1;
export const STATE_SYN_ACK_SENT = 2;
export const STATE_PARTIAL = 3;
export const STATE_ESTABLISHED = 4;
export const STATE_CLOSED = 5;
export const STATE_RESET = 6;
export const STATE_MASK = 7;
export const PREVIOUS_SHIFT = 4;

// END_* bits of E_STATE.
/** Its close has been reported. */
export const END_DID_CLOSE = 1 << 8;
export const END_FIN_SEEN = 1 << 9;
/** Too much data without acknowledgement: contents are no longer followed. */
export const END_SKIPPING = 1 << 10;
/** All its data has been delivered. */
export const END_DID_EOF = 1 << 11;

/** The largest count in a word; it saturates. Only counts of rare events are words. */
export const MOST_COUNTED = 0xffffffff;

/** Counts one more in word `at`. @returns the count */
export function count(words: Int32Array, at: number): number {
  const before = words[at] >>> 0;
  if (before === MOST_COUNTED) return before;
  words[at] = before + 1;
  return before + 1;
}

/** One packet more of the end whose block begins at word `we`. */
export function countPacket(words: Int32Array, we: number): void {
  const low = (words[we + E_PACKETS] + 1) | 0;
  words[we + E_PACKETS] = low;
  if (low === 0) words[we + E_PACKETS_WRAPS]++;
}

/** One packet less. */
export function uncountPacket(words: Int32Array, we: number): void {
  const low = words[we + E_PACKETS];
  words[we + E_PACKETS] = low - 1;
  if (low === 0) words[we + E_PACKETS_WRAPS]--;
}

/** Packets of the end whose block begins at word `we`, below 2^53. */
export function packetsOf(words: Int32Array, we: number): number {
  return words[we + E_PACKETS_WRAPS] * 2 ** 32 + (words[we + E_PACKETS] >>> 0);
}

/** The slots, with a free list. */
export class SessionSlots {
  /** Slots in use. */
  open = 0;
  words: Int32Array;
  reals: Float64Array;
  letters: Uint8Array;
  /** History letters beyond LETTERS, by slot. */
  readonly overflow = new Map<number, string>();
  private free = -1;
  private used = 0;

  constructor(slots = 1024) {
    this.words = new Int32Array(slots * WORDS);
    this.reals = new Float64Array(slots * REALS);
    this.letters = new Uint8Array(slots * LETTERS);
  }

  /** Slots that have ever been in use: all open ones are below. */
  get limit(): number {
    return this.used;
  }

  /** A slot with everything 0. Grows by doubling: keep no reference to the arrays across it. */
  take(): number {
    this.open++;
    const slot = this.free;
    if (slot >= 0) {
      this.free = this.words[slot * WORDS + W_NEXT];
      this.words.fill(0, slot * WORDS, (slot + 1) * WORDS);
      this.reals.fill(0, slot * REALS, (slot + 1) * REALS);
      return slot;
    }
    if ((this.used + 1) * WORDS > this.words.length) this.grow();
    return this.used++;
  }

  /** Frees a slot. Its lists must have been freed before. */
  release(slot: number): void {
    if (this.overflow.size > 0) this.overflow.delete(slot);
    const at = slot * WORDS;
    this.words[at + W_FLOW] = -1;
    this.words[at + W_NEXT] = this.free;
    this.free = slot;
    this.open--;
  }

  private grow(): void {
    const slots = (this.words.length / WORDS) * 2;
    const words = new Int32Array(slots * WORDS);
    words.set(this.words);
    this.words = words;
    const reals = new Float64Array(slots * REALS);
    reals.set(this.reals);
    this.reals = reals;
    const letters = new Uint8Array(slots * LETTERS);
    letters.set(this.letters);
    this.letters = letters;
  }
}
