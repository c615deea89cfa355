/**
 * Packets that repeat an earlier one of their session, as a mirror of two ports, bonded interfaces or a bridge capture
 * them: the same print (mark, lengths, sequence numbers, flags, window) in the same direction, at most 10 ms after one
 * of the nine packets before. They are counted, nothing else: Zeek counts them like other packets.
 *
 * A flow's last packet is in its slot. Only for a flow with packets less than 10 ms apart the eight before that are kept,
 * in a block of 64 bytes of a common pool: one packet each, as in a scan, costs nothing.
 */
import type { SessionSlots } from './slots.ts';
import * as L from './slots.ts';

/** The most time between a packet and its repeat, microseconds. */
export const REPEAT_WINDOW_US = 10_000;
/** Packets of a direction that a block remembers, behind the last one. A power of two. */
const REMEMBERED = 8;
/** Words of a block: prints, then times in microseconds modulo 2^32. */
const BLOCK = 2 * REMEMBERED;
/** Words that `save` writes. */
export const REPEAT_WORDS = BLOCK;

/**
 * The print of a packet. A packet that differs in one of these has another print; one that differs in several has the
 * same with a chance of about 1 in 2^32. Never 0.
 */
export function printOf(
  mark: number,
  ipLen: number,
  payloadLen: number,
  seq: number,
  ack: number,
  flags: number,
  window: number,
): number {
  const lengths = (Math.imul(ipLen, 0x165667b1) + Math.imul(payloadLen, 0xd3a2646d)) | 0;
  const numbers = (Math.imul(seq, 0x9e3779b1) + Math.imul(ack, 0x85ebca77)) | 0;
  const rest = (Math.imul(mark, 0x27d4eb2f) + Math.imul(flags | (window << 16), 0xc2b2ae3d)) | 0;
  const print = (lengths + numbers + rest) | 0;
  return print === 0 ? 1 : print;
}

/** The packets of open sessions that a repeat may follow. */
export class Repeats {
  private readonly s: SessionSlots;
  private blocks = new Int32Array(64 * BLOCK);
  private used = 0;
  /** First free block, -1 = none; its first word has the next. */
  private free = -1;

  constructor(slots: SessionSlots) {
    this.s = slots;
  }

  /** Notes a packet of end `end`, and counts it if it repeats one. @param us its time; packets come in order of time */
  note(slot: number, end: number, us: number, print: number): void {
    const { words } = this.s;
    const at = slot * L.WORDS;
    const we = at + L.W_ENDS + end * L.W_END_SIZE;
    const now = us | 0;
    const last = words[we + L.E_PRINT];
    const lastUs = words[we + L.E_PRINT_US];
    words[we + L.E_PRINT] = print;
    words[we + L.E_PRINT_US] = now;
    // No packet has print 0: this one is the first. Where the last one is too old, so are those before it.
    if (last === 0 || (now - lastUs) >>> 0 > REPEAT_WINDOW_US) return;
    if (this.follows(we, last, lastUs, now, print)) L.count(words, at + L.W_DUPLICATE);
  }

  /** Whether a print is among the remembered ones; remembers the last one. */
  private follows(we: number, last: number, lastUs: number, now: number, print: number): boolean {
    const { words } = this.s;
    let block = words[we + L.E_RECENT] - 1;
    if (block < 0) {
      block = this.take();
      words[we + L.E_RECENT] = block + 1;
    }
    const { blocks } = this;
    const from = block * BLOCK;
    const place = words[we + L.E_RECENT_PLACE];
    let found = last === print;
    for (let back = 1; back <= REMEMBERED && !found; back++) {
      const entry = from + ((place - back) & (REMEMBERED - 1));
      if ((now - blocks[entry + REMEMBERED]) >>> 0 > REPEAT_WINDOW_US) break;
      found = blocks[entry] === print;
    }
    const entry = from + (place & (REMEMBERED - 1));
    blocks[entry] = last;
    blocks[entry + REMEMBERED] = lastUs;
    words[we + L.E_RECENT_PLACE] = place + 1;
    return found;
  }

  /** Writes what is remembered of an end, REPEAT_WORDS words, oldest packet first. @returns false where nothing is */
  save(slot: number, end: number, out: Int32Array, at: number): boolean {
    const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
    const block = this.s.words[we + L.E_RECENT] - 1;
    if (block < 0) return false;
    for (let i = 0; i < REMEMBERED; i++) {
      const entry = block * BLOCK + ((this.s.words[we + L.E_RECENT_PLACE] + i) & (REMEMBERED - 1));
      out[at + i] = this.blocks[entry];
      out[at + i + REMEMBERED] = this.blocks[entry + REMEMBERED];
    }
    return true;
  }

  /** Remembers what `save` wrote of an end of which nothing is remembered. */
  restore(slot: number, end: number, from: Int32Array, at: number): void {
    const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
    const block = this.take();
    this.s.words[we + L.E_RECENT] = block + 1;
    this.s.words[we + L.E_RECENT_PLACE] = 0;
    for (let i = 0; i < BLOCK; i++) this.blocks[block * BLOCK + i] = from[at + i];
  }

  /** Frees the blocks of a session. */
  close(slot: number): void {
    const { words } = this.s;
    for (let end = 0; end < 2; end++) {
      const block = words[slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE + L.E_RECENT] - 1;
      if (block < 0) continue;
      this.blocks[block * BLOCK] = this.free;
      this.free = block;
    }
  }

  /** An empty block. */
  private take(): number {
    const block = this.free;
    if (block >= 0) {
      this.free = this.blocks[block * BLOCK];
      this.blocks.fill(0, block * BLOCK, (block + 1) * BLOCK);
      return block;
    }
    if ((this.used + 1) * BLOCK > this.blocks.length) {
      const grown = new Int32Array(this.blocks.length * 2);
      grown.set(this.blocks);
      this.blocks = grown;
    }
    return this.used++;
  }
}
