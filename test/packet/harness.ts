/** Builds packets from hex and headers, decodes them, and describes rows as text. */
import { addressText } from '../../shared/packet/address.ts';
import { META_FROM_B, META_LEVEL_SHIFT, META_LEVELS, PacketColumns } from '../../shared/packet/columns.ts';
import { PacketDecoder } from '../../shared/packet/decode.ts';
import { FATE_NOT_IP, FATES, type FateName } from '../../shared/packet/fate.ts';
import {
  FlowTable,
  KEY_ADDR_A,
  KEY_ADDR_B,
  KEY_PORTS,
  KEY_PROTO,
  KEY_WORDS,
} from '../../shared/packet/flow/flowtable.ts';
import { FragmentColumns } from '../../shared/packet/fragmentcolumns.ts';
import { TUNNEL_KINDS } from '../../shared/packet/protocols.ts';
import { tunnelText } from '../../shared/packet/tunneltext.ts';
import { UndecodedCounts, undecodedByName } from '../../shared/packet/undecoded.ts';

/** Bytes of hex text; blanks are ignored. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s+/g, ''), 'hex'));
}

export function bytes(...parts: (Uint8Array | number[] | string)[]): Uint8Array {
  return Uint8Array.from(
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? hex(part) : Uint8Array.from(part)))),
  );
}

export function be16(value: number): number[] {
  return [(value >> 8) & 255, value & 255];
}

export function be32(value: number): number[] {
  return [...be16(value >>> 16), ...be16(value & 0xffff)];
}

export interface Ipv4Options {
  proto?: number;
  src?: string;
  dst?: string;
  /** Total length to write instead of the true one. */
  total?: number;
  id?: number;
  /** Fragment offset in bytes. */
  offset?: number;
  more?: boolean;
  df?: boolean;
  /** Header options, a multiple of four bytes. */
  options?: string;
}

export function ipv4(payload: Uint8Array, o: Ipv4Options = {}): Uint8Array {
  const options = hex(o.options ?? '');
  const header = 20 + options.length;
  const fragment = ((o.offset ?? 0) >> 3) | (o.more ? 0x2000 : 0) | (o.df ? 0x4000 : 0);
  return bytes(
    [0x40 | (header >> 2), 0],
    be16(o.total ?? header + payload.length),
    be16(o.id ?? 0),
    be16(fragment),
    [64, o.proto ?? 17, 0, 0],
    (o.src ?? '10.0.0.1').split('.').map(Number),
    (o.dst ?? '10.0.0.2').split('.').map(Number),
    options,
    payload,
  );
}

/** The packet with the right checksum in its IPv4 header, which `ipv4` leaves at zero. */
export function withChecksum(packet: Uint8Array): Uint8Array {
  const summed = packet.slice();
  const words = (packet[0] & 15) * 2;
  let sum = 0;
  for (let i = 0; i < words; i++) sum += i === 5 ? 0 : (packet[2 * i] << 8) | packet[2 * i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  summed.set(be16(sum ^ 0xffff), 10);
  return summed;
}

/** IPv6 addresses as 32 hex digits; `next` names the first header of `payload`. */
export function ipv6(
  payload: Uint8Array,
  next: number,
  src = V6_ONE,
  dst = V6_TWO,
  length = payload.length,
): Uint8Array {
  return bytes('60000000', be16(length), [next, 64], src, dst, payload);
}

export const V6_ONE = '20010db8000000000000000000000001';
export const V6_TWO = '20010db8000000000000000000000002';

export function udp(srcPort: number, dstPort: number, payload: Uint8Array, length = 8 + payload.length): Uint8Array {
  return bytes(be16(srcPort), be16(dstPort), be16(length), [0, 0], payload);
}

export interface TcpOptions {
  seq?: number;
  ack?: number;
  flags?: number;
  window?: number;
  /** Header length to claim, in bytes. */
  header?: number;
  options?: string;
}

export function tcp(srcPort: number, dstPort: number, payload: Uint8Array, o: TcpOptions = {}): Uint8Array {
  const options = hex(o.options ?? '');
  const flags = o.flags ?? 0x10;
  const words = (o.header ?? 20 + options.length) >> 2;
  return bytes(
    be16(srcPort),
    be16(dstPort),
    be32(o.seq ?? 0),
    be32(o.ack ?? 0),
    [(words << 4) | (flags >> 8), flags & 255],
    be16(o.window ?? 0),
    [0, 0, 0, 0],
    options,
    payload,
  );
}

/** Ethernet frame of `payload`; `type` as hex, with anything between it and the payload. */
export function ethernet(type: string, payload: Uint8Array): Uint8Array {
  return bytes('0200000000010200000000 02', type, payload);
}

export function text(value: string): Uint8Array {
  return Uint8Array.from(Buffer.from(value, 'latin1'));
}

/** The number in shards of a kind of tunnel, by its name in the sessions' `tunnel`. */
export function kindNumber(name: string): number {
  for (const kind of TUNNEL_KINDS.values()) if (kind.name === name) return kind.number;
  throw new Error(`there is no tunnel ${name}`);
}

/** A flow key as text: protocol, both ends, and further parts. */
export function flowText(flows: FlowTable, flow: number): string {
  const { words } = flows;
  const at = flow * KEY_WORDS;
  const ports = words[at + KEY_PORTS];
  const a = `${addressText(words, at, KEY_ADDR_A)}:${ports >>> 16}`;
  const b = `${addressText(words, at, KEY_ADDR_B)}:${ports & 0xffff}`;
  return `${words[at + KEY_PROTO] & 0xff} ${a} ${b}`;
}

export class Workbench {
  columns = new PacketColumns(4);
  flows = new FlowTable();
  fragments = new FragmentColumns(4);
  odd: string[] = [];
  /** Details of the anomalies, in the order of `odd`. */
  details: string[] = [];
  undecoded = new UndecodedCounts();
  decoder: PacketDecoder;
  us = 1_700_000_000_000_000;
  offset = 24;

  constructor(keyVlan = false, keyVni = false, vxlanPorts: readonly number[] = []) {
    this.decoder = new PacketDecoder({ keyVlan, keyVni, vxlanPorts }, this.columns, this.flows, this.fragments, {
      anomaly: (name, _us, _ns, _offset, detail) => {
        this.odd.push(name);
        this.details.push(detail);
      },
    });
  }

  /** Decode one packet, complete by default; returns the name of its fate. */
  decode(packet: Uint8Array, linkType = 1, capLen = packet.length, origLen = packet.length): FateName {
    // With other bytes before and after, so that reads outside the record are noticed.
    const buffer = bytes('ffffffffffffff', packet.subarray(0, capLen), 'ffffffffffffffff');
    const fate = this.decoder.packet(buffer, 7, capLen, origLen, this.us, 0, linkType, this.offset);
    if (fate >= FATE_NOT_IP) this.decoder.countUndecoded(this.undecoded, fate);
    this.us += 1000;
    this.offset += capLen + 16;
    return FATES[fate];
  }

  /** Flow of the last row, or of row `row`. */
  flow(row = this.columns.length - 1): string {
    return flowText(this.flows, this.columns.flow[row]);
  }

  /** Tunnel of the last row, or of row `row`, as text. */
  tunnel(row = this.columns.length - 1): string {
    return tunnelText(this.flows.tunnels, this.columns.tunnel[row]);
  }

  /** Level of every row, in order. */
  levels(): number[] {
    return [...this.columns.meta.subarray(0, this.columns.length)].map(
      (meta) => (meta & META_LEVELS) >> META_LEVEL_SHIFT,
    );
  }

  /** Names and counts of what was not decoded since the last call: `ethertype_0x0806_ARP=2`. */
  undecodedNames(): string {
    return undecodedByName(this.undecoded.take())
      .map(({ name, count }) => `${name}=${count}`)
      .join(',');
  }

  fromB(row = this.columns.length - 1): boolean {
    return (this.columns.meta[row] & META_FROM_B) !== 0;
  }

  payload(row = this.columns.length - 1): number {
    return this.columns.payloadLen[row];
  }
}

/** Numbers from a seed: xorshift, 32 bits. */
export function random(seed: number): (below: number) => number {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
