/**
 * From captured records to rows of typed columns. Each record is walked layer by
 * layer by the decoders of this folder; its packet ends as one row of the packet
 * columns, as one row of the fragment columns, or under the name of what is
 * wrong with it. Nothing that stands in a record makes this throw.
 */
import type { AnomalySink } from '../capture/anomaly.ts';
import {
  HINT_NONE,
  LARGEST_LEVEL,
  META_DATAGRAM,
  META_FROM_B,
  META_LEVEL_SHIFT,
  type PacketColumns,
} from './columns.ts';
import { FATE_FRAGMENT, FATE_NOT_IP, FATE_SESSION, FATES, fateOf, isOdd } from './fate.ts';
import { flowOf, sourceIsB } from './flow/flowkey.ts';
import { type FlowTable, KEY_FLAG_V6 } from './flow/flowtable.ts';
import { END_WORDS, type FragmentColumns } from './fragmentcolumns.ts';
import { icmp } from './ip/icmp.ts';
import { icmpv6 } from './ip/icmpv6.ts';
import { ip } from './ip/ipv4.ts';
import { ipv6, ipv6Fragmentable } from './ip/ipv6.ts';
import { other } from './ip/other.ts';
import { sctp } from './ip/sctp.ts';
import { tcp } from './ip/tcp.ts';
import { udp } from './ip/udp.ts';
import { ethernet } from './link/ethernet.ts';
import { fddi } from './link/fddi.ts';
import { ieee80211, nextSubframe, subframe } from './link/ieee80211.ts';
import { loopback } from './link/loopback.ts';
import { mpls } from './link/mpls.ts';
import { nflog } from './link/nflog.ts';
import { pbb } from './link/pbb.ts';
import { ppi } from './link/ppi.ts';
import { ppp, pppoe, pppSerial } from './link/ppp.ts';
import { radiotap } from './link/radiotap.ts';
import { guess, linkProtocol } from './link/raw.ts';
import { sll, sll2 } from './link/sll.ts';
import { vlan } from './link/vlan.ts';
import { vntag } from './link/vntag.ts';
import {
  capturedFrom,
  NEXT_AMSDU,
  NEXT_AYIYA,
  NEXT_ETHERNET,
  NEXT_FDDI,
  NEXT_GENEVE,
  NEXT_GRE,
  NEXT_GRE_IN_UDP,
  NEXT_GTP,
  NEXT_GUESS,
  NEXT_ICMP,
  NEXT_ICMPV6,
  NEXT_IEEE80211,
  NEXT_IP,
  NEXT_IP_IN_IP,
  NEXT_IPV6,
  NEXT_LOOPBACK,
  NEXT_MPLS,
  NEXT_NFLOG,
  NEXT_PBB,
  NEXT_PPI,
  NEXT_PPP,
  NEXT_PPP_SERIAL,
  NEXT_PPPOE,
  NEXT_RADIOTAP,
  NEXT_SCTP,
  NEXT_SLL,
  NEXT_SLL2,
  NEXT_TCP,
  NEXT_TEREDO,
  NEXT_UDP,
  NEXT_VLAN,
  NEXT_VNTAG,
  NEXT_VXLAN,
  PacketCursor,
  transport,
} from './packetcursor.ts';
import { ayiya } from './tunnel/ayiya.ts';
import { geneve } from './tunnel/geneve.ts';
import { gre } from './tunnel/gre.ts';
import { gtp } from './tunnel/gtp.ts';
import { ipInIp } from './tunnel/ipinip.ts';
import { teredo } from './tunnel/teredo.ts';
import { vxlan } from './tunnel/vxlan.ts';
import {
  KIND_GENEVE,
  KIND_VXLAN,
  LAYER_DESTINATION,
  LAYER_HAS_ID,
  LAYER_ID,
  LAYER_KIND,
  LAYER_SOURCE,
  LAYER_V6,
  LAYER_WORDS,
  MAX_LAYERS,
} from './tunnellayers.ts';

export interface DecodeConfig {
  /** Whether VLAN ids are part of the flow key: equal addresses in two VLANs are then two flows. */
  keyVlan: boolean;
  /**
   * Whether the innermost network identifier of VXLAN or GENEVE is part of the flow key: equal addresses in two
   * virtual networks are then two flows. Identifiers that differ by direction (TEIDs, GRE keys) never are.
   */
  keyVni?: boolean;
}

const TOO_DEEP = ~fateOf('exceeded_tunnel_max_depth');
const TOO_MANY_HEADERS = ~fateOf('max_packet_analyzer_depth_exceeded');
/** Headers that are looked at before a packet is given up (Zeek's PacketAnalyzer::max_depth). */
const MAX_STEPS = 25;
/** The most outer packets with rows of their own that one record has. */
const MAX_OUTER_ROWS = MAX_LAYERS;

/**
 * Decodes records into caller-owned columns, which may be exchanged between any two packets.
 *
 * A packet in a UDP tunnel gives rows of its outer datagrams too: they are of sessions like any other, on levels
 * from 1 up. Outer packets of GRE and of IP in IP have no row of their own, as in Zeek.
 */
export class PacketDecoder {
  columns: PacketColumns;
  flows: FlowTable;
  fragments: FragmentColumns;
  /** Number of the capture that the next records belong to. */
  capture = 0;
  private readonly keyVlan: boolean;
  private readonly keyVni: boolean;
  private readonly cursor: PacketCursor;
  /** Rows of outer packets of the record at hand, and the number of layers around each. */
  private readonly outerRows = new Uint32Array(MAX_OUTER_ROWS);
  private readonly outerDepths = new Uint8Array(MAX_OUTER_ROWS);
  private outers = 0;
  /** Whether what has just been walked was an aggregate, whose packets have been settled one by one. */
  private isAggregate = false;

  constructor(
    config: DecodeConfig,
    columns: PacketColumns,
    flows: FlowTable,
    fragments: FragmentColumns,
    anomalies: AnomalySink,
  ) {
    this.keyVlan = config.keyVlan;
    this.keyVni = config.keyVni ?? false;
    this.columns = columns;
    this.flows = flows;
    this.fragments = fragments;
    this.cursor = new PacketCursor(anomalies);
  }

  /**
   * Decode one captured record: `capLen` bytes of `bytes` from `start` on.
   *
   * @param origLen bytes on the wire
   * @param us microseconds since 1970, `ns` the nanoseconds below
   * @param linkType LINKTYPE_* number
   * @param offset byte offset of the record in the uncompressed capture
   * @returns the fate of the record's innermost packet, an index into FATES; the odd ones are also reported as
   *   anomalies. An aggregate of several packets has the best fate among them: session, fragment, any other
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
    c.missing = c.wireLen - capLen;
    c.beyond = 0;
    c.us = us;
    c.ns = ns;
    c.offset = offset;
    c.vlan = c.innerVlan = 0;
    c.meta = 0;
    c.depth = 0;
    this.reset(c);
    return this.decode(linkProtocol(linkType), '');
  }

  /** Walk the packet under the cursor to its innermost fate, and append what rows it gives. */
  private decode(next: number, detail: string): number {
    const c = this.cursor;
    this.outers = 0;
    const fate = ~this.walk(next);
    this.settle(fate, detail);
    if (this.outers !== 0) this.raiseOuters(0, c.depth);
    return fate;
  }

  /** Append the row of a packet that has been walked to its fate, or name what is odd about it. */
  private settle(fate: number, detail: string): void {
    const c = this.cursor;
    if (this.isAggregate) this.isAggregate = false;
    else if (fate === FATE_SESSION) this.append(c);
    else if (fate === FATE_FRAGMENT) this.fragments.push(c, this.capture, this.network(c));
    else if (isOdd(fate)) c.odd(FATES[fate], detail);
  }

  /** Say on which level the outer rows from number `from` on are, now that the innermost packet is known to have `depth` layers. */
  private raiseOuters(from: number, depth: number): void {
    for (let i = from; i < this.outers; i++) {
      const level = Math.min(depth - this.outerDepths[i], LARGEST_LEVEL);
      this.columns.meta[this.outerRows[i]] |= level << META_LEVEL_SHIFT;
    }
  }

  /**
   * Decode a datagram joined from fragments, and append it as a row with META_DATAGRAM that stands at its
   * completing fragment: after rows of outer datagrams, if it is a tunnel.
   *
   * @param head the datagram's first payload bytes, at most HEAD_BYTES, from index 0
   * @param headLength how many of them
   * @param payload the datagram's payload length in bytes, extension headers behind the fragment header included
   * @param proto IP protocol, or next-header value of the fragment header at offset 0
   * @param headerLength bytes of the IP header without the fragment header
   * @param last the completing fragment: row `row` of it gives addresses, VLANs, tunnel, time, capture and place
   * @returns an index into FATES: FATE_SESSION when the row was appended, FATE_FRAGMENT when it has been pushed to
   *   the decoder's fragments
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
    c.end = c.limit = headLength;
    c.beyond = c.limitBeyond = payload - headLength;
    c.wireLen = payload;
    c.missing = 0;
    c.capLen = last.capLen[row];
    c.origLen = last.origLen[row];
    c.us = last.us[row];
    c.ns = last.ns[row];
    c.offset = last.offset[row];
    c.vlan = last.vlan[row];
    c.innerVlan = last.innerVlan[row];
    c.meta = META_DATAGRAM;
    c.depth = last.tunnels.read(last.tunnel[row], c.layers);
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
    return this.decode(
      c.v6 === 1 ? ipv6Fragmentable(c, proto) : transport(proto),
      'in a datagram joined from fragments',
    );
  }

  /** Clear what only some transports set. */
  private reset(c: PacketCursor): void {
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
    for (let steps = 0; next >= 0; steps++) {
      if (steps === MAX_STEPS) return TOO_MANY_HEADERS;
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
        case NEXT_VXLAN:
          next = c.depth === MAX_LAYERS ? this.tooDeep() : this.overUdp(vxlan(c));
          break;
        case NEXT_GENEVE:
          next = c.depth === MAX_LAYERS ? this.tooDeep() : this.overUdp(geneve(c));
          break;
        case NEXT_GTP:
          next = c.depth === MAX_LAYERS ? this.tooDeep() : this.overUdp(gtp(c));
          break;
        case NEXT_TEREDO:
          next = c.depth === MAX_LAYERS ? this.tooDeep() : this.overUdp(teredo(c));
          break;
        case NEXT_AYIYA:
          next = c.depth === MAX_LAYERS ? this.tooDeep() : this.overUdp(ayiya(c));
          break;
        case NEXT_GRE_IN_UDP:
          next = c.depth === MAX_LAYERS ? this.tooDeep() : this.overUdp(this.greInUdp());
          break;
        case NEXT_GRE:
          next = c.depth === MAX_LAYERS ? TOO_DEEP : this.overIp(gre(c, c.limit + c.limitBeyond - c.pos));
          break;
        case NEXT_IP_IN_IP:
          next = c.depth === MAX_LAYERS ? TOO_DEEP : this.overIp(ipInIp(c));
          break;
        case NEXT_RADIOTAP:
          next = radiotap(c);
          break;
        case NEXT_IEEE80211:
          next = ieee80211(c);
          break;
        case NEXT_AMSDU:
          next = this.aggregate();
          break;
        case NEXT_VNTAG:
          next = vntag(c);
          break;
        case NEXT_PBB:
          next = pbb(c);
          break;
        case NEXT_NFLOG:
          next = nflog(c);
          break;
        case NEXT_PPI:
          next = ppi(c);
          break;
        case NEXT_FDDI:
          next = fddi(c);
          break;
        case NEXT_PPP_SERIAL:
          next = pppSerial(c);
          break;
        case NEXT_GUESS:
          next = guess(c);
          break;
        default:
          next = other(c);
      }
    }
    return next;
  }

  /** GRE in the UDP datagram under the cursor; what is no GRE is a datagram like any other. */
  private greInUdp(): number {
    const c = this.cursor;
    const next = gre(c, capturedFrom(c));
    if (next >= 0 || next === ~FATE_NOT_IP) return next;
    c.odd(FATES[~next], 'in a UDP datagram');
    return ~FATE_SESSION;
  }

  /** A datagram that names a tunnel below as many layers as are unpacked: it is left as it is. */
  private tooDeep(): number {
    this.cursor.odd('exceeded_tunnel_max_depth', 'in a UDP datagram');
    return ~FATE_SESSION;
  }

  /**
   * What a tunnel's decoder said of the UDP datagram under the cursor: the complement of FATE_SESSION for one
   * that is no tunnel. Of a tunnel the datagram's own row is written, and the inner packet comes under the cursor.
   */
  private overUdp(next: number): number {
    if (next === ~FATE_SESSION) return next;
    const c = this.cursor;
    this.outerRows[this.outers] = this.columns.length;
    this.outerDepths[this.outers++] = c.depth;
    this.append(c);
    // The inner packet lacks what the outer one lacks.
    this.enter(capturedFrom(c) + c.missing);
    return next;
  }

  /** As overUdp, of a packet directly over IP, which has no row of its own. What it says of lengths is taken as it is. */
  private overIp(next: number): number {
    if (next < 0 && next !== ~FATE_NOT_IP) return next;
    const c = this.cursor;
    c.end = c.limit;
    c.beyond = c.limitBeyond;
    c.missing = 0;
    this.enter(capturedFrom(c));
    return next;
  }

  /** Puts a layer around the packet at `c.pos`, which was `wireLen` bytes long on the wire, and begins with it anew. */
  private enter(wireLen: number): void {
    const c = this.cursor;
    const at = c.depth * LAYER_WORDS;
    const { layers } = c;
    const v6 = c.v6 === 1;
    layers[at] = v6 ? c.tunnelKind | LAYER_V6 : c.tunnelKind;
    layers[at + LAYER_SOURCE] = v6 ? c.src0 : 0;
    layers[at + LAYER_SOURCE + 1] = v6 ? c.src1 : 0;
    layers[at + LAYER_SOURCE + 2] = v6 ? c.src2 : 0;
    layers[at + LAYER_SOURCE + 3] = c.src3;
    layers[at + LAYER_DESTINATION] = v6 ? c.dst0 : 0;
    layers[at + LAYER_DESTINATION + 1] = v6 ? c.dst1 : 0;
    layers[at + LAYER_DESTINATION + 2] = v6 ? c.dst2 : 0;
    layers[at + LAYER_DESTINATION + 3] = c.dst3;
    layers[at + LAYER_ID] = (c.tunnelKind & LAYER_HAS_ID) === 0 ? 0 : c.tunnelId;
    c.depth++;
    c.frame = c.pos;
    c.wireLen = wireLen;
    c.vlan = c.innerVlan = 0;
    c.meta &= META_DATAGRAM;
    this.reset(c);
  }

  /** The packets of an A-MSDU at `c.pos`, each as if it were a record of its own. @returns the complement of the best fate */
  private aggregate(): number {
    const c = this.cursor;
    const { end, beyond, frame, wireLen, missing, depth, vlan, innerVlan, meta } = c;
    const { outers } = this;
    const firstFragment = this.fragments.length;
    let best = FATE_NOT_IP;
    for (let first = true; c.pos < end; first = false) {
      const start = c.pos;
      const next = subframe(c);
      const subframeEnd = c.end;
      c.beyond = 0;
      const fate = ~(next < 0 ? next : this.walk(next));
      this.settle(fate, 'in an A-MSDU');
      this.raiseOuters(outers, c.depth);
      this.outers = outers;
      if (first || fate === FATE_SESSION || (fate === FATE_FRAGMENT && best !== FATE_SESSION)) best = fate;
      c.end = end;
      c.beyond = beyond;
      c.frame = frame;
      c.wireLen = wireLen;
      c.missing = missing;
      c.depth = depth;
      c.vlan = vlan;
      c.innerVlan = innerVlan;
      c.meta = meta;
      this.reset(c);
      // As in Zeek, what cannot be read ends the aggregate.
      if (fate !== FATE_SESSION && fate !== FATE_FRAGMENT && fate !== FATE_NOT_IP) break;
      c.pos = nextSubframe(start, subframeEnd, end);
    }
    // The record counts once.
    const { counts } = this.fragments;
    for (let row = firstFragment; row < this.fragments.length; row++)
      counts[row] = best === FATE_FRAGMENT && row === firstFragment ? 1 : 0;
    this.isAggregate = true;
    return ~best;
  }

  /** The flow key's word for the innermost virtual network, 0 without one or if the key has none. */
  private network(c: PacketCursor): number {
    if (!this.keyVni) return 0;
    for (let layer = c.depth - 1; layer >= 0; layer--) {
      const kind = c.layers[layer * LAYER_WORDS] & LAYER_KIND;
      if (kind === KIND_VXLAN || kind === KIND_GENEVE) return c.layers[layer * LAYER_WORDS + LAYER_ID] + 1;
    }
    return 0;
  }

  /** Append the packet under the cursor as a row of the packet columns. */
  private append(c: PacketCursor): void {
    const columns = this.columns;
    const row = columns.length;
    if (row === columns.capacity) columns.reserve(row + 1);
    const fromB = sourceIsB(c);
    const vlans = this.keyVlan ? c.vlan | (c.innerVlan << 16) : 0;
    const network = c.depth === 0 ? 0 : this.network(c);
    columns.flow[row] = flowOf(c, this.flows, fromB, vlans >>> 0, network);
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
    columns.tunnel[row] = c.depth === 0 ? 0 : this.flows.tunnels.lookup(c.layers, c.depth);
    columns.ageUs[row] = 0;
    columns.ageNs[row] = 0;
    columns.length = row + 1;
  }
}
