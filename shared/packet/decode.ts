/**
 * Decodes captured records into rows of typed columns. Each record is walked header by header by the decoders that
 * protocols.ts lists; its packet becomes one row of the packet columns, one row of the fragment columns, or an anomaly.
 * No record makes this throw.
 */
import type { AnomalySink } from '../capture/anomaly.ts';
import { appendPacket, virtualNetwork } from './appendpacket.ts';
import { LARGEST_LEVEL, META_DATAGRAM, META_LEVEL_SHIFT, type PacketColumns } from './columns.ts';
import { FATE_FRAGMENT, FATE_NOT_IP, FATE_SESSION, FATES, fateOf, isOdd } from './fate.ts';
import type { FlowTable } from './flow/flowtable.ts';
import type { FragmentColumns } from './fragmentcolumns.ts';
import { IP } from './ip/ipv4.ts';
import { IPV6, ipv6Fragmentable } from './ip/ipv6.ts';
import { TCP } from './ip/tcp.ts';
import { UDP } from './ip/udp.ts';
import { UDP_TUNNELS } from './ip/udptunnels.ts';
import { ETHERNET } from './link/ethernet.ts';
import { AMSDU, nextSubframe } from './link/ieee80211.ts';
import { VLAN } from './link/vlan.ts';
import { PacketCursor } from './packetcursor.ts';
import { FORM_AGGREGATE, FORM_HEADER, FORM_UDP_TUNNEL, type Protocol } from './protocol.ts';
import { IP_PROTOCOLS, LINK_TYPES } from './protocolnumbers.ts';
import { BY_CODE } from './protocols.ts';
import { VXLAN } from './tunnel/vxlan.ts';
import { MAX_LAYERS } from './tunnellayers.ts';
import type { UndecodedCounts } from './undecoded.ts';
import { SPACE_LINK_TYPE, undecodedName } from './undecodednames.ts';

export interface DecodeConfig {
  /** Whether VLAN ids are part of the flow key: equal addresses in two VLANs are then two flows. */
  keyVlan: boolean;
  /**
   * Whether the innermost network identifier of a tunnel (VXLAN, ...) is part of the flow key: equal addresses in two
   * virtual networks are then two flows. Identifiers that differ by direction (TEIDs, GRE keys) never are.
   */
  keyVni?: boolean;
  /** UDP ports of VXLAN besides those that are known; they are no other tunnel's. */
  vxlanPorts?: readonly number[];
  /** Addresses, canonical and in order, whose packets are left out (forgettingdecoder.ts). */
  forgotten?: readonly string[];
}

const FATE_UNKNOWN_LINK_TYPE = fateOf('unknown_link_type');
const TOO_DEEP = ~fateOf('exceeded_tunnel_max_depth');
const TOO_MANY_HEADERS = ~fateOf('max_packet_analyzer_depth_exceeded');
/** Most headers that are decoded of a packet (Zeek's PacketAnalyzer::max_depth). */
const MAX_STEPS = 25;
/** The most outer packets with rows of their own that one record has. */
const MAX_OUTER_ROWS = MAX_LAYERS;

/**
 * Decodes records into caller-owned columns, which may be exchanged between any two packets.
 *
 * A packet in a UDP tunnel also yields rows of its outer datagrams: they belong to sessions like any other, on levels
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
  protected readonly cursor: PacketCursor;
  /** Rows of outer packets of the current record, and the number of layers around each. */
  private readonly outerRows = new Uint32Array(MAX_OUTER_ROWS);
  private readonly outerDepths = new Uint8Array(MAX_OUTER_ROWS);
  private outers = 0;
  /** Whether the last walk ended at an aggregate, whose packets have been settled one by one. */
  private isAggregate = false;
  /** The last text of an undecoded number, for captures that consist of one. */
  private textSpace = 0;
  private textNumber = 0;
  private text = '';

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
    const { vxlanPorts = [] } = config;
    const { ports } = UDP_TUNNELS;
    this.cursor = new PacketCursor(anomalies, vxlanPorts.length === 0 ? ports : ports.with(vxlanPorts, VXLAN.code));
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
    this.cursor.begin(bytes, start, capLen, origLen, us, ns, offset);
    return this.decode(LINK_TYPES.next(linkType, this.cursor), '', linkType);
  }

  /**
   * Walk the packet under the cursor to its innermost fate, and append its rows.
   * @param linkType the record's, which is named where no decoder of it has named another
   */
  protected decode(next: number, detail: string, linkType: number): number {
    const c = this.cursor;
    this.outers = 0;
    const fate = ~this.walk(next);
    if (fate === FATE_UNKNOWN_LINK_TYPE && c.undecodedSpace === 0) c.undecoded(SPACE_LINK_TYPE, linkType);
    this.settle(fate, detail);
    if (this.outers !== 0) this.raiseOuters(0, c.depth);
    return fate;
  }

  /** Append the row of a decoded packet, or report what is odd about it. */
  private settle(fate: number, detail: string): void {
    const c = this.cursor;
    if (this.isAggregate) this.isAggregate = false;
    else if (fate === FATE_SESSION) this.append();
    else if (fate === FATE_FRAGMENT) this.appendFragment();
    else if (isOdd(fate)) c.odd(FATES[fate], detail === '' ? this.undecodedText() : detail);
  }

  /** The name of what is noted as undecoded, '' for nothing. */
  private undecodedText(): string {
    const { undecodedSpace, undecodedNumber } = this.cursor;
    if (undecodedSpace === 0) return '';
    if (undecodedSpace !== this.textSpace || undecodedNumber !== this.textNumber) {
      this.textSpace = undecodedSpace;
      this.textNumber = undecodedNumber;
      this.text = undecodedName(undecodedSpace, undecodedNumber);
    }
    return this.text;
  }

  /**
   * Count what the last record holds that nothing is decoded of.
   * @param fate the record's. Every record that is not IP is counted, others where a number is to blame
   */
  countUndecoded(counts: UndecodedCounts, fate: number): void {
    const { undecodedSpace, undecodedNumber } = this.cursor;
    if (undecodedSpace !== 0) counts.add(undecodedSpace, undecodedNumber);
    else if (fate === FATE_NOT_IP) counts.add(0, 0);
  }

  protected appendFragment(): void {
    const c = this.cursor;
    this.fragments.push(c, this.capture, this.keyVni ? virtualNetwork(c) : 0);
  }

  protected append(): void {
    const c = this.cursor;
    const vlans = this.keyVlan ? c.vlan | (c.innerVlan << 16) : 0;
    const network = this.keyVni ? virtualNetwork(c) : 0;
    appendPacket(c, this.columns, this.flows, this.capture, vlans >>> 0, network);
  }

  /**
   * Set the levels of the outer rows from number `from` on, now that the innermost packet is known to have `depth`
   * layers.
   */
  protected raiseOuters(from: number, depth: number): void {
    for (let i = from; i < this.outers; i++) {
      const level = Math.min(depth - this.outerDepths[i], LARGEST_LEVEL);
      this.columns.meta[this.outerRows[i]] |= level << META_LEVEL_SHIFT;
    }
  }

  /**
   * Decode a datagram joined from fragments, and append it as a row with META_DATAGRAM at the place of its completing
   * fragment: after rows of outer datagrams, if it is a tunnel.
   *
   * @param head the datagram's first payload bytes, at most FRAGMENT_HEAD_BYTES, from index 0
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
    c.pos = 0;
    c.end = headLength;
    c.beyond = payload - headLength;
    c.wireEnd = payload;
    last.placeUnder(c, row);
    c.meta = META_DATAGRAM;
    c.proto = proto;
    c.mark = last.id[row] & 0xffff;
    c.ipLen = headerLength + payload;
    c.announced = payload;
    this.capture = last.capture[row];
    c.reset();
    return this.decode(
      c.v6 === 1 ? ipv6Fragmentable(c, proto) : IP_PROTOCOLS.next(proto, c),
      'in a datagram joined from fragments',
      -1,
    );
  }

  /** Run decoders from that of code `next` on until one returns a fate; returns its complement. */
  private walk(next: number): number {
    const c = this.cursor;
    for (let steps = 0; next >= 0; steps++) {
      if (steps === MAX_STEPS) return TOO_MANY_HEADERS;
      // Nearly all headers are of these. They are called by name so that the compiler inlines them.
      if (next === IP.code) next = IP.decode(c);
      else if (next === TCP.code) next = TCP.decode(c);
      else if (next === ETHERNET.code) next = ETHERNET.decode(c);
      else if (next === UDP.code) next = UDP.decode(c);
      else if (next === IPV6.code) next = IPV6.decode(c);
      else if (next === VLAN.code) next = VLAN.decode(c);
      else next = this.step(BY_CODE[next]);
    }
    return next;
  }

  /** Run the decoder of any protocol. */
  private step(protocol: Protocol): number {
    const c = this.cursor;
    const { form } = protocol;
    if (form === FORM_HEADER) return protocol.decode(c);
    if (form === FORM_AGGREGATE) return this.aggregate();
    const isOverUdp = form === FORM_UDP_TUNNEL;
    if (c.depth === MAX_LAYERS) return isOverUdp ? this.tooDeep() : TOO_DEEP;
    const next = protocol.decode(c);
    return isOverUdp ? this.overUdp(next) : this.overIp(next);
  }

  /** A datagram that carries a tunnel below the most layers that are unpacked: it is not unpacked. */
  private tooDeep(): number {
    this.cursor.odd('exceeded_tunnel_max_depth', 'in a UDP datagram');
    return ~FATE_SESSION;
  }

  /**
   * Result of a tunnel's decoder for the UDP datagram under the cursor: the complement of FATE_SESSION if it is not a
   * tunnel. For a tunnel the datagram's own row is written, and the cursor moves to the inner packet.
   */
  private overUdp(next: number): number {
    if (next === ~FATE_SESSION) return next;
    const c = this.cursor;
    this.outerRows[this.outers] = this.columns.length;
    this.outerDepths[this.outers++] = c.depth;
    this.append();
    c.enterTunnel();
    return next;
  }

  /** As overUdp, for a packet directly over IP, which has no row of its own. */
  protected overIp(next: number): number {
    if (next >= 0 || next === ~FATE_NOT_IP) this.cursor.enterTunnel();
    return next;
  }

  /** The packets of an A-MSDU at `c.pos`, each like a record of its own. @returns the complement of the best fate */
  private aggregate(): number {
    const c = this.cursor;
    const { end, beyond, wireEnd, depth, vlan, innerVlan, meta } = c;
    const { outers } = this;
    const firstFragment = this.fragments.length;
    let best = FATE_NOT_IP;
    let space = 0;
    let number = 0;
    for (let first = true; c.pos < end; first = false) {
      const start = c.pos;
      c.undecodedSpace = 0;
      const next = AMSDU.decode(c);
      const subframeEnd = c.end;
      const fate = ~(next < 0 ? next : this.walk(next));
      this.settle(fate, 'in an A-MSDU');
      this.raiseOuters(outers, c.depth);
      this.outers = outers;
      if (first || fate === FATE_SESSION || (fate === FATE_FRAGMENT && best !== FATE_SESSION)) {
        best = fate;
        space = c.undecodedSpace;
        number = c.undecodedNumber;
      }
      c.end = end;
      c.beyond = beyond;
      c.wireEnd = wireEnd;
      c.depth = depth;
      c.vlan = vlan;
      c.innerVlan = innerVlan;
      c.meta = meta;
      c.reset();
      // As in Zeek, a subframe that cannot be read ends the aggregate.
      if (fate !== FATE_SESSION && fate !== FATE_FRAGMENT && fate !== FATE_NOT_IP) break;
      c.pos = nextSubframe(start, subframeEnd, end);
    }
    // The record counts once.
    const { counts } = this.fragments;
    for (let row = firstFragment; row < this.fragments.length; row++)
      counts[row] = best === FATE_FRAGMENT && row === firstFragment ? 1 : 0;
    this.isAggregate = true;
    c.undecoded(space, number);
    return ~best;
  }
}
