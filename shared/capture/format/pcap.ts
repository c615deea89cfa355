/**
 * Classic captures (draft-ietf-opsawg-pcap): a 24-byte file header, then
 * records of a 16-byte header and the captured bytes.
 *
 * It reads versions 2.x in both byte orders with microseconds (a1b2c3d4) or nanoseconds (a1b23c4d), and the modified
 * format (a1b2cd34) with record headers of 24 bytes. Other major versions are refused.
 *
 * A record is passed on only once the header after it has been seen, which confirms its length. At an invalid header
 * the reader looks for the next sound chain of records (resync.ts).
 */

import { type CaptureLedger, MAX_US, recordLimit } from '../facts.ts';
import type { RecordSink } from '../recordsink.ts';
import type { FormatReader } from './formatreader.ts';
import { DAY, far, IMPOSSIBLE, MORE, NONE, ODD_ORIG_LEN, oddities, PcapResync, type RecordShape } from './resync.ts';

const FILE_HEADER = 24;
const VERSION_MAJOR = 4;
const VERSION_MINOR = 6;
const SNAPLEN = 16;
const LINK_TYPE = 20;

const MAGIC_US = 0xa1b2c3d4;
const MAGIC_NS = 0xa1b23c4d;
const MAGIC_MODIFIED = 0xa1b2cd34;
const MAGIC_US_LITTLE = 0xd4c3b2a1;
const MAGIC_NS_LITTLE = 0x4d3cb2a1;
const MAGIC_MODIFIED_LITTLE = 0x34cdb2a1;

/** True if the first four bytes, read big-endian, begin a classic capture. */
export function isPcapMagic(magic: number): boolean {
  return (
    magic === MAGIC_US ||
    magic === MAGIC_NS ||
    magic === MAGIC_MODIFIED ||
    magic === MAGIC_US_LITTLE ||
    magic === MAGIC_NS_LITTLE ||
    magic === MAGIC_MODIFIED_LITTLE
  );
}

/** What to do with the current record, `p`, and the odd header after it. */
type Ruling =
  /** Both are records. */
  | 'accept'
  /** The current record has a wrong length: a sound chain begins at `resumeAt`, inside it. */
  | 'resume'
  /** The current record is sound, what follows is not. */
  | 'lost'
  /** Undecided: `need` bytes are needed. */
  | 'more';

/** Reads the records of a classic capture. */
export class PcapReader implements FormatReader {
  need = FILE_HEADER;
  private readonly sink: RecordSink;
  private readonly ledger: CaptureLedger;
  private readonly shape: RecordShape;
  private readonly resync: PcapResync;
  private linkType = 0;
  private state: 'file-header' | 'records' | 'lost' | 'refused' = 'file-header';
  /** The header where `run` continues has been judged already. */
  private judged = false;
  /** That header is odd: its oddities are reported when the record is passed on. */
  private odd = false;
  /** That header's time is more than a day from the previous record's. */
  private strayed = false;
  /** The state changed: the loop in `run` continues with the bytes it has. */
  private switched = false;
  private resumeAt = 0;
  private lostFrom = 0;
  private lastSec = Number.NaN;

  /** @param magic the first four bytes, read big-endian */
  constructor(magic: number, sink: RecordSink, ledger: CaptureLedger) {
    this.sink = sink;
    this.ledger = ledger;
    const little = magic === MAGIC_US_LITTLE || magic === MAGIC_NS_LITTLE || magic === MAGIC_MODIFIED_LITTLE;
    const nano = magic === MAGIC_NS || magic === MAGIC_NS_LITTLE;
    const modified = magic === MAGIC_MODIFIED || magic === MAGIC_MODIFIED_LITTLE;
    this.shape = {
      little,
      header: modified ? 24 : 16,
      unit: nano ? 1_000_000_000 : 1_000_000,
      limit: 0,
      capAt: 8,
      lenAt: 12,
    };
    this.resync = new PcapResync(this.shape);
    ledger.format = 'pcap';
    ledger.byteOrder = little ? 'little' : 'big';
  }

  run(bytes: Uint8Array, view: DataView, start: number, end: number, base: number, ended: boolean): number {
    let at = start;
    if (this.state === 'file-header') {
      if (end - at < FILE_HEADER) {
        this.need = FILE_HEADER;
        if (!ended) return at;
        this.ledger.truncated(0, 'truncated_file_header', end - at, FILE_HEADER);
        return end;
      }
      this.fileHeader(view, at);
      at += FILE_HEADER;
    }
    while (this.state === 'records' || this.state === 'lost') {
      at =
        this.state === 'lost'
          ? this.search(view, at, end, base, ended)
          : this.records(bytes, view, at, end, base, ended);
      // Both return when they need more bytes, and when the other has to take over.
      if (at < end && this.switched) continue;
      return at;
    }
    return at;
  }

  get refused(): boolean {
    return this.state === 'refused';
  }

  private fileHeader(view: DataView, at: number): void {
    const { shape, ledger } = this;
    const little = shape.little;
    const major = view.getUint16(at + VERSION_MAJOR, little);
    const minor = view.getUint16(at + VERSION_MINOR, little);
    const snaplen = view.getUint32(at + SNAPLEN, little);
    // The bits above the link type are the frame check sequence's length and reserved bits.
    const linkField = view.getUint32(at + LINK_TYPE, little);
    this.linkType = linkField & 0xffff;
    ledger.version = `${major}.${minor}`;
    ledger.describe(this.linkType, snaplen, shape.unit === 1_000_000 ? 'us' : 'ns');
    if (major !== 2) {
      ledger.unreadable(0, 'unsupported_version', ledger.version);
      this.state = 'refused';
      return;
    }
    if (linkField >>> 16 !== 0)
      ledger.odd('link_type_high_bits', -1, 0, LINK_TYPE, `0x${linkField.toString(16).padStart(8, '0')}`);
    // Writers before version 2.3 put the length on the wire first.
    if (minor < 3) {
      shape.capAt = 12;
      shape.lenAt = 8;
    }
    shape.limit = recordLimit(snaplen, this.linkType);
    this.state = 'records';
  }

  /** Read records from the header at `at` on. */
  private records(bytes: Uint8Array, view: DataView, at: number, end: number, base: number, ended: boolean): number {
    this.switched = false;
    const { sink, ledger, linkType } = this;
    const { little, header, unit, limit, capAt, lenAt } = this.shape;
    const nano = unit !== 1_000_000;
    let p = at;
    if (end - p < header) {
      this.need = header;
      if (!ended) return p;
      if (end > p) ledger.truncated(base + p, 'truncated_record_header', end - p, header);
      return end;
    }
    if (!this.judged) {
      // The first header of a capture has no record before it.
      const ruling = this.rule(view, Number.NaN, p, end, ended);
      if (ruling === 'more') {
        this.need = this.resync.wanted - p;
        return p;
      }
      if (ruling === 'lost') return this.lose(p, base);
      this.judged = true;
    }
    let sec = view.getUint32(p, little);
    let sub = view.getUint32(p + 4, little);
    let cap = view.getUint32(p + capAt, little);
    let len = view.getUint32(p + lenAt, little);
    for (;;) {
      const q = p + header + cap;
      const beyond = q + header > end;
      let ruling: Ruling = 'accept';
      let nextSec = 0;
      let nextSub = 0;
      let nextCap = 0;
      let nextLen = 0;
      let nextOdd = false;
      if (beyond) {
        if (!ended) {
          this.need = q + header - p;
          return p;
        }
        if (q !== end && this.findInside(view, p, Math.min(q, end), end, sec)) ruling = 'resume';
      } else {
        nextSec = view.getUint32(q, little);
        nextSub = view.getUint32(q + 4, little);
        nextCap = view.getUint32(q + capAt, little);
        nextLen = view.getUint32(q + lenAt, little);
        if (
          nextCap > limit ||
          nextCap > nextLen ||
          nextSub >= unit ||
          nextLen === 0 ||
          nextLen > ODD_ORIG_LEN ||
          (nextSec - sec + DAY) >>> 0 > 2 * DAY
        ) {
          nextOdd = true;
          this.lastSec = sec;
          ruling = this.rule(view, p, q, end, ended);
        }
      }
      if (ruling === 'more') {
        this.need = this.resync.wanted - p;
        return p;
      }
      // A wrong length may by chance lead to another record's header. More captured bytes than on the wire are only
      // accepted if no records inside them lead to the same place.
      if (this.odd && ruling === 'accept' && cap > len && q <= end) {
        this.resumeAt = this.resync.inside(view, p, q, this.lastSec);
        if (this.resumeAt !== NONE) ruling = 'resume';
      }
      if (ruling === 'resume') {
        ledger.gap(base + p, base + this.resumeAt, 'bad_record_header');
        this.odd = this.strayed = false;
        p = this.resumeAt;
        sec = view.getUint32(p, little);
        sub = view.getUint32(p + 4, little);
        cap = view.getUint32(p + capAt, little);
        len = view.getUint32(p + lenAt, little);
        continue;
      }
      if (q > end) {
        ledger.truncated(base + p, 'truncated_record', end - p, q - p);
        return end;
      }
      let us = sec * 1e6 + sub;
      let ns = 0;
      if (nano) {
        const below = Math.floor(sub / 1000);
        us = sec * 1e6 + below;
        ns = sub - below * 1000;
      }
      if (us > MAX_US) us = MAX_US;
      if (this.odd) this.name(us, ns, base + p, sub, cap, len);
      ledger.tally(us, ns);
      sink.record(bytes, p + header, cap, len, us, ns, linkType, base + p);
      if (beyond) {
        if (end > q) ledger.truncated(base + q, 'truncated_record_header', end - q, header);
        return end;
      }
      if (ruling === 'lost') {
        this.lastSec = sec;
        return this.lose(q, base);
      }
      this.odd = nextOdd;
      this.strayed = nextOdd && far(nextSec, sec);
      p = q;
      sec = nextSec;
      sub = nextSub;
      cap = nextCap;
      len = nextLen;
    }
  }

  /** Judge the header at `q`, which looks odd or has no record before it; the current record is at `p` (NaN: none). */
  private rule(view: DataView, p: number, q: number, end: number, ended: boolean): Ruling {
    const odd = oddities(view, q, this.shape, this.lastSec);
    if (odd === 0) return 'accept';
    let verdict = 'broken';
    if (odd < IMPOSSIBLE) {
      verdict = this.resync.judge(view, q, end, ended);
      if (verdict === 'more') return 'more';
      if (verdict === 'sound') {
        if (Number.isNaN(p)) this.odd = true;
        return 'accept';
      }
    }
    if (!Number.isNaN(p)) {
      // Odd headers that lead on within the same day are only overruled by a sound chain of that day.
      const farToo = verdict === 'broken' || this.strayed || far(view.getUint32(q, this.shape.little), this.lastSec);
      const found = this.resync.find(view, p + 1, q, end, ended, this.lastSec, farToo, verdict !== 'broken');
      if (found === MORE) return 'more';
      if (found !== NONE) {
        this.resumeAt = found;
        return 'resume';
      }
    }
    if (odd >= IMPOSSIBLE || (verdict !== 'unsure' && odd > 1)) return 'lost';
    if (Number.isNaN(p)) this.odd = true;
    return 'accept';
  }

  /**
   * At the end of the capture: whether a sound chain inside the record at `p` shows that its length is wrong. A
   * truncated capture explains the record as well as a chain that is cut off itself.
   */
  private findInside(view: DataView, p: number, to: number, end: number, sec: number): boolean {
    const found = this.resync.find(view, p + 1, to, end, true, sec, true, true);
    this.resumeAt = found;
    return found >= 0;
  }

  private lose(at: number, base: number): number {
    this.state = 'lost';
    this.switched = true;
    this.lostFrom = base + at;
    return at + 1;
  }

  /** Look for the next sound chain of records from `at` on. */
  private search(view: DataView, at: number, end: number, base: number, ended: boolean): number {
    this.switched = false;
    const { header } = this.shape;
    const found = this.resync.find(view, at, end, end, ended, this.lastSec, true);
    if (found === MORE) {
      this.need = this.resync.wanted - this.resync.candidate;
      return this.resync.candidate;
    }
    if (found === NONE) {
      if (ended) {
        this.ledger.gap(this.lostFrom, base + end, 'bad_record_header');
        return end;
      }
      this.need = header;
      return Math.max(at, end - header + 1);
    }
    this.ledger.gap(this.lostFrom, base + found, 'bad_record_header');
    this.state = 'records';
    this.switched = true;
    this.judged = true;
    this.odd = this.strayed = false;
    return found;
  }

  /** Report what is odd about a record that is kept. */
  private name(us: number, ns: number, offset: number, sub: number, cap: number, len: number): void {
    this.odd = false;
    if (cap > len) this.ledger.odd('caplen_exceeds_len', us, ns, offset, `${cap} of ${len} bytes`);
    if (sub >= this.shape.unit) this.ledger.odd('subsecond_out_of_range', us, ns, offset, `${sub}`);
  }
}
