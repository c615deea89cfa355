/**
 * pcapng captures (draft-ietf-opsawg-pcapng): blocks of a type, a length, a
 * body and the length again, in sections that each have their own byte order
 * and interfaces.
 *
 * It reads section headers, interface descriptions (snaplen, if_tsresol, if_tsoffset), and enhanced, simple and
 * obsolete packets. Every other block is skipped; unregistered types are reported. Section lengths are not needed and
 * not trusted. A simple packet has no time: it gets the time of the record before it. The two lengths of a block must
 * agree; otherwise the reader looks for the next sound block (blocks.ts).
 */

import { type CaptureLedger, RECORD_LIMIT, RECORD_LIMIT_CAP, recordLimit } from '../facts.ts';
import type { RecordSink } from '../recordsink.ts';
import { BLOCK_LIMIT, BlockScan, MORE, NONE, readWhole, registered, TYPE } from './blocks.ts';
import { nameCompressed } from './compressed.ts';
import { beginsPart, isPcapMagic, PART_BYTES } from './fileheader.ts';
import type { FormatReader } from './formatreader.ts';
import { PartSearch } from './parts.ts';
import { InterfaceClock } from './timestamps.ts';

/** Interfaces of a section that are kept; packets of further ones are lost. */
const INTERFACES = 65_536;

/** Most bytes of a skipped block that are held to compare its two lengths. */
const HELD_LIMIT = RECORD_LIMIT_CAP;
/** Blocks in a row that prove a place: after damage, and inside a block that is merely large. */
const CHAIN = 2;
const SKIPPED_CHAIN = 4;

/** Types up to this one are no beginning of a classic capture. */
const LARGEST_COMMON = 0xffff;

const SECTION_BODY = 28;
/** Of an enhanced packet block, and of an obsolete one: what stands before the packet, and the second length. */
const PACKET_HEADER = 28;
const TRAILER = 4;
const MAGIC_AT = 8;
const MAGIC = 0x1a2b3c4d;
const MAGIC_LITTLE = 0x4d3c2b1a;
const OPTION_END = 0;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;

/** One interface of the section. */
interface Interface {
  linkType: number;
  /** 0 means no limit. */
  snaplen: number;
  /** Captured bytes a packet of it may claim. */
  limit: number;
  clock: InterfaceClock;
}

/** Reads the packets of a pcapng capture. */
export class PcapngReader implements FormatReader {
  need = SECTION_BODY;
  another = false;
  private readonly sink: RecordSink;
  private readonly ledger: CaptureLedger;
  private readonly scan = new BlockScan();
  private readonly parts = new PartSearch();
  private little = true;
  private sections = 0;
  private interfaces: Interface[] = [];
  /** Most bytes of a block that is read whole. */
  private limit = BLOCK_LIMIT;
  private state: 'blocks' | 'lost' | 'skipping' | 'refused' = 'blocks';
  private lostFrom = 0;
  private lostReason: 'bad_block_length' | 'block_trailer_mismatch' | 'bad_section_header' = 'bad_block_length';
  /** Skipping a block too large to be held: the offset of its end, and the length it claims. */
  private skipTo = 0;
  private skipLength = 0;

  constructor(sink: RecordSink, ledger: CaptureLedger) {
    this.sink = sink;
    this.ledger = ledger;
    ledger.begins('pcapng');
  }

  run(bytes: Uint8Array, view: DataView, start: number, end: number, base: number, ended: boolean): number {
    let at = start;
    for (;;) {
      const before = this.state;
      if (before === 'refused') return at;
      if (before === 'blocks') at = this.blocks(bytes, view, at, end, base, ended);
      else at = this.search(view, at, end, base, ended);
      if (this.another) return at;
      if (this.state === before || (at === end && !ended)) {
        // A state entered with no bytes left has not set `need` yet.
        if (this.state !== before) this.need = 12;
        return at;
      }
      if (at === end && this.state === 'blocks') return at;
    }
  }

  get refused(): boolean {
    return this.state === 'refused';
  }

  /** Read blocks from the one at `at` on. */
  private blocks(bytes: Uint8Array, view: DataView, at: number, end: number, base: number, ended: boolean): number {
    let p = at;
    for (;;) {
      const there = end - p;
      if (there < 12) {
        this.need = 12;
        if (!ended || there === 0) return p;
        this.ledger.truncated(base + p, 'truncated_block', there, 12);
        return end;
      }
      let little = this.little;
      const type = view.getUint32(p, little);
      if (type > LARGEST_COMMON && isPcapMagic(view.getUint32(p))) {
        // Its first bytes would be a block of private use.
        if (there < PART_BYTES && !ended) {
          this.need = PART_BYTES;
          return p;
        }
        if (beginsPart(view, p, end)) {
          this.another = true;
          return p;
        }
      }
      if (type === TYPE.section) {
        const magic = view.getUint32(p + MAGIC_AT);
        if (magic !== MAGIC && magic !== MAGIC_LITTLE) {
          if (this.sections > 0) return this.lose(view, p, base, 'bad_section_header');
          this.ledger.unreadable(base + p, 'bad_section_header', `byte-order magic 0x${magic.toString(16)}`);
          this.state = 'refused';
          return p + MAGIC_AT + 4;
        }
        little = magic === MAGIC_LITTLE;
      }
      const total = view.getUint32(p + 4, little);
      if (total < 12 || (total > this.limit && readWhole(type))) {
        if (this.sections === 0) this.setOrder(little);
        return this.lose(view, p, base, 'bad_block_length');
      }
      const whole = Math.ceil(total / 4) * 4;
      // A block that is held whole is judged by its two lengths, whatever its body looks like.
      if (total > Math.max(this.limit, HELD_LIMIT)) {
        nameCompressed(this.ledger, view, p, base);
        this.skipTo = base + p + whole;
        this.skipLength = total;
        this.lostFrom = base + p;
        this.state = 'skipping';
        return p + 12;
      }
      if (there < whole) {
        this.need = whole;
        if (!ended) return p;
        return this.cutOff(view, p, end, base, whole, total > this.limit ? SKIPPED_CHAIN : CHAIN);
      }
      if (view.getUint32(p + whole - 4, little) !== total) {
        // If one block with two equal lengths follows, or a few linked by their first lengths alone, only this trailer
        // is wrong.
        const { scan, limit } = this;
        let verdict = scan.chain(view, p + whole, end, ended, little, limit, 1);
        if (verdict === 'broken') verdict = scan.chain(view, p + whole, end, ended, little, limit, 3, false);
        if (verdict === 'more') {
          this.need = this.scan.wanted - p;
          return p;
        }
        if (verdict === 'broken') {
          if (this.sections === 0) this.setOrder(little);
          return this.lose(view, p, base, 'block_trailer_mismatch');
        }
        this.ledger.odd('block_trailer_mismatch', -1, 0, base + p, 'the next block is sound');
      } else if (whole !== total) this.ledger.odd('block_length_unaligned', -1, 0, base + p, `${total}`);
      this.block(bytes, view, type, p, p + whole, base, little);
      p += whole;
    }
  }

  /** One whole block in bytes[p..end). */
  private block(
    bytes: Uint8Array,
    view: DataView,
    type: number,
    p: number,
    end: number,
    base: number,
    little: boolean,
  ): void {
    const body = end - p - 12;
    switch (type) {
      case TYPE.enhanced:
      case TYPE.obsolete:
        if (body < 20) this.tooShort(p, end, base);
        else {
          // The obsolete block has a count of drops in the other half of this word.
          const number = type === TYPE.enhanced ? view.getUint32(p + 8, little) : view.getUint16(p + 8, little);
          const hi = view.getUint32(p + 12, little);
          const lo = view.getUint32(p + 16, little);
          const cap = view.getUint32(p + 20, little);
          const len = view.getUint32(p + 24, little);
          this.packet(bytes, p, end, base, p + 28, number, hi, lo, cap, len);
        }
        return;
      case TYPE.simple:
        if (body < 4) this.tooShort(p, end, base);
        else this.simple(bytes, p, end, base, view.getUint32(p + 8, little));
        return;
      case TYPE.interface:
        if (body < 8) this.tooShort(p, end, base);
        else this.describe(view, p, end, base, little);
        return;
      case TYPE.section:
        if (body < 16) this.tooShort(p, end, base);
        this.section(view, p, end, little);
        return;
      default:
        // Types with the top bit set are for private use.
        if (!registered(type) && type < 0x8000_0000)
          this.ledger.odd('unknown_block', -1, 0, base + p, `type 0x${type.toString(16)}`);
    }
  }

  private packet(
    bytes: Uint8Array,
    p: number,
    end: number,
    base: number,
    start: number,
    number: number,
    hi: number,
    lo: number,
    cap: number,
    len: number,
  ): void {
    const { ledger } = this;
    const source = this.interfaces[number];
    if (source === undefined) {
      ledger.lost(base + p, 'unknown_interface', end - p, `interface ${number} of ${this.interfaces.length}`);
      return;
    }
    if (cap > end - 4 - start || cap > source.limit) {
      ledger.lost(base + p, 'bad_packet_length', end - p, `${cap} bytes in a block of ${end - p}`);
      return;
    }
    const clock = source.clock;
    clock.read(hi, lo);
    const { us, ns } = clock;
    if (clock.clamped) ledger.odd('time_out_of_range', us, ns, base + p, clock.resolution);
    if (cap > len) ledger.odd('caplen_exceeds_len', us, ns, base + p, `${cap} of ${len} bytes`);
    ledger.tally(us, ns);
    this.sink.record(bytes, start, cap, len, us, ns, source.linkType, base + p);
  }

  private simple(bytes: Uint8Array, p: number, end: number, base: number, len: number): void {
    const { ledger } = this;
    const source = this.interfaces[0];
    if (source === undefined) {
      ledger.lost(base + p, 'unknown_interface', end - p, 'interface 0 of 0');
      return;
    }
    const wanted = source.snaplen === 0 ? len : Math.min(len, source.snaplen);
    const there = end - p - 16;
    // Some writers do not record the snaplen in the interface: then the block's length decides.
    const cap = Math.min(wanted, there);
    if (cap < wanted) ledger.odd('simple_packet_cut', -1, 0, base + p, `${there} of ${wanted} bytes`);
    const us = ledger.previousUs;
    const ns = ledger.previousNs;
    ledger.oddOnce('packet_without_time', us, ns, base + p, 'simple packets get the time of the record before');
    ledger.tally(us, ns);
    this.sink.record(bytes, p + 12, cap, len, us, ns, source.linkType, base + p);
  }

  private describe(view: DataView, p: number, end: number, base: number, little: boolean): void {
    if (this.interfaces.length === INTERFACES) {
      this.ledger.oddOnce('too_many_interfaces', -1, 0, base + p, `more than ${INTERFACES} in a section`);
      return;
    }
    const linkType = view.getUint16(p + 8, little);
    const snaplen = view.getUint32(p + 12, little);
    let tsresol = 6;
    let offset = 0n;
    for (let at = p + 16; at + 4 <= end - 4; ) {
      const code = view.getUint16(at, little);
      const length = view.getUint16(at + 2, little);
      const next = at + 4 + Math.ceil(length / 4) * 4;
      if (code === OPTION_END) break;
      if (next > end - 4) {
        this.ledger.odd('option_exceeds_block', -1, 0, base + p, `option ${code} of ${length} bytes`);
        break;
      }
      if (code === OPTION_TSRESOL && length >= 1) tsresol = view.getUint8(at + 4);
      if (code === OPTION_TSOFFSET && length >= 8) offset = view.getBigInt64(at + 4, little);
      at = next;
    }
    const clock = new InterfaceClock(tsresol, offset);
    const limit = recordLimit(snaplen, linkType);
    this.interfaces.push({ linkType, snaplen, limit, clock });
    this.limit = Math.max(this.limit, limit - RECORD_LIMIT + BLOCK_LIMIT);
    this.ledger.describe(linkType, snaplen, clock.resolution);
  }

  private section(view: DataView, p: number, end: number, little: boolean): void {
    if (this.sections === 0 && end - p >= 16)
      this.ledger.version ??= `${view.getUint16(p + 12, little)}.${view.getUint16(p + 14, little)}`;
    this.setOrder(little);
    this.sections++;
    this.interfaces = [];
    this.limit = BLOCK_LIMIT;
  }

  private setOrder(little: boolean): void {
    this.ledger.ordered(little);
    this.little = little;
  }

  private tooShort(p: number, end: number, base: number): void {
    this.ledger.lost(base + p, 'block_too_short', end - p, `${end - p} bytes`);
  }

  /** The capture ends inside the block at `p`, unless its length is wrong and sound blocks follow. */
  private cutOff(view: DataView, p: number, end: number, base: number, whole: number, chain: number): number {
    // What looks like blocks is then a capture that the packet carries.
    const agree = this.lengthsAgree(view, p, end, whole);
    const found = agree ? NONE : this.scan.find(view, p + 1, end, end, true, this.little, this.limit, chain);
    if (found === NONE && this.parts.find(view, p + 1, end, end, true, true) === NONE) {
      this.ledger.truncated(base + p, 'truncated_block', end - p, whole);
      return end;
    }
    return this.lose(view, p, base, 'bad_block_length');
  }

  /**
   * Whether the block at `p`, of `whole` bytes, is one of a packet whose own length says the same, so that damage has not
   * made it: up to options that no other packet would fit into.
   */
  private lengthsAgree(view: DataView, p: number, end: number, whole: number): boolean {
    const { little } = this;
    const type = view.getUint32(p, little);
    if ((type !== TYPE.enhanced && type !== TYPE.obsolete) || end - p < PACKET_HEADER) return false;
    const cap = view.getUint32(p + 20, little);
    const options = whole - PACKET_HEADER - TRAILER - Math.ceil(cap / 4) * 4;
    return options >= 0 && options < PACKET_HEADER + TRAILER;
  }

  private lose(view: DataView, p: number, base: number, reason: typeof this.lostReason): number {
    nameCompressed(this.ledger, view, p, base);
    this.state = 'lost';
    this.lostFrom = base + p;
    this.lostReason = reason;
    return p + 1;
  }

  /** After damage, or in a skipped block: look for the next sound blocks, or for the end of the skipped one. */
  private search(view: DataView, at: number, end: number, base: number, ended: boolean): number {
    const skipping = this.state === 'skipping';
    const trailer = skipping ? this.skipTo - 4 - base : end;
    // Inside a block that is merely large there may be bytes that look like blocks: only many in a row count.
    const chain = skipping ? SKIPPED_CHAIN : CHAIN;
    const { scan, parts } = this;
    const found = scan.find(view, at, trailer, end, ended, this.little, this.limit, chain);
    const before = found === NONE ? trailer : found === MORE ? scan.candidate + 1 : found;
    // Behind damage a classic capture may begin, before the next block.
    const part = skipping ? NONE : parts.find(view, at, before, end, ended, false);
    if (part >= 0) {
      this.ledger.gap(this.lostFrom, base + part, this.lostReason);
      this.another = true;
      return part;
    }
    if (part === MORE || found === MORE) {
      const { wanted, candidate } = part === MORE ? parts : scan;
      this.need = wanted - candidate;
      return candidate;
    }
    if (found === NONE) {
      if (skipping && trailer + 4 <= end) return this.skipped(view, trailer);
      if (!ended) {
        const next = Math.max(at, Math.min(trailer, end - PART_BYTES + 1));
        this.need = next === trailer ? 4 : PART_BYTES;
        return next;
      }
      if (skipping)
        this.ledger.truncated(this.lostFrom, 'truncated_block', base + end - this.lostFrom, this.skipLength);
      else this.ledger.gap(this.lostFrom, base + end, this.lostReason);
      return end;
    }
    this.ledger.gap(this.lostFrom, base + found, skipping ? 'bad_block_length' : this.lostReason);
    this.state = 'blocks';
    return found;
  }

  /** The skipped block's second length has been reached. */
  private skipped(view: DataView, trailer: number): number {
    if (view.getUint32(trailer, this.little) === this.skipLength) {
      this.state = 'blocks';
      return trailer + 4;
    }
    this.state = 'lost';
    this.lostReason = 'block_trailer_mismatch';
    return trailer;
  }
}
