/**
 * A case of the casebook: constructed packets, and the rows that follow from Zeek's rules, each with its reasons. The
 * rows are derived by hand from those rules (conn_state() in base/protocols/conn/main.zeek, TCP.cc, UDP.cc, ICMP.cc),
 * not printed by a program: if one differs from ours, either its reasons or our code is wrong.
 */
import { type BuiltRecord, gzip, writePcap, writePcapng, zstd } from '../../capture/build.ts';
import { ethernet, ipv4, tcp, udp } from '../../packet/harness.ts';
import type { ConnRow } from '../fidelity.ts';

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;

/** The time to which a case's milliseconds are relative: 2026-01-05 12:00:00 UTC. */
const BEGIN_US = 1_767_614_400_000_000;

/** A row of conn.log as the casebook states it. */
export interface Expected {
  /** Milliseconds at which the session begins. */
  at: number;
  proto: 'tcp' | 'udp' | 'icmp';
  orig: readonly [host: string, port: number];
  resp: readonly [host: string, port: number];
  /**
   * Milliseconds from the first packet to the last; absent if there is only one, and then there are no bytes either.
   */
  lasts?: number;
  bytes?: readonly [orig: number, resp: number];
  state: string;
  /** Absent if Zeek has none: ICMP. */
  history?: string;
  missed?: number;
  pkts: readonly [orig: number, resp: number];
  ipBytes: readonly [orig: number, resp: number];
  /** Why the row has these values, by Zeek's rules. */
  why: string;
}

/** A capture of a case, with its packets in the order given. */
export interface CaseCapture {
  name: string;
  records: readonly BuiltRecord[];
}

export interface Case {
  name: string;
  captures: readonly CaseCapture[];
  rows: readonly Expected[];
}

/** A frame `ms` milliseconds after the case's beginning. */
export function at(ms: number, frame: Uint8Array): BuiltRecord {
  return { us: BEGIN_US + ms * 1000, bytes: frame };
}

/** `count` bytes of payload. */
export function payload(count: number): Uint8Array {
  return new Uint8Array(count).fill(0x78);
}

/** Both ends of a flow over IPv4: the client's port is 40000. Frames of either end, Ethernet around them. */
export class Ends {
  readonly client: readonly [string, number];
  readonly server: readonly [string, number];

  /** @param network 10.0.`network`.1 talks to 10.0.`network`.2; a network for each case keeps their flows apart */
  constructor(network: number, serverPort: number, clientPort = 40_000) {
    this.client = [`10.0.${network}.1`, clientPort];
    this.server = [`10.0.${network}.2`, serverPort];
  }

  /** A TCP segment of the client, `length` bytes of payload; 40 bytes of headers. */
  c(ms: number, flags: number, seq: number, ack = 0, length = 0): BuiltRecord {
    return at(ms, this.segment(this.client, this.server, flags, seq, ack, length));
  }

  /** A TCP segment of the server. */
  s(ms: number, flags: number, seq: number, ack = 0, length = 0): BuiltRecord {
    return at(ms, this.segment(this.server, this.client, flags, seq, ack, length));
  }

  /** The three-way handshake at 0, 10 and 20 ms: the client's bytes begin at 1001, the server's at 5001. */
  handshake(): BuiltRecord[] {
    return [this.c(0, SYN, 1000), this.s(10, SYN | ACK, 5000, 1001), this.c(20, ACK, 1001, 5001)];
  }

  /** An IPv4 packet of UDP of the client; 28 bytes of headers. */
  ask(length: number): Uint8Array {
    return ipv4(udp(this.client[1], this.server[1], payload(length)), { src: this.client[0], dst: this.server[0] });
  }

  /** An IPv4 packet of UDP of the server. */
  answer(length: number): Uint8Array {
    return ipv4(udp(this.server[1], this.client[1], payload(length)), { src: this.server[0], dst: this.client[0] });
  }

  private segment(
    [src, from]: readonly [string, number],
    [dst, to]: readonly [string, number],
    flags: number,
    seq: number,
    ack: number,
    length: number,
  ): Uint8Array {
    return frame(ipv4(tcp(from, to, payload(length), { seq, ack, flags, window: 8192 }), { proto: 6, src, dst }));
  }
}

/** An IPv4 packet in an Ethernet frame. */
export function frame(packet: Uint8Array): Uint8Array {
  return ethernet('0800', packet);
}

/** The bytes of a capture, in the format of its name: .pcap or .pcapng, then optionally .gz or .zst. */
export function captureBytes({ name, records }: CaseCapture): Uint8Array {
  const plain = /\.pcapng\b/.test(name) ? writePcapng([...records]) : writePcap([...records]);
  if (name.endsWith('.gz')) return gzip(plain);
  return name.endsWith('.zst') ? zstd(plain) : plain;
}

const IP_PROTO = { tcp: 6, udp: 17 } as const;

/** The row in the form that is compared with ours. */
export function connRow(row: Expected): ConnRow {
  const { proto, orig, resp, lasts, bytes, pkts, ipBytes } = row;
  return {
    ts: BEGIN_US + row.at * 1000,
    orig_h: orig[0],
    orig_p: orig[1],
    resp_h: resp[0],
    resp_p: resp[1],
    proto,
    duration: lasts === undefined ? undefined : lasts * 1000,
    orig_bytes: bytes?.[0],
    resp_bytes: bytes?.[1],
    conn_state: row.state,
    history: row.history,
    missed_bytes: row.missed ?? 0,
    orig_pkts: pkts[0],
    resp_pkts: pkts[1],
    orig_ip_bytes: ipBytes[0],
    resp_ip_bytes: ipBytes[1],
    ip_proto: proto === 'icmp' ? (orig[0].includes(':') ? 58 : 1) : IP_PROTO[proto],
  };
}
