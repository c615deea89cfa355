/**
 * Packet records as typed columns: what the map writes into shards and what the reduce merges and tracks. One row is
 * one packet of one flow at one level of encapsulation; no object is allocated per packet.
 *
 * Times are split so that no BigInt is needed: `us` holds whole microseconds
 * since 1970 (exact in a double until the year 2255), `ns` the 0..999
 * nanoseconds below them.
 */
import { namesOf, typedColumns } from './typedcolumns.ts';

/** meta bit: the packet was sent by end B of its flow key (see flowtable.ts), else by end A. */
export const META_FROM_B = 0x01;
/** meta bit: the row is a whole datagram joined from fragments, at the place of its completing fragment. */
export const META_DATAGRAM = 0x02;
/** meta bit: the row is one fragment of a datagram: kept so that its bytes can be found, counted nowhere. */
export const META_FRAGMENT = 0x04;
/** meta bit: not all payload bytes that the headers announce were captured (snaplen). */
export const META_TRUNCATED = 0x08;
/** meta bits 4..6: level of encapsulation, 0 = innermost, 7 = seven or more. */
export const META_LEVEL_SHIFT = 4;
export const LARGEST_LEVEL = 7;
/** The bits of the level. */
export const META_LEVELS = LARGEST_LEVEL << META_LEVEL_SHIFT;

/**
 * meta bit: the transport header is damaged or cut. TCP: it ends before its flags, or its length field says so; the
 * packet, its IP bytes and its time count, and it changes nothing else. UDP: its length field is smaller than the
 * header; the packet counts, but its sender has sent nothing.
 */
export const META_BROKEN = 0x80;

/** hint values: what the first payload bytes of a packet look like; 0 is unknown. */
export const HINT_NONE = 0;
export const HINT_SSH_BANNER = 1;
export const HINT_FTP_REPLY = 2;
export const HINT_FTP_COMMAND = 3;
/** A DNS answer to a DNS port, an NTP server's message to an NTP port, an NTP client's from one (datagramhint.ts). */
export const HINT_DNS_ANSWER = 5;
export const HINT_NTP_SERVER = 6;
export const HINT_NTP_CLIENT = 7;

/** The columns, for code that treats them all alike. Shards hold what follows from each: shard/batchencoder.ts. */
const COLUMNS = {
  /** Whole microseconds since 1970-01-01 UTC. */
  us: 'f64',
  /** Nanoseconds below the microsecond, 0..999. */
  ns: 'u16',
  /** Flow number in the flow table that belongs to these columns. */
  flow: 'u32',
  /** Index into the list of captures that belongs to these columns. */
  capture: 'u32',
  /** Byte offset of the record (its record header) in the uncompressed capture. */
  offset: 'f64',
  /** Bytes captured, as the record header says. */
  capLen: 'u32',
  /** Bytes on the wire, as the record header says. */
  origLen: 'u32',
  /**
   * IP total length in bytes, header included, as the IP header says (IPv6: payload length + 40); if it says 0, the bytes
   * on the wire.
   */
  ipLen: 'u32',
  /** Transport payload bytes as the headers say (0 for a bare ACK). */
  payloadLen: 'u32',
  seq: 'u32',
  ack: 'u32',
  window: 'u16',
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256; 0 outside TCP. */
  tcpFlags: 'u16',
  /** META_* bits. */
  meta: 'u8',
  /** HINT_* value. */
  hint: 'u8',
  /** Outermost VLAN id + 1, 0 when the packet has no VLAN tag. */
  vlan: 'u16',
  /** Second VLAN id + 1, 0 when there is none. */
  innerVlan: 'u16',
  /** Number of the tunnel in the flow table that belongs to these columns, 0 = not tunnelled. */
  tunnel: 'u32',
  /** What tells the packet from others of its flow with the same lengths and numbers (packetmark.ts); 0 of fragments. */
  mark: 'u16',
  /** Fragments only: microseconds between this fragment and the completion of its datagram, whose time `us`/`ns` hold. */
  ageUs: 'u32',
  /** Fragments only: nanoseconds (0..999) below `ageUs`. */
  ageNs: 'u16',
} as const;

export const COLUMN_NAMES = namesOf(COLUMNS);

/**
 * Growable columns of packet records. Rows beyond `length` are stale and never read; copies keep flow, capture and
 * tunnel numbers unchanged.
 */
export class PacketColumns extends typedColumns(COLUMNS) {
  /** Alias: both ports of an SCTP packet, the sender's in the high half. SCTP's own sequence numbers are not read. */
  get sctpPorts(): Uint32Array {
    return this.seq;
  }
}
