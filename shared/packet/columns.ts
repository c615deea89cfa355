/**
 * Packet records as typed columns: what the map writes into shards and what the
 * reduce merges and tracks. One row is one packet of one flow at one level of
 * encapsulation; no object is made per packet anywhere.
 *
 * Times are split so that no BigInt is needed: `us` holds whole microseconds
 * since 1970 (exact in a double until the year 2255), `ns` the 0..999
 * nanoseconds below them.
 */

/** meta bit: the packet was sent by end B of its flow key (see flowtable.ts), else by end A. */
export const META_FROM_B = 0x01;
/** meta bit: the row is a whole datagram joined from fragments; it stands at its completing fragment. */
export const META_DATAGRAM = 0x02;
/** meta bit: the row is one fragment of a datagram: kept for the way back to its bytes, counted nowhere. */
export const META_FRAGMENT = 0x04;
/** meta bit: not every payload byte that the headers announce was captured (snaplen). */
export const META_TRUNCATED = 0x08;
/** meta bits 4..6: level of encapsulation, 0 = innermost, 7 = seven or more. */
export const META_LEVEL_SHIFT = 4;
export const LARGEST_LEVEL = 7;
/** The bits of the level. */
export const META_LEVELS = LARGEST_LEVEL << META_LEVEL_SHIFT;

/**
 * meta bit: the transport header is damaged. TCP: its length field is too small, or longer than the segment or the
 * capture; Zeek opens a session for such a packet but counts nothing of it: not the packet, not its bytes, not its
 * time. UDP: its length field is smaller than the header; Zeek counts the packet, but its sender has sent nothing.
 */
export const META_BROKEN = 0x80;

/** hint values: what the first payload bytes of a packet look like; 0 is nothing known. */
export const HINT_NONE = 0;
export const HINT_SSH_BANNER = 1;
export const HINT_FTP_REPLY = 2;
export const HINT_FTP_COMMAND = 3;
/** A DNS answer to a DNS port, an NTP server's message to an NTP port, an NTP client's from one (datagramhint.ts). */
export const HINT_DNS_ANSWER = 5;
export const HINT_NTP_SERVER = 6;
export const HINT_NTP_CLIENT = 7;

/**
 * damage value, of a packet with META_BROKEN: the TCP header claims to be shorter than 20 bytes; such a packet never
 * opens a session over an open one. No hint has this number: the two stand in one column.
 */
export const DAMAGE_SHORT_HEADER = 4;

/** Growable columns of packet records. Rows beyond `length` hold leftovers and are never read. */
export class PacketColumns {
  /** Rows in use. */
  length = 0;
  /** Rows that fit before `reserve` must grow the columns. */
  capacity: number;
  /** Whole microseconds since 1970-01-01 UTC. */
  us: Float64Array;
  /** Nanoseconds below the microsecond, 0..999. */
  ns: Uint16Array;
  /** Flow number in the flow table that belongs to these columns. */
  flow: Uint32Array;
  /** Number of the capture in the list that belongs to these columns. */
  capture: Uint32Array;
  /** Byte offset of the record (its record header) in the uncompressed capture. */
  offset: Float64Array;
  /** Bytes captured, as the record header says. */
  capLen: Uint32Array;
  /** Bytes on the wire, as the record header says. */
  origLen: Uint32Array;
  /** IP total length in bytes, header included, as the IP header says (IPv6: payload length + 40). */
  ipLen: Uint32Array;
  /** Transport payload bytes as the headers say (0 for a bare ACK). */
  payloadLen: Uint32Array;
  seq: Uint32Array;
  ack: Uint32Array;
  window: Uint16Array;
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256; 0 outside TCP. */
  tcpFlags: Uint16Array;
  /** META_* bits. */
  meta: Uint8Array;
  /** HINT_* value, or DAMAGE_* value: a packet whose header is broken has no payload to say anything of. */
  hint: Uint8Array;
  /** Outermost VLAN id + 1, 0 when the packet has no VLAN tag. */
  vlan: Uint16Array;
  /** Second VLAN id + 1, 0 when there is none. */
  innerVlan: Uint16Array;
  /** Number of the tunnel in the flow table that belongs to these columns, 0 = not tunnelled. */
  tunnel: Uint32Array;
  /** Fragments only: microseconds between this fragment and the completion of its datagram, whose time `us`/`ns` hold. */
  ageUs: Uint32Array;
  /** Fragments only: nanoseconds (0..999) below `ageUs`. */
  ageNs: Uint16Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.us = new Float64Array(capacity);
    this.ns = new Uint16Array(capacity);
    this.flow = new Uint32Array(capacity);
    this.capture = new Uint32Array(capacity);
    this.offset = new Float64Array(capacity);
    this.capLen = new Uint32Array(capacity);
    this.origLen = new Uint32Array(capacity);
    this.ipLen = new Uint32Array(capacity);
    this.payloadLen = new Uint32Array(capacity);
    this.seq = new Uint32Array(capacity);
    this.ack = new Uint32Array(capacity);
    this.window = new Uint16Array(capacity);
    this.tcpFlags = new Uint16Array(capacity);
    this.meta = new Uint8Array(capacity);
    this.hint = new Uint8Array(capacity);
    this.vlan = new Uint16Array(capacity);
    this.innerVlan = new Uint16Array(capacity);
    this.tunnel = new Uint32Array(capacity);
    this.ageUs = new Uint32Array(capacity);
    this.ageNs = new Uint16Array(capacity);
  }

  /** By another name: both ports of an SCTP packet, the sender's in the high half. SCTP's own sequence numbers are not read. */
  get sctpPorts(): Uint32Array {
    return this.seq;
  }

  /** By another name: what is wrong with the header of a packet with META_BROKEN, a DAMAGE_* value. */
  get damage(): Uint8Array {
    return this.hint;
  }

  /** Make room for at least `rows` rows in all, keeping what is there. Growth is by doubling. */
  reserve(rows: number): void {
    if (rows <= this.capacity) return;
    const grown = new PacketColumns(Math.max(rows, this.capacity * 2));
    for (const name of COLUMN_NAMES) {
      (grown[name] as Uint32Array).set(this[name] as Uint32Array);
      (this[name] as unknown) = grown[name];
    }
    this.capacity = grown.capacity;
  }

  /** Forget the rows [0, first), and move the `count` rows behind them to the beginning. */
  keepRows(first: number, count: number): void {
    if (count > 0) for (const name of COLUMN_NAMES) this[name].copyWithin(0, first, first + count);
    this.length = count;
  }

  /** Append row `row` of `from`, all columns; flow, capture and tunnel numbers are taken as they are. */
  pushRow(from: PacketColumns, row: number): number {
    const at = this.length;
    if (at === this.capacity) this.reserve(at + 1);
    this.us[at] = from.us[row];
    this.ns[at] = from.ns[row];
    this.flow[at] = from.flow[row];
    this.capture[at] = from.capture[row];
    this.offset[at] = from.offset[row];
    this.capLen[at] = from.capLen[row];
    this.origLen[at] = from.origLen[row];
    this.ipLen[at] = from.ipLen[row];
    this.payloadLen[at] = from.payloadLen[row];
    this.seq[at] = from.seq[row];
    this.ack[at] = from.ack[row];
    this.window[at] = from.window[row];
    this.tcpFlags[at] = from.tcpFlags[row];
    this.meta[at] = from.meta[row];
    this.hint[at] = from.hint[row];
    this.vlan[at] = from.vlan[row];
    this.innerVlan[at] = from.innerVlan[row];
    this.tunnel[at] = from.tunnel[row];
    this.ageUs[at] = from.ageUs[row];
    this.ageNs[at] = from.ageNs[row];
    this.length = at + 1;
    return at;
  }
}

/** Every column of PacketColumns, for code that treats them all alike (growth, checks). */
export const COLUMN_NAMES = [
  'us',
  'ns',
  'flow',
  'capture',
  'offset',
  'capLen',
  'origLen',
  'ipLen',
  'payloadLen',
  'seq',
  'ack',
  'window',
  'tcpFlags',
  'meta',
  'hint',
  'vlan',
  'innerVlan',
  'tunnel',
  'ageUs',
  'ageNs',
] as const satisfies readonly (keyof PacketColumns)[];
