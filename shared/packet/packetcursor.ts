/**
 * The cursor over one captured record, reused for every packet, and the closed
 * set of protocols that may come next. A decoder reads at `pos`, moves it past
 * its header, writes what it learnt into the cursor, and returns either the
 * NEXT_* code of what follows or the bitwise complement of a fate.
 *
 * Adding a protocol takes one file, one NEXT_* code and one case in decode.ts.
 */
import type { AnomalySink } from '../capture/anomaly.ts';
import { LAYER_WORDS, MAX_LAYERS } from './tunnellayers.ts';

export { int32, uint16 } from '../algorithm/bytes.ts';

export const NEXT_ETHERNET = 0;
export const NEXT_IP = 1;
export const NEXT_TCP = 2;
export const NEXT_UDP = 3;
export const NEXT_ICMP = 4;
export const NEXT_ICMPV6 = 5;
export const NEXT_SCTP = 6;
export const NEXT_OTHER = 7;
export const NEXT_VLAN = 8;
export const NEXT_MPLS = 9;
export const NEXT_PPPOE = 10;
export const NEXT_PPP = 11;
export const NEXT_SLL = 12;
export const NEXT_SLL2 = 13;
export const NEXT_LOOPBACK = 14;
export const NEXT_IPV6 = 15;
export const NEXT_VNTAG = 16;
export const NEXT_PBB = 17;
export const NEXT_IEEE80211 = 18;
export const NEXT_RADIOTAP = 19;
export const NEXT_AMSDU = 20;
export const NEXT_NFLOG = 21;
export const NEXT_PPI = 22;
export const NEXT_FDDI = 23;
export const NEXT_GUESS = 24;
export const NEXT_PPP_SERIAL = 25;
export const NEXT_IP_IN_IP = 26;
export const NEXT_GRE = 27;
export const NEXT_GRE_IN_UDP = 28;
export const NEXT_VXLAN = 29;
export const NEXT_GENEVE = 30;
export const NEXT_GTP = 31;
export const NEXT_TEREDO = 32;
export const NEXT_AYIYA = 33;

/** IP protocol numbers that have a decoder of their own. */
export function transport(protocol: number): number {
  switch (protocol) {
    case 6:
      return NEXT_TCP;
    case 17:
      return NEXT_UDP;
    case 1:
      return NEXT_ICMP;
    case 58:
      return NEXT_ICMPV6;
    case 132:
      return NEXT_SCTP;
    case 4: // IPv4
    case 41: // IPv6
      return NEXT_IP_IN_IP;
    case 47:
      return NEXT_GRE;
    default:
      return NEXT_OTHER;
  }
}

/** State of decoding one record. Numbers only, so that no packet allocates anything. */
export class PacketCursor {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the next decoder reads. */
  pos = 0;
  /** End of the captured bytes that belong to the packet: of the record at first, clipped to the IP length later. */
  end = 0;
  /** First byte of the record. */
  frame = 0;
  capLen = 0;
  origLen = 0;
  /** Bytes on the wire to check lengths against: of the record at first (never less than capLen), of the inner packet in a tunnel. */
  wireLen = 0;
  /** Bytes of the packet that were on the wire and are not captured. */
  missing = 0;
  /** Captured bytes that belong behind `end` and are not at hand: of a datagram joined from fragments only the head is kept. */
  beyond = 0;
  /** `end` and `beyond` as they were before the innermost IP header clipped them: what follows IP without a length of its own reaches so far. */
  limit = 0;
  limitBeyond = 0;
  us = 0;
  ns = 0;
  offset = 0;

  /** Outermost and second VLAN id + 1, 0 = none. */
  vlan = 0;
  innerVlan = 0;

  /** 1 for IPv6, 0 for IPv4, whose addresses are in the last words. Address words are signed 32-bit numbers. */
  v6 = 0;
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
  /** IP protocol of the transport. */
  proto = 0;
  /** Total length of the IP packet in bytes. */
  ipLen = 0;
  /** Bytes after the IP header as that header says. */
  announced = 0;
  /** 0 when the IP header leaves the length open (IPv6 payload length 0) and `announced` is what is left of the record. */
  sized = 1;

  srcPort = 0;
  dstPort = 0;
  /** 1 for an ICMP message that expects no answer: (type, code) stand for the ports. */
  oneWay = 0;
  payloadLen = 0;
  seq = 0;
  ack = 0;
  window = 0;
  tcpFlags = 0;
  /** META_* bits other than META_FROM_B. */
  meta = 0;
  hint = 0;

  /** Fragments: identification, byte offset and length in the datagram, more-fragments flag, length of the header to rebuild. */
  fragId = 0;
  fragOffset = 0;
  fragLength = 0;
  fragMore = 0;
  fragHeaderLen = 0;

  /** Tunnel layers around the packet (tunnellayers.ts), `depth` of them, outermost first. */
  readonly layers = new Uint32Array(MAX_LAYERS * LAYER_WORDS);
  depth = 0;
  /** What a tunnel's decoder found: KIND_* with LAYER_HAS_ID, and the number that its header names. */
  tunnelKind = 0;
  tunnelId = 0;

  anomalies: AnomalySink;

  constructor(anomalies: AnomalySink) {
    this.anomalies = anomalies;
  }

  /** Both ports of an SCTP packet, the sender's in the high half. They share a column with TCP's sequence number. */
  get sctpPorts(): number {
    return this.seq;
  }

  set sctpPorts(ports: number) {
    this.seq = ports;
  }

  /** What is wrong with a header, DAMAGE_* beside META_BROKEN. It shares a column with what the payload looks like. */
  get damage(): number {
    return this.hint;
  }

  set damage(damage: number) {
    this.hint = damage;
  }

  /** Report something odd about the current record that does not decide its fate. */
  odd(name: string, detail: string): void {
    this.anomalies.anomaly(name, this.us, this.ns, this.offset, detail);
  }
}

/** Bytes captured from `c.pos` on, those that are not at hand included. */
export function capturedFrom(c: PacketCursor): number {
  return c.end + c.beyond - c.pos;
}
