/**
 * The records of a classic capture, in the layout that its dialect has: read, and confirmed each by the header after
 * it. Where one is odd, resync.ts judges it; behind the last record another capture may begin.
 */

import { type CaptureLedger, MAX_US } from '../facts.ts';
import type { RecordSink } from '../recordsink.ts';
import { nameCompressed } from './compressed.ts';
import { DialectChoice } from './dialect.ts';
import { beginsPart, FILE_HEADER } from './fileheader.ts';
import type { FormatReader } from './formatreader.ts';
import { PartSearch } from './parts.ts';
import { MORE, NONE, PcapResync } from './resync.ts';
import { DAY, far, IMPOSSIBLE, MICROSECONDS, NANOSECONDS, ODD_ORIG_LEN, oddities, type RecordShape } from './shape.ts';

/** Records with odd sub-seconds after which it is looked again whether they count nanoseconds. */
const LOOK_AGAIN = 64;

/** What to do with the current record, `p`, and the odd header after it. */
type Ruling =
  /** Both are records. */
  | 'accept'
  /** The current record has a wrong length: a sound chain begins at `resumeAt`, inside it. */
  | 'resume'
  /** The current record is sound, what follows is not. */
  | 'lost'
  /** The current record is sound, and another capture begins behind it. */
  | 'part'
  /** Undecided: `need` bytes are needed. */
  | 'more';

/** Reads the records of a classic capture. */
export class PcapRecords implements FormatReader {
  need = 0;
  another = false;
  readonly refused = false;
  private readonly sink: RecordSink;
  private readonly ledger: CaptureLedger;
  private readonly shape: RecordShape;
  private readonly linkType: number;
  private readonly resync: PcapResync;
  private readonly parts = new PartSearch();
  private readonly choice = new DialectChoice();
  private lost = false;
  /** The header where `run` continues has been judged already. */
  private judged = false;
  /** That header is odd: its oddities are reported when the record is passed on. */
  private odd = false;
  /** That header's time is more than a day from the previous record's. */
  private strayed = false;
  /** From that header on sub-seconds are nanoseconds. */
  private turned = false;
  /** Records with odd sub-seconds before it is looked again whether they are nanoseconds. */
  private asMicroseconds = 0;
  /** The state changed: the loop in `run` continues with the bytes it has. */
  private switched = false;
  private resumeAt = 0;
  /** Another capture begins there. */
  private resumeAtPart = false;
  private lostFrom = 0;
  private lastSec = Number.NaN;

  /** @param shape of the record headers; its unit may change when they turn out to count nanoseconds */
  constructor(shape: RecordShape, linkType: number, sink: RecordSink, ledger: CaptureLedger) {
    this.shape = shape;
    this.linkType = linkType;
    this.sink = sink;
    this.ledger = ledger;
    this.resync = new PcapResync(shape);
  }

  run(bytes: Uint8Array, view: DataView, start: number, end: number, base: number, ended: boolean): number {
    for (let at = start; ; ) {
      at = this.lost ? this.search(view, at, end, base, ended) : this.records(bytes, view, at, end, base, ended);
      // Both return when they need more bytes, and when the other has to take over.
      if (at === end || !this.switched) return at;
    }
  }

  /** Read records from the header at `at` on. */
  private records(bytes: Uint8Array, view: DataView, at: number, end: number, base: number, ended: boolean): number {
    this.switched = false;
    const { sink, ledger, linkType } = this;
    const { little, header, limit, capAt, lenAt, either } = this.shape;
    let { unit } = this.shape;
    let p = at;
    if (end - p < header) {
      this.need = header;
      if (!ended) return p;
      if (beginsPart(view, p, end)) return this.part(p);
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
      if (ruling === 'lost') return this.lose(view, p, base);
      if (ruling === 'part') return this.part(p);
      this.judged = true;
    }
    let sec = view.getUint32(p, little);
    let sub = view.getUint32(p + 4, little);
    let cap = view.getUint32(p + capAt, little);
    let len = view.getUint32(p + lenAt, little);
    if (either && cap > len) [cap, len] = [len, cap];
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
        if (beginsPart(view, q, end)) ruling = 'part';
        else if (q !== end && this.findInside(view, p, Math.min(q, end), end, sec, cap === len && !this.odd))
          ruling = 'resume';
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
          if (either && nextCap > nextLen) [nextCap, nextLen] = [nextLen, nextCap];
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
        this.resumeAtPart = false;
        if (this.resumeAt !== NONE) ruling = 'resume';
      }
      if (ruling === 'resume') {
        ledger.gap(base + p, base + this.resumeAt, 'bad_record_header');
        this.odd = this.strayed = this.turned = false;
        p = this.resumeAt;
        if (this.resumeAtPart) return this.part(p);
        sec = view.getUint32(p, little);
        sub = view.getUint32(p + 4, little);
        cap = view.getUint32(p + capAt, little);
        len = view.getUint32(p + lenAt, little);
        if (either && cap > len) [cap, len] = [len, cap];
        continue;
      }
      if (q > end) {
        ledger.truncated(base + p, 'truncated_record', end - p, q - p);
        return end;
      }
      let us = sec * 1e6 + sub;
      let ns = 0;
      if (unit !== MICROSECONDS) {
        const below = Math.floor(sub / 1000);
        us = sec * 1e6 + below;
        ns = sub - below * 1000;
      }
      if (us > MAX_US) us = MAX_US;
      if (this.odd) this.name(us, ns, base + p, sub, cap, len);
      ledger.tally(us, ns);
      sink.record(bytes, p + header, cap, len, us, ns, linkType, base + p);
      if (beyond) {
        if (ruling === 'part') return this.part(q);
        if (end > q) ledger.truncated(base + q, 'truncated_record_header', end - q, header);
        return end;
      }
      if (ruling !== 'accept') {
        if (ruling === 'part') return this.part(q);
        this.lastSec = sec;
        return this.lose(view, q, base);
      }
      this.odd = nextOdd;
      this.strayed = nextOdd && far(nextSec, sec);
      if (nextOdd && this.turned) unit = this.turn(base + q);
      p = q;
      sec = nextSec;
      sub = nextSub;
      cap = nextCap;
      len = nextLen;
    }
  }

  /** Judge the header at `q`, which looks odd or has no record before it; the current record is at `p` (NaN: none). */
  private rule(view: DataView, p: number, q: number, end: number, ended: boolean): Ruling {
    if (beginsPart(view, q, end)) return 'part';
    const odd = oddities(view, q, this.shape, this.lastSec);
    if (odd === 0) return 'accept';
    let verdict = 'broken';
    if (odd < IMPOSSIBLE) {
      // A record that was cut off may end inside the file header behind it, whose zeros lead on. One that ends behind a
      // file header has a packet that holds it.
      if (!Number.isNaN(p)) {
        const part = this.partIn(view, Math.max(p + 1, q - FILE_HEADER + 1), q, end, ended, false);
        if (part === MORE) return 'more';
        if (part !== NONE) return 'resume';
      }
      verdict = this.resync.judge(view, q, end, ended);
      if (verdict === 'more') return 'more';
      if (verdict === 'sound') return this.accept(view, p, q, end, ended);
    }
    if (!Number.isNaN(p)) {
      // Odd headers that lead on within the same day are only overruled by a sound chain of that day.
      const farToo = verdict === 'broken' || this.strayed || far(view.getUint32(q, this.shape.little), this.lastSec);
      const found = this.find(view, p + 1, q, end, ended, farToo, verdict !== 'broken');
      if (found === MORE) return 'more';
      if (found !== NONE) return 'resume';
    }
    if (odd >= IMPOSSIBLE || (verdict !== 'unsure' && odd > 1)) return 'lost';
    return this.accept(view, p, q, end, ended);
  }

  /** The odd header at `q` is a record's. If that is for its sub-seconds, they may have turned into nanoseconds. */
  private accept(view: DataView, p: number, q: number, end: number, ended: boolean): Ruling {
    const { shape } = this;
    if (shape.unit === MICROSECONDS && view.getUint32(q + 4, shape.little) >= MICROSECONDS) {
      if (this.asMicroseconds > 0) this.asMicroseconds--;
      else {
        const nanoseconds = this.choice.countsNanoseconds(view, q, end, ended, shape);
        if (nanoseconds === undefined) {
          this.resync.wanted = this.choice.wanted;
          return 'more';
        }
        this.turned = nanoseconds;
        this.asMicroseconds = LOOK_AGAIN;
      }
    }
    if (Number.isNaN(p)) this.odd = true;
    return 'accept';
  }

  /** The record at `offset` and those after it count nanoseconds. @returns units in a second */
  private turn(offset: number): number {
    this.turned = false;
    this.shape.unit = NANOSECONDS;
    this.ledger.nanoseconds(offset);
    return NANOSECONDS;
  }

  /**
   * The first index in from..to from which sound records follow, or another capture; NONE, or MORE. Sets `resumeAt` and
   * `resumeAtPart`.
   */
  private find(
    view: DataView,
    from: number,
    to: number,
    end: number,
    ended: boolean,
    farToo: boolean,
    exact: boolean,
  ): number {
    const { resync } = this;
    const found = resync.find(view, from, to, end, ended, this.lastSec, farToo, exact);
    // Before the place found, or in question, or where no whole header is there yet: so each index is looked at once,
    // and none is passed over in a chunk that ends here.
    const seen = ended ? to : Math.min(to, end - this.shape.header + 1);
    const before = found === NONE ? seen : found === MORE ? resync.candidate + 1 : found;
    const part = this.partIn(view, from, before, end, ended, exact);
    if (part !== NONE) return part;
    this.resumeAt = found;
    return found;
  }

  /** The first index in from..to where another capture begins, NONE or MORE, as `find`. */
  private partIn(view: DataView, from: number, to: number, end: number, ended: boolean, exact: boolean): number {
    const { resync, parts } = this;
    const part = parts.find(view, from, to, end, ended, exact);
    if (part === MORE) {
      resync.wanted = parts.wanted;
      resync.candidate = parts.candidate;
    }
    this.resumeAtPart = part >= 0;
    this.resumeAt = part;
    return part;
  }

  /** Another capture begins at `at`. */
  private part(at: number): number {
    this.another = true;
    return at;
  }

  /**
   * At the end of the capture: whether a sound chain inside the record at `p` shows that its length is wrong. A
   * truncated capture explains the record as well as a chain that is cut off itself.
   *
   * @param agree the record's header is sound and both lengths are the same: damage does not make them so, and what looks
   *   like records is a capture that a packet carries, unless it leads exactly to the end
   */
  private findInside(view: DataView, p: number, to: number, end: number, sec: number, agree: boolean): boolean {
    this.lastSec = sec;
    if (!agree) return this.find(view, p + 1, to, end, true, true, true) >= 0;
    if (this.partIn(view, p + 1, to, end, true, true) >= 0) return true;
    this.resumeAt = this.resync.inside(view, p, end, sec);
    return this.resumeAt >= 0;
  }

  private lose(view: DataView, at: number, base: number): number {
    nameCompressed(this.ledger, view, at, base);
    this.lost = true;
    this.switched = true;
    this.lostFrom = base + at;
    return at + 1;
  }

  /** Look for the next sound chain of records from `at` on. */
  private search(view: DataView, at: number, end: number, base: number, ended: boolean): number {
    this.switched = false;
    const { header } = this.shape;
    const found = this.find(view, at, end, end, ended, true, false);
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
    if (this.resumeAtPart) return this.part(found);
    this.lost = false;
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
