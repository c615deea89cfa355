/**
 * From captured records to rows of typed columns. Each record is walked layer by
 * layer by the decoders of this folder; its packet ends as one row of the packet
 * columns, as one row of the fragment columns, or under the name of what is
 * wrong with it. Nothing that stands in a record makes this throw.
 */
import type { AnomalySink } from '../capture/anomalies.ts';
import { HINT_NONE, META_DATAGRAM, META_FROM_B, META_TRUNCATED, type PacketColumns } from './columns.ts';
import {
  Cursor,
  NEXT_ETHERNET,
  NEXT_ICMP,
  NEXT_ICMPV6,
  NEXT_IP,
  NEXT_IPV6,
  NEXT_LOOPBACK,
  NEXT_MPLS,
  NEXT_PPP,
  NEXT_PPPOE,
  NEXT_SCTP,
  NEXT_SLL,
  NEXT_SLL2,
  NEXT_TCP,
  NEXT_UDP,
  NEXT_VLAN,
  transport,
} from './cursor.ts';
import { ethernet } from './ethernet.ts';
import { FATE_FRAGMENT, FATE_NOT_IP, FATE_SESSION, FATES } from './fate.ts';
import { flowOf, sourceIsB } from './flowkey.ts';
import { type FlowTable, KEY_FLAG_V6 } from './flowtable.ts';
import { END_WORDS, type FragmentColumns } from './fragments.ts';
import { icmp } from './icmp.ts';
import { icmpv6 } from './icmpv6.ts';
import { ip } from './ipv4.ts';
import { ipv6, ipv6Fragmentable } from './ipv6.ts';
import { loopback } from './loopback.ts';
import { mpls } from './mpls.ts';
import { other } from './other.ts';
import { ppp, pppoe } from './ppp.ts';
import { linkProtocol } from './raw.ts';
import { sctp } from './sctp.ts';
import { sll, sll2 } from './sll.ts';
import { tcp } from './tcp.ts';
import { udp } from './udp.ts';
import { vlan } from './vlan.ts';

export interface DecodeConfig {
  /** Whether VLAN ids are part of the flow key: equal addresses in two VLANs are then two flows. */
  keyVlan: boolean;
}

/** Decodes records into caller-owned columns, which may be exchanged between any two packets. */
export class PacketDecoder {
  columns: PacketColumns;
  flows: FlowTable;
  fragments: FragmentColumns;
  /** Number of the capture that the next records belong to. */
  capture = 0;
  private readonly keyVlan: boolean;
  private readonly cursor: Cursor;

  constructor(
    config: DecodeConfig,
    columns: PacketColumns,
    flows: FlowTable,
    fragments: FragmentColumns,
    anomalies: AnomalySink,
  ) {
    this.keyVlan = config.keyVlan;
    this.columns = columns;
    this.flows = flows;
    this.fragments = fragments;
    this.cursor = new Cursor(anomalies);
  }

  /**
   * Decode one captured record: `capLen` bytes of `bytes` from `start` on.
   *
   * @param origLen bytes on the wire
   * @param us microseconds since 1970, `ns` the nanoseconds below
   * @param linkType LINKTYPE_* number
   * @param offset byte offset of the record in the uncompressed capture
   * @returns the record's fate, an index into FATES; fates other than session, fragment and not_ip are
   *   also reported as anomalies
   */
  packet(
    bytes: Uint8Array,
    start: number,
    capLen: number,
    origLen: number,
    us: number,
    ns: number,
    linkType: number,
    offset: number,
  ): number {
    const c = this.cursor;
    c.bytes = bytes;
    c.pos = c.frame = start;
    c.end = start + capLen;
    c.capLen = capLen;
    c.origLen = origLen;
    // A record that claims less on the wire than was captured is damaged; the bytes are there, so they count.
    c.wireLen = Math.max(origLen, capLen);
    c.us = us;
    c.ns = ns;
    c.offset = offset;
    c.vlan = c.innerVlan = 0;
    c.meta = 0;
    this.reset(c);
    const fate = ~this.walk(linkProtocol(linkType));
    if (fate === FATE_SESSION) this.append(c);
    else if (fate === FATE_FRAGMENT) this.fragments.push(c, this.capture);
    else if (fate !== FATE_NOT_IP) c.odd(FATES[fate], '');
    return fate;
  }

  /**
   * Decode a datagram joined from fragments, and append it as a row with META_DATAGRAM
   * that stands at its completing fragment.
   *
   * @param head the datagram's first payload bytes, at most HEAD_BYTES, from index 0
   * @param headLength how many of them
   * @param payload the datagram's payload length in bytes, extension headers behind the fragment header included
   * @param proto IP protocol, or next-header value of the fragment header at offset 0
   * @param headerLength bytes of the IP header without the fragment header
   * @param last the completing fragment: row `row` of it gives addresses, VLANs, time, capture and place
   * @returns an index into FATES: FATE_SESSION when the row was appended
   */
  datagram(
    head: Uint8Array,
    headLength: number,
    payload: number,
    proto: number,
    headerLength: number,
    last: FragmentColumns,
    row: number,
  ): number {
    const c = this.cursor;
    c.bytes = head;
    c.pos = c.frame = 0;
    c.end = headLength;
    c.capLen = last.capLen[row];
    c.origLen = last.origLen[row];
    c.us = last.us[row];
    c.ns = last.ns[row];
    c.offset = last.offset[row];
    c.vlan = last.vlan[row];
    c.innerVlan = last.innerVlan[row];
    c.meta = META_DATAGRAM;
    c.v6 = (last.keyProto[row] & KEY_FLAG_V6) === 0 ? 0 : 1;
    const e = row * END_WORDS;
    c.src0 = last.ends[e] | 0;
    c.src1 = last.ends[e + 1] | 0;
    c.src2 = last.ends[e + 2] | 0;
    c.src3 = last.ends[e + 3] | 0;
    c.dst0 = last.ends[e + 4] | 0;
    c.dst1 = last.ends[e + 5] | 0;
    c.dst2 = last.ends[e + 6] | 0;
    c.dst3 = last.ends[e + 7] | 0;
    c.proto = proto;
    c.ipLen = headerLength + payload;
    c.announced = payload;
    this.capture = last.capture[row];
    this.reset(c);
    const fate = ~this.walk(c.v6 === 1 ? ipv6Fragmentable(c, proto) : transport(proto));
    if (fate === FATE_SESSION) {
      // Every fragment was captured whole: what lies beyond the head is only not kept.
      c.meta &= ~META_TRUNCATED;
      this.append(c);
    } else {
      c.odd(FATES[fate], 'in a datagram joined from fragments');
    }
    return fate;
  }

  /** Clear what only some transports set. */
  private reset(c: Cursor): void {
    c.sized = 1;
    c.srcPort = 0;
    c.dstPort = 0;
    c.oneWay = 0;
    c.seq = 0;
    c.ack = 0;
    c.window = 0;
    c.tcpFlags = 0;
    c.hint = HINT_NONE;
  }

  /** Run decoders from `next` on until one names a fate; returns its complement. */
  private walk(next: number): number {
    const c = this.cursor;
    while (next >= 0) {
      switch (next) {
        case NEXT_ETHERNET:
          next = ethernet(c);
          break;
        case NEXT_IP:
          next = ip(c);
          break;
        case NEXT_TCP:
          next = tcp(c);
          break;
        case NEXT_UDP:
          next = udp(c);
          break;
        case NEXT_IPV6:
          next = ipv6(c);
          break;
        case NEXT_VLAN:
          next = vlan(c);
          break;
        case NEXT_ICMP:
          next = icmp(c);
          break;
        case NEXT_ICMPV6:
          next = icmpv6(c);
          break;
        case NEXT_SCTP:
          next = sctp(c);
          break;
        case NEXT_MPLS:
          next = mpls(c);
          break;
        case NEXT_PPPOE:
          next = pppoe(c);
          break;
        case NEXT_PPP:
          next = ppp(c);
          break;
        case NEXT_SLL:
          next = sll(c);
          break;
        case NEXT_SLL2:
          next = sll2(c);
          break;
        case NEXT_LOOPBACK:
          next = loopback(c);
          break;
        default:
          next = other(c);
      }
    }
    return next;
  }

  /** Append the packet under the cursor as a row of the packet columns. */
  private append(c: Cursor): void {
    const columns = this.columns;
    const row = columns.length;
    if (row === columns.capacity) columns.reserve(row + 1);
    const fromB = sourceIsB(c);
    const vlans = this.keyVlan ? c.vlan | (c.innerVlan << 16) : 0;
    columns.flow[row] = flowOf(c, this.flows, fromB, vlans >>> 0);
    columns.us[row] = c.us;
    columns.ns[row] = c.ns;
    columns.capture[row] = this.capture;
    columns.offset[row] = c.offset;
    columns.capLen[row] = c.capLen;
    columns.origLen[row] = c.origLen;
    columns.ipLen[row] = c.ipLen;
    columns.payloadLen[row] = c.payloadLen;
    columns.seq[row] = c.seq;
    columns.ack[row] = c.ack;
    columns.window[row] = c.window;
    columns.tcpFlags[row] = c.tcpFlags;
    columns.meta[row] = fromB ? c.meta | META_FROM_B : c.meta;
    columns.hint[row] = c.hint;
    columns.vlan[row] = c.vlan;
    columns.innerVlan[row] = c.innerVlan;
    columns.tunnel[row] = 0;
    columns.ageUs[row] = 0;
    columns.ageNs[row] = 0;
    columns.length = row + 1;
  }
}
