/**
 * Joins fragments into datagrams (RFC 791, RFC 8200), one datagram at a time, by Zeek's rules: the first bytes win
 * where fragments overlap, a datagram is complete when all bytes up to the end of its last fragment have arrived, and
 * one that is not complete five minutes after its first fragment is dropped.
 *
 * Refused: fragments that reach beyond the bytes that the length field of a datagram can say, and datagrams of more than
 * MAX_FRAGMENTS fragments.
 */
import type { Anomaly } from '../../capture/anomaly.ts';
import { META_FRAGMENT, META_FROM_B, META_LEVELS, type PacketColumns } from '../columns.ts';
import type { DecodeConfig, PacketDecoder } from '../decode.ts';
import { FATE_FRAGMENT } from '../fate.ts';
import { type FlowTable, KEY_FLAG_V6 } from '../flow/flowtable.ts';
import { decoderOf } from '../forgettingdecoder.ts';
import { FRAGMENT_HEAD_BYTES, FragmentColumns } from '../fragmentcolumns.ts';
import { MAX_LAYERS } from '../tunnellayers.ts';
import { compareFragmentKeys, sortedFragmentOrder } from './fragmentorder.ts';

/** Fragments a datagram may have; at 8 bytes each, 64 KiB need no more than half as many. */
export const MAX_FRAGMENTS = 16384;
/** Bytes that the length field of a datagram can say: IPv4's with its header, IPv6's without the fixed one. */
export const MAX_DATAGRAM = 65535;
const IPV6_HEADER = 40;
/** Microseconds of packet time from the first fragment until a datagram is dropped. */
const TIMEOUT_US = 5 * 60 * 1_000_000;

/** Where the joiner reports anomalies: as AnomalySink, with the number of the capture first. */
export type FragmentAnomaly = (capture: number, ...anomaly: Anomaly) => void;

/**
 * Joins fragments that are fed in the order of sortedFragmentOrder: by key, then time, then
 * capture and offset. The caller merges the streams of several tasks and guarantees the order.
 *
 * A datagram that is a tunnel may carry a fragment of another. Such fragments are put into `nested`, one layer deeper:
 * the caller feeds all fragments of one depth, the nested ones included, before those of the next.
 */
export class FragmentJoiner {
  /** Decodes joined datagrams; its columns and flow table may be exchanged between two calls. */
  readonly decoder: PacketDecoder;
  /** By capture number: fragments whose datagram was completed, and fragments whose datagram never was. */
  readonly completed: Float64Array;
  readonly neverCompleted: Float64Array;

  /** Steps of searches for the place of a fragment, for tests. */
  steps = 0;

  private readonly report: FragmentAnomaly;
  /** Fragments of the open datagram, which began with row 0. */
  private readonly held = new FragmentColumns(64);
  /** Payload ranges received, ascending and disjoint: [from, to). */
  private readonly from = new Uint32Array(MAX_FRAGMENTS);
  private readonly to = new Uint32Array(MAX_FRAGMENTS);
  private ranges = 0;
  /** Payload length of the datagram, 0 until its last fragment has arrived. */
  private size = 0;
  /** Next-header value of the fragment at offset 0, else of the first to arrive. */
  private proto = 0;
  private readonly head = new Uint8Array(FRAGMENT_HEAD_BYTES);
  private readonly headKnown = new Uint8Array(FRAGMENT_HEAD_BYTES);

  /** @param captures number of captures that the fragments' capture numbers refer to */
  constructor(
    config: DecodeConfig,
    columns: PacketColumns,
    flows: FlowTable,
    captures: number,
    report: FragmentAnomaly,
  ) {
    this.report = report;
    this.completed = new Float64Array(captures);
    this.neverCompleted = new Float64Array(captures);
    this.decoder = decoderOf(config, columns, flows, new FragmentColumns(0), {
      anomaly: (...anomaly) => report(this.decoder.capture, ...anomaly),
    });
  }

  /** Fragments found inside datagrams. The caller takes them and clears it. */
  get nested(): FragmentColumns {
    return this.decoder.fragments;
  }

  /** Feed the next fragment: row `row` of `columns`. May append rows to the decoder's columns. */
  add(columns: FragmentColumns, row: number): void {
    const { held } = this;
    if (held.length !== 0 && (compareFragmentKeys(held, 0, columns, row) !== 0 || this.expired(columns, row)))
      this.giveUp();
    const end = columns.fragOffset[row] + columns.fragLength[row];
    if (end + this.headerLength(columns, row) > MAX_DATAGRAM) {
      this.odd('excessively_large_fragment', columns, row, `ends at byte ${end}`);
      this.neverCompleted[columns.capture[row]] += columns.counts[row];
      return;
    }
    if (held.length === MAX_FRAGMENTS) {
      this.odd('too_many_fragments', columns, row, `more than ${MAX_FRAGMENTS}`);
      this.giveUp();
    }
    if (held.length === 0) {
      this.proto = columns.proto[row];
    } else if (this.inconsistent(columns, row)) {
      this.odd('fragment_protocol_inconsistency', columns, row, '');
    }
    if (columns.fragOffset[row] === 0) this.proto = columns.proto[row];
    held.pushRow(columns, row);
    if (columns.more[row] === 0 && this.size === 0) {
      this.size = end;
    } else if (this.size !== 0 && (end > this.size || (columns.more[row] === 0 && end !== this.size))) {
      this.odd('fragment_size_inconsistency', columns, row, `byte ${end} of ${this.size}`);
      this.size = Math.max(this.size, end);
    }
    if (columns.fragLength[row] === 0) return;
    this.fill(columns, row, end);
    if (this.size !== 0 && this.from[0] === 0 && this.to[0] >= this.size) this.complete();
  }

  /** No more fragments follow: drops the open datagram. */
  end(): void {
    if (this.held.length !== 0) this.giveUp();
  }

  private expired(columns: FragmentColumns, row: number): boolean {
    const age = columns.us[row] - this.held.us[0];
    return age > TIMEOUT_US || (age === TIMEOUT_US && columns.ns[row] >= this.held.ns[0]);
  }

  /** Bytes that the header of the datagram adds to what its length field says. */
  private headerLength(columns: FragmentColumns, row: number): number {
    const { held } = this;
    const header = held.length === 0 ? columns.headerLen[row] : held.headerLen[0];
    return (columns.keyProto[row] & KEY_FLAG_V6) === 0 ? header : header - IPV6_HEADER;
  }

  private inconsistent(columns: FragmentColumns, row: number): boolean {
    return columns.proto[row] !== this.held.proto[0] || columns.headerLen[row] !== this.held.headerLen[0];
  }

  /** Add the fragment's new bytes and its range. */
  private fill(columns: FragmentColumns, row: number, end: number): void {
    const start = columns.fragOffset[row];
    let differs = false;
    const { heads } = columns;
    const kept = columns.headStart[row];
    for (let i = 0; i < columns.headLen[row]; i++) {
      const at = start + i;
      if (this.headKnown[at] === 0) {
        this.head[at] = heads[kept + i];
        this.headKnown[at] = 1;
      } else if (this.head[at] !== heads[kept + i]) {
        differs = true;
      }
    }
    if (this.insert(start, end))
      this.odd(differs ? 'fragment_inconsistency' : 'fragment_overlap', columns, row, `bytes ${start} to ${end}`);
  }

  /** Merge [start, end) into the ranges; returns whether a part of it was there already. */
  private insert(start: number, end: number): boolean {
    const { from, to } = this;
    const first = this.firstEndingAt(start);
    let last = first;
    let overlap = false;
    let low = start;
    let high = end;
    while (last < this.ranges && from[last] <= end) {
      if (from[last] < end && to[last] > start) overlap = true;
      low = Math.min(low, from[last]);
      high = Math.max(high, to[last]);
      last++;
    }
    const shift = 1 - (last - first);
    if (shift !== 0) {
      from.copyWithin(last + shift, last, this.ranges);
      to.copyWithin(last + shift, last, this.ranges);
      this.ranges += shift;
    }
    from[first] = low;
    to[first] = high;
    return overlap;
  }

  /**
   * The first range that ends at `start` or after it. A binary search: for fragments in reverse order with holes
   * between them, a linear one would be quadratic.
   */
  private firstEndingAt(start: number): number {
    let low = 0;
    let high = this.ranges;
    // Nearly all fragments arrive in order: after the last range, or at its end.
    if (high === 0 || this.to[high - 1] < start) return high;
    if (high === 1 || this.to[high - 2] < start) return high - 1;
    while (low < high) {
      this.steps++;
      const middle = (low + high) >>> 1;
      if (this.to[middle] < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The datagram is complete: write its row, and one for every other fragment. */
  private complete(): void {
    const { held, decoder } = this;
    const last = held.length - 1;
    const payload = this.to[0];
    if (payload !== this.size || this.ranges > 1)
      this.odd('fragment_size_inconsistency', held, last, `joined up to byte ${payload}`);
    const headLength = Math.min(payload, FRAGMENT_HEAD_BYTES);
    const { columns } = decoder;
    const first = columns.length;
    const fate = decoder.datagram(this.head, headLength, payload, this.proto, held.headerLen[0], held, last);
    if (fate === FATE_FRAGMENT) {
      // The datagram carried another fragment: its records count with the datagram that this one belongs to.
      for (let row = 0; row < last; row++) decoder.fragments.pushPart(held, row);
    } else {
      for (let row = 0; row <= last; row++) this.completed[held.capture[row]] += held.counts[row];
    }
    const end = columns.length;
    for (let datagram = first; datagram < end; datagram++)
      for (let row = 0; row < last; row++) this.appendFragment(columns, datagram, row, last);
    this.forget();
  }

  /** Append held fragment `row` as a row of its datagram, row `datagram`. */
  private appendFragment(columns: PacketColumns, datagram: number, row: number, last: number): void {
    const { held } = this;
    const at = columns.pushRow(columns, datagram);
    columns.meta[at] = META_FRAGMENT | (columns.meta[datagram] & (META_FROM_B | META_LEVELS));
    columns.capture[at] = held.capture[row];
    columns.offset[at] = held.offset[row];
    columns.capLen[at] = held.capLen[row];
    columns.origLen[at] = held.origLen[row];
    const fragmentHeader = (held.keyProto[row] & KEY_FLAG_V6) === 0 ? 0 : 8;
    columns.ipLen[at] = held.headerLen[row] + fragmentHeader + held.fragLength[row];
    columns.payloadLen[at] = 0;
    columns.seq[at] = columns.ack[at] = 0;
    columns.window[at] = columns.tcpFlags[at] = 0;
    columns.hint[at] = 0;
    columns.mark[at] = 0;
    const borrow = held.ns[last] < held.ns[row] ? 1 : 0;
    columns.ageUs[at] = held.us[last] - held.us[row] - borrow;
    columns.ageNs[at] = held.ns[last] - held.ns[row] + borrow * 1000;
  }

  private giveUp(): void {
    const { held } = this;
    for (let row = 0; row < held.length; row++) this.neverCompleted[held.capture[row]] += held.counts[row];
    this.forget();
  }

  private forget(): void {
    this.held.clear();
    this.ranges = 0;
    this.size = 0;
    this.headKnown.fill(0);
  }

  private odd(name: string, columns: FragmentColumns, row: number, detail: string): void {
    this.report(columns.capture[row], name, columns.us[row], columns.ns[row], columns.offset[row], detail);
  }
}

/** Joins all fragments in memory, depth by depth. Their capture numbers are ranks. */
export function joinAll(joiner: FragmentJoiner, fragments: FragmentColumns): void {
  const waiting = new FragmentColumns(16);
  waiting.pushRows(fragments, 0, fragments.length);
  for (let depth = 0; depth <= MAX_LAYERS; depth++) {
    const order = sortedFragmentOrder(waiting);
    for (const row of order) if (waiting.depth[row] === depth) joiner.add(waiting, row);
    joiner.end();
    const { nested } = joiner;
    waiting.pushRows(nested, 0, nested.length);
    nested.clear();
  }
}
