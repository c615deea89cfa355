/**
 * The cursor over the packet that is being decoded, reused for every packet. A decoder reads at `pos`, moves it past
 * its header, and writes the decoded fields into the cursor (protocol.ts).
 */
import type { AnomalySink } from '../capture/anomaly.ts';
import { HINT_NONE, META_DATAGRAM } from './columns.ts';
import type { TunnelPorts } from './ip/tunnelports.ts';
import {
  LAYER_DESTINATION,
  LAYER_HAS_ID,
  LAYER_ID,
  LAYER_SOURCE,
  LAYER_V6,
  LAYER_WORDS,
  MAX_LAYERS,
} from './tunnellayers.ts';

export { int32, uint16 } from '../algorithm/bytes.ts';

/** Numbers only: no packet allocates anything. */
export class PacketCursor {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the next decoder reads. */
  pos = 0;
  /** End of the captured bytes that belong to the packet: of the record at first, then clipped by each header's length. */
  end = 0;
  /** Captured bytes after `end` that are not in memory: of a datagram joined from fragments only the head is kept. */
  beyond = 0;
  /**
   * End of the packet on the wire: of the record at first, then as each header's length says. It lies behind `end` when
   * bytes were not captured.
   */
  wireEnd = 0;
  capLen = 0;
  origLen = 0;
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
  /**
   * The packet's mark (packetmark.ts): at first the identification of the IPv4 header, or the lowest 16 bits of that of
   * the datagram that was joined; 0 for other IPv6 packets. Decoders of transports replace it where that is not enough.
   */
  mark = 0;
  /** IP protocol of the transport. */
  proto = 0;
  /** Total length of the IP packet in bytes, likewise. */
  ipLen = 0;
  /** Bytes after the IP header as that header says; if it says 0, those of the record. */
  announced = 0;
  /** 0 when it says 0. */
  sized = 1;

  srcPort = 0;
  dstPort = 0;
  /** 1 for an ICMP message that expects no answer: (type, code) take the place of the ports. */
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
  /** Set by a tunnel's decoder: the number of its kind with LAYER_HAS_ID, and the identifier in its header. */
  tunnelKind = 0;
  tunnelId = 0;

  /** What the record holds that nothing is decoded of: its number space, 0 for none noted, and its number (undecoded.ts). */
  undecodedSpace = 0;
  undecodedNumber = 0;

  anomalies: AnomalySink;
  /** The tunnels of UDP ports. */
  readonly tunnelPorts: TunnelPorts;

  constructor(anomalies: AnomalySink, tunnelPorts: TunnelPorts) {
    this.anomalies = anomalies;
    this.tunnelPorts = tunnelPorts;
  }

  /** Both ports of an SCTP packet, the sender's in the high half. They share a column with TCP's sequence number. */
  get sctpPorts(): number {
    return this.seq;
  }

  set sctpPorts(ports: number) {
    this.seq = ports;
  }

  /**
   * Place the cursor at the beginning of a record: `capLen` bytes of `bytes` from `start` on, the rest as in
   * PacketDecoder.packet.
   */
  begin(
    bytes: Uint8Array,
    start: number,
    capLen: number,
    origLen: number,
    us: number,
    ns: number,
    offset: number,
  ): void {
    this.bytes = bytes;
    this.pos = start;
    this.end = start + capLen;
    this.capLen = capLen;
    this.origLen = origLen;
    // A record that claims less on the wire than was captured is damaged; the bytes are there, so they count.
    this.wireEnd = start + Math.max(origLen, capLen);
    this.beyond = 0;
    this.us = us;
    this.ns = ns;
    this.offset = offset;
    this.vlan = this.innerVlan = 0;
    this.meta = 0;
    this.depth = 0;
    this.undecodedSpace = 0;
    this.reset();
  }

  /** Clear the fields that only some transports set. */
  reset(): void {
    this.sized = 1;
    this.srcPort = 0;
    this.dstPort = 0;
    this.oneWay = 0;
    this.seq = 0;
    this.ack = 0;
    this.window = 0;
    this.tcpFlags = 0;
    this.hint = HINT_NONE;
  }

  /** Add a layer around the packet at `pos`, and start over with that packet. */
  enterTunnel(): void {
    const at = this.depth * LAYER_WORDS;
    const { layers } = this;
    const v6 = this.v6 === 1;
    layers[at] = v6 ? this.tunnelKind | LAYER_V6 : this.tunnelKind;
    layers[at + LAYER_SOURCE] = v6 ? this.src0 : 0;
    layers[at + LAYER_SOURCE + 1] = v6 ? this.src1 : 0;
    layers[at + LAYER_SOURCE + 2] = v6 ? this.src2 : 0;
    layers[at + LAYER_SOURCE + 3] = this.src3;
    layers[at + LAYER_DESTINATION] = v6 ? this.dst0 : 0;
    layers[at + LAYER_DESTINATION + 1] = v6 ? this.dst1 : 0;
    layers[at + LAYER_DESTINATION + 2] = v6 ? this.dst2 : 0;
    layers[at + LAYER_DESTINATION + 3] = this.dst3;
    layers[at + LAYER_ID] = (this.tunnelKind & LAYER_HAS_ID) === 0 ? 0 : this.tunnelId;
    this.depth++;
    this.vlan = this.innerVlan = 0;
    this.meta &= META_DATAGRAM;
    this.reset();
  }

  /** Note what follows in the record, for which there is no decoder. */
  undecoded(space: number, number: number): void {
    this.undecodedSpace = space;
    this.undecodedNumber = number;
  }

  /** Report something odd about the current record that does not decide its fate. */
  odd(name: string, detail: string): void {
    this.anomalies.anomaly(name, this.us, this.ns, this.offset, detail);
  }
}

/**
 * Bounds the packet to the `length` bytes from `start` on that its header announces. What was captured behind them is a
 * trailer: padding, a frame check sequence. A packet of which fewer bytes were captured is cut, whatever the record says.
 *
 * @returns whether all of it was captured
 */
export function clip(c: PacketCursor, start: number, length: number): boolean {
  const wireEnd = start + length;
  c.wireEnd = wireEnd;
  const after = wireEnd - c.end;
  if (after <= 0) {
    c.end = wireEnd;
    c.beyond = 0;
    return true;
  }
  if (c.beyond < after) return false;
  c.beyond = after;
  return true;
}

/** Bytes captured from `c.pos` on, those not in memory included. */
export function capturedFrom(c: PacketCursor): number {
  return c.end + c.beyond - c.pos;
}
