/**
 * Ethernet frames of one flow's packets, written byte by byte into the capture's
 * buffer. Checksums of TCP, UDP and ICMP are left 0, as under checksum offload;
 * IPv4's is right.
 */
import { put16, put32 } from '../../shared/algorithm/bytes.ts';
import type { CaptureWriter } from './capturewriter.ts';

export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
const ICMPV6 = 58;

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;

const ETHERNET = 14;
const SHORTEST_FRAME = 60;

/** What a packet is: set by the flow that sends it, read by `FrameWriter.write`. */
export class Packet {
  /** Host numbers; clients are below CLIENTS. */
  from = 0;
  to = 0;
  v6 = false;
  /** VLAN id, 0 for none. */
  vlan = 0;
  proto = TCP;
  fromPort = 0;
  toPort = 0;
  seq = 0;
  ack = 0;
  flags = 0;
  window = 0;
  /** Bytes of TCP options, a multiple of 4. */
  options = 0;
  /** ICMP: true for an answer. */
  reply = false;
  /** Payload bytes. */
  payload = 0;
}

/** Hosts with smaller numbers are clients (10.0.0.0/8), the others servers (198.18.0.0/15, kept for benchmarks). */
export const CLIENTS = 1 << 16;

export class FrameWriter {
  private readonly captures: CaptureWriter;
  private identification = 0;

  constructor(captures: CaptureWriter) {
    this.captures = captures;
  }

  /** Writes one frame. @returns its length in bytes */
  write(p: Packet, second: number, nanosecond: number): number {
    const transport = p.proto === TCP ? 20 + p.options : 8;
    const network = p.v6 ? 40 : 20;
    const tag = p.vlan === 0 ? 0 : 4;
    const headers = ETHERNET + tag + network + transport;
    const length = Math.max(SHORTEST_FRAME, headers + p.payload);
    const { frame } = this.captures;
    let at = this.captures.begin(second, nanosecond, length);
    const end = at + length;
    at = this.ethernet(frame, at, p);
    at = p.v6 ? ipv6(frame, at, p, transport + p.payload) : this.ipv4(frame, at, p, network + transport + p.payload);
    if (p.proto === TCP) at = tcp(frame, at, p);
    else if (p.proto === UDP) at = udp(frame, at, p);
    else at = icmp(frame, at, p);
    frame.fill(p.fromPort & 0xff, at, at + p.payload);
    if (at + p.payload < end) frame.fill(0, at + p.payload, end);
    return length;
  }

  private ethernet(frame: Uint8Array, at: number, p: Packet): number {
    frame[at] = frame[at + 1] = 2;
    at = put32(frame, at + 2, p.to);
    frame[at] = frame[at + 1] = 2;
    at = put32(frame, at + 2, p.from);
    if (p.vlan !== 0) at = put16(frame, put16(frame, at, 0x8100), p.vlan);
    return put16(frame, at, p.v6 ? 0x86dd : 0x0800);
  }

  private ipv4(frame: Uint8Array, at: number, p: Packet, length: number): number {
    const identification = (this.identification = (this.identification + 1) & 0xffff);
    const from = address4(p.from);
    const to = address4(p.to);
    frame[at] = 0x45;
    frame[at + 1] = 0;
    put16(frame, at + 2, length);
    put16(frame, at + 4, identification);
    put16(frame, at + 6, 0x4000);
    frame[at + 8] = 64;
    frame[at + 9] = p.proto;
    let sum = 0x4500 + length + identification + 0x4000 + 0x4000 + p.proto;
    sum += (from >>> 16) + (from & 0xffff) + (to >>> 16) + (to & 0xffff);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    put16(frame, at + 10, ~sum);
    put32(frame, at + 12, from);
    return put32(frame, at + 16, to);
  }
}

function address4(host: number): number {
  return host < CLIENTS ? (0x0a000000 | (host << 3)) >>> 0 : (0xc6120000 | (host - CLIENTS)) >>> 0;
}

function ipv6(frame: Uint8Array, at: number, p: Packet, length: number): number {
  put32(frame, at, 0x60000000);
  put16(frame, at + 4, length);
  frame[at + 6] = p.proto === ICMP ? ICMPV6 : p.proto;
  frame[at + 7] = 64;
  return address6(frame, address6(frame, at + 8, p.from), p.to);
}

/** An address of 2001:db8::/32, kept for documentation. */
function address6(frame: Uint8Array, at: number, host: number): number {
  put32(frame, at, 0x20010db8);
  put32(frame, at + 4, host >>> 8);
  put32(frame, at + 8, 0x02000000 | (host & 0xff));
  return put32(frame, at + 12, Math.imul(host, 0x9e3779b1));
}

function tcp(frame: Uint8Array, at: number, p: Packet): number {
  put16(frame, at, p.fromPort);
  put16(frame, at + 2, p.toPort);
  put32(frame, at + 4, p.seq);
  put32(frame, at + 8, p.ack);
  frame[at + 12] = ((20 + p.options) >>> 2) << 4;
  frame[at + 13] = p.flags;
  put16(frame, at + 14, p.window);
  put32(frame, at + 16, 0);
  at += 20;
  // No-operation options stand for maximum segment size, time stamps and the like.
  for (let i = 0; i < p.options; i++) frame[at++] = 1;
  return at;
}

function udp(frame: Uint8Array, at: number, p: Packet): number {
  put16(frame, at, p.fromPort);
  put16(frame, at + 2, p.toPort);
  put16(frame, at + 4, 8 + p.payload);
  return put16(frame, at + 6, 0);
}

/** Echo and its answer, with the flow's port as identifier and `seq` as number. */
function icmp(frame: Uint8Array, at: number, p: Packet): number {
  frame[at] = p.v6 ? (p.reply ? 129 : 128) : p.reply ? 0 : 8;
  frame[at + 1] = 0;
  put16(frame, at + 2, 0);
  put16(frame, at + 4, p.reply ? p.toPort : p.fromPort);
  return put16(frame, at + 6, p.seq);
}
