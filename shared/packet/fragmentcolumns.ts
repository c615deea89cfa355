/**
 * IP fragments as typed columns. Every fragment of IPv4 and IPv6 becomes a row here; datagrams are joined later, over
 * all captures in time order, so that the result does not depend on how the packets were split into files.
 *
 * Only the first FRAGMENT_HEAD_BYTES of a datagram's payload are kept: enough for the transport header and the first words of
 * its payload.
 */
import { KEY_FLAG_V6 } from './flow/flowtable.ts';
import { TunnelTable } from './flow/tunneltable.ts';
import type { PacketCursor } from './packetcursor.ts';
import { namesOf, typedColumns } from './typedcolumns.ts';

/** Bytes of a datagram's payload that are kept, counted from its start. */
export const FRAGMENT_HEAD_BYTES = 256;
/** 32-bit words of the two addresses in `ends`: source, then destination, in the packet's own direction. */
export const END_WORDS = 8;

/** Columns with one number a row. */
const NUMBERS = {
  /** Part of the join key: IPv4's protocol, or KEY_FLAG_V6 alone (RFC 8200 joins without looking at the next header). */
  keyProto: 'u16',
  /** Identification, part of the join key. */
  id: 'u32',
  /** VLAN ids + 1, 0 = none; always part of the join key. */
  vlan: 'u16',
  innerVlan: 'u16',
  /** Tunnel layers around the fragment, part of the join key: fragments are joined from the outermost inwards. */
  depth: 'u8',
  /** The flow key's word for the virtual network, part of the join key; 0 if it is not part of the flow key. */
  network: 'u32',
  /** Number of the fragment's tunnel in `tunnels`, 0 = none. */
  tunnel: 'u32',
  /** 1 for the row that counts for its record, 0 for further rows of the same record. */
  counts: 'u8',
  /** Time and place of the record, as in PacketColumns. */
  us: 'f64',
  ns: 'u16',
  capture: 'u32',
  offset: 'f64',
  capLen: 'u32',
  origLen: 'u32',
  /** IP protocol, or next-header value of the fragment header. */
  proto: 'u8',
  /** First byte of this fragment in the datagram's payload. */
  fragOffset: 'u32',
  /** Payload bytes of this fragment, by the IP header. */
  fragLength: 'u32',
  /** 1 when more fragments follow. */
  more: 'u8',
  /** Bytes of the header that the joined datagram has: IPv4 header, or IPv6's unfragmentable part. */
  headerLen: 'u16',
  /** Where the kept payload bytes are in `heads`, and how many. */
  headStart: 'u32',
  headLen: 'u16',
} as const;

/** Their names, for code that treats them all alike. */
export const FRAGMENT_COLUMNS = namesOf(NUMBERS);

const COLUMNS = {
  /** END_WORDS words a row; IPv4 addresses in the last word of their four. */
  ends: ['u32', END_WORDS],
  ...NUMBERS,
} as const;

/** Growable columns of fragments, with their tunnels and the first bytes of their payload. Rows beyond `length` are never read. */
export class FragmentColumns extends typedColumns(COLUMNS) {
  readonly tunnels = new TunnelTable();
  /** Pool of kept payload bytes. */
  heads: Uint8Array;
  /** Bytes of the pool in use. */
  headBytes = 0;

  constructor(capacity: number) {
    super(capacity);
    this.heads = new Uint8Array(Math.max(FRAGMENT_HEAD_BYTES, capacity * 64));
  }

  override clear(): void {
    super.clear();
    this.headBytes = 0;
    this.tunnels.clear();
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
    const kept = Math.max(0, Math.min(c.fragLength, c.end - c.pos, FRAGMENT_HEAD_BYTES - c.fragOffset));
    this.keepHead(row, c.bytes, c.pos, kept);
    this.length = row + 1;
  }

  /** Load row `row` into the cursor: addresses, VLANs, tunnel, time, place. */
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

  override pushRow(from: FragmentColumns, row: number): number {
    const at = super.pushRow(from, row);
    this.tunnel[at] = this.tunnels.copy(from.tunnels, from.tunnel[row]);
    this.keepHead(at, from.heads, from.headStart[row], from.headLen[row]);
    return at;
  }

  override pushRows(from: FragmentColumns, first: number, to: number): number {
    const at = this.length;
    for (let row = first; row < to; row++) this.pushRow(from, row);
    return at;
  }

  /**
   * Append a record that the last row was joined from: row `row` of `from`, which adds no bytes to that row's datagram
   * but keeps the reference to its own.
   */
  pushPart(from: FragmentColumns, row: number): void {
    const at = this.pushRow(this, this.length - 1);
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
