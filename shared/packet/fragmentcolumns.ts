/**
 * IP fragments as typed columns. Every fragment of IPv4 and IPv6 becomes a row
 * here; datagrams are joined later, over all captures in time order, so that the
 * result does not depend on how the packets were cut into files.
 *
 * Only the first HEAD_BYTES of a datagram's payload are kept: enough for the
 * transport header and the first words of what it carries.
 */

import { KEY_FLAG_V6 } from './flow/flowtable.ts';
import { TunnelTable } from './flow/tunneltable.ts';
import type { PacketCursor } from './packetcursor.ts';

/** Bytes of a datagram's payload that are kept, counted from its start. */
export const HEAD_BYTES = 256;
/** 32-bit words of the two addresses in `ends`: source, then destination, in the packet's own direction. */
export const END_WORDS = 8;

/** Columns with one number a row, for code that treats them all alike. `ends`, `heads` are beside them. */
export const FRAGMENT_COLUMNS = [
  'keyProto',
  'id',
  'vlan',
  'innerVlan',
  'depth',
  'network',
  'tunnel',
  'counts',
  'us',
  'ns',
  'capture',
  'offset',
  'capLen',
  'origLen',
  'proto',
  'fragOffset',
  'fragLength',
  'more',
  'headerLen',
  'headStart',
  'headLen',
] as const satisfies readonly (keyof FragmentColumns)[];

/** Growable columns of fragments. Rows beyond `length` are never read. */
export class FragmentColumns {
  length = 0;
  capacity: number;
  /** END_WORDS words a row; IPv4 addresses in the last word of their four. */
  ends: Uint32Array;
  /** Part of the join key: IPv4's protocol, or KEY_FLAG_V6 alone (RFC 8200 joins without looking at the next header). */
  keyProto: Uint16Array;
  /** Identification, part of the join key. */
  id: Uint32Array;
  /** VLAN ids + 1, 0 = none; always part of the join key. */
  vlan: Uint16Array;
  innerVlan: Uint16Array;
  /** Tunnel layers around the fragment, part of the join key: fragments are joined from the outermost inwards. */
  depth: Uint8Array;
  /** The flow key's word for the virtual network, part of the join key; 0 if it is none of the flow key. */
  network: Uint32Array;
  /** Number of the fragment's tunnel in `tunnels`, 0 = none. */
  tunnel: Uint32Array;
  readonly tunnels = new TunnelTable();
  /** 1 when the row stands for its record, 0 for the other rows of a record of which there are several. */
  counts: Uint8Array;
  /** Time and place of the record, as in PacketColumns. */
  us: Float64Array;
  ns: Uint16Array;
  capture: Uint32Array;
  offset: Float64Array;
  capLen: Uint32Array;
  origLen: Uint32Array;
  /** IP protocol, or next-header value of the fragment header. */
  proto: Uint8Array;
  /** First byte of this fragment in the datagram's payload. */
  fragOffset: Uint32Array;
  /** Payload bytes of this fragment, by the IP header. */
  fragLength: Uint32Array;
  /** 1 when more fragments follow. */
  more: Uint8Array;
  /** Bytes of the header that the joined datagram has: IPv4 header, or IPv6's unfragmentable part. */
  headerLen: Uint16Array;
  /** Where the kept payload bytes stand in `heads`, and how many. */
  headStart: Uint32Array;
  headLen: Uint16Array;
  /** Pool of kept payload bytes. */
  heads: Uint8Array;
  /** Bytes of the pool in use. */
  headBytes = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.ends = new Uint32Array(capacity * END_WORDS);
    this.keyProto = new Uint16Array(capacity);
    this.id = new Uint32Array(capacity);
    this.vlan = new Uint16Array(capacity);
    this.innerVlan = new Uint16Array(capacity);
    this.depth = new Uint8Array(capacity);
    this.network = new Uint32Array(capacity);
    this.tunnel = new Uint32Array(capacity);
    this.counts = new Uint8Array(capacity);
    this.us = new Float64Array(capacity);
    this.ns = new Uint16Array(capacity);
    this.capture = new Uint32Array(capacity);
    this.offset = new Float64Array(capacity);
    this.capLen = new Uint32Array(capacity);
    this.origLen = new Uint32Array(capacity);
    this.proto = new Uint8Array(capacity);
    this.fragOffset = new Uint32Array(capacity);
    this.fragLength = new Uint32Array(capacity);
    this.more = new Uint8Array(capacity);
    this.headerLen = new Uint16Array(capacity);
    this.headStart = new Uint32Array(capacity);
    this.headLen = new Uint16Array(capacity);
    this.heads = new Uint8Array(Math.max(HEAD_BYTES, capacity * 64));
  }

  /** Forget the rows, keep the memory. */
  clear(): void {
    this.length = 0;
    this.headBytes = 0;
    this.tunnels.clear();
  }

  /** Make room for at least `rows` rows in all, keeping what is there. Growth is by doubling. */
  reserve(rows: number): void {
    if (rows <= this.capacity) return;
    const capacity = Math.max(rows, this.capacity * 2);
    for (const name of FRAGMENT_COLUMNS) {
      const column = this[name] as Uint32Array;
      const grown = new (column.constructor as Uint32ArrayConstructor)(capacity);
      grown.set(column);
      (this[name] as unknown) = grown;
    }
    const ends = new Uint32Array(capacity * END_WORDS);
    ends.set(this.ends);
    this.ends = ends;
    this.capacity = capacity;
  }

  /**
   * Append the fragment under the cursor, whose payload begins at `c.pos`.
   * @param network value of `network`
   */
  push(c: PacketCursor, capture: number, network: number): void {
    const row = this.length;
    if (row === this.capacity) this.reserve(row + 1);
    const e = row * END_WORDS;
    const { ends } = this;
    if (c.v6 === 1) {
      ends[e] = c.src0;
      ends[e + 1] = c.src1;
      ends[e + 2] = c.src2;
      ends[e + 4] = c.dst0;
      ends[e + 5] = c.dst1;
      ends[e + 6] = c.dst2;
    } else {
      ends[e] = ends[e + 1] = ends[e + 2] = 0;
      ends[e + 4] = ends[e + 5] = ends[e + 6] = 0;
    }
    ends[e + 3] = c.src3;
    ends[e + 7] = c.dst3;
    this.keyProto[row] = c.v6 === 1 ? KEY_FLAG_V6 : c.proto;
    this.id[row] = c.fragId;
    this.vlan[row] = c.vlan;
    this.innerVlan[row] = c.innerVlan;
    this.depth[row] = c.depth;
    this.network[row] = network;
    this.tunnel[row] = this.tunnels.lookup(c.layers, c.depth);
    this.counts[row] = 1;
    this.us[row] = c.us;
    this.ns[row] = c.ns;
    this.capture[row] = capture;
    this.offset[row] = c.offset;
    this.capLen[row] = c.capLen;
    this.origLen[row] = c.origLen;
    this.proto[row] = c.proto;
    this.fragOffset[row] = c.fragOffset;
    this.fragLength[row] = c.fragLength;
    this.more[row] = c.fragMore;
    this.headerLen[row] = c.fragHeaderLen;
    const kept = Math.max(0, Math.min(c.fragLength, c.end - c.pos, HEAD_BYTES - c.fragOffset));
    this.keepHead(row, c.bytes, c.pos, kept);
    this.length = row + 1;
  }

  /** Put under the cursor what row `row` says of its datagram: addresses, VLANs, tunnel, time, place. */
  placeUnder(c: PacketCursor, row: number): void {
    c.capLen = this.capLen[row];
    c.origLen = this.origLen[row];
    c.us = this.us[row];
    c.ns = this.ns[row];
    c.offset = this.offset[row];
    c.vlan = this.vlan[row];
    c.innerVlan = this.innerVlan[row];
    c.depth = this.tunnels.read(this.tunnel[row], c.layers);
    c.v6 = (this.keyProto[row] & KEY_FLAG_V6) === 0 ? 0 : 1;
    const { ends } = this;
    const e = row * END_WORDS;
    c.src0 = ends[e] | 0;
    c.src1 = ends[e + 1] | 0;
    c.src2 = ends[e + 2] | 0;
    c.src3 = ends[e + 3] | 0;
    c.dst0 = ends[e + 4] | 0;
    c.dst1 = ends[e + 5] | 0;
    c.dst2 = ends[e + 6] | 0;
    c.dst3 = ends[e + 7] | 0;
  }

  /** Append row `row` of `from`, all columns; the capture number is taken as it is. */
  pushRow(from: FragmentColumns, row: number): void {
    const at = this.length;
    if (at === this.capacity) this.reserve(at + 1);
    for (let i = 0; i < END_WORDS; i++) this.ends[at * END_WORDS + i] = from.ends[row * END_WORDS + i];
    for (const name of FRAGMENT_COLUMNS) this[name][at] = from[name][row];
    this.tunnel[at] = this.tunnels.copy(from.tunnels, from.tunnel[row]);
    this.keepHead(at, from.heads, from.headStart[row], from.headLen[row]);
    this.length = at + 1;
  }

  /**
   * Append a record that the last row was joined from: row `row` of `from`, which brings that row's datagram no
   * bytes but leads back to its own.
   */
  pushPart(from: FragmentColumns, row: number): void {
    const whole = this.length - 1;
    this.pushRow(this, whole);
    const at = this.length - 1;
    this.us[at] = from.us[row];
    this.ns[at] = from.ns[row];
    this.capture[at] = from.capture[row];
    this.offset[at] = from.offset[row];
    this.capLen[at] = from.capLen[row];
    this.origLen[at] = from.origLen[row];
    this.counts[at] = from.counts[row];
    this.fragLength[at] = 0;
    this.more[at] = 1;
    this.headBytes -= this.headLen[at];
    this.headLen[at] = 0;
  }

  private keepHead(row: number, bytes: Uint8Array, start: number, length: number): void {
    const at = this.headBytes;
    if (at + length > this.heads.length) {
      const grown = new Uint8Array(Math.max(at + length, this.heads.length * 2));
      grown.set(this.heads);
      this.heads = grown;
    }
    for (let i = 0; i < length; i++) this.heads[at + i] = bytes[start + i];
    this.headStart[row] = at;
    this.headLen[row] = length;
    this.headBytes = at + length;
  }
}
