/**
 * What a decoder's file says of its protocol. All else follows from it: which numbers in
 * other headers lead to it and how the walk goes on behind it (protocols.ts, decode.ts),
 * how the sessions table shows a tunnel (tunneltext.ts), the tables of docs/decoding.md.
 */
import type { PacketCursor } from './packetcursor.ts';

/**
 * Reads the header at `c.pos`, moves `c.pos` behind it and writes what it learnt into the cursor.
 *
 * @returns the code of the protocol that follows, or the complement of a fate (fate.ts)
 */
export type Decode = (c: PacketCursor) => number;

/** The link type, EtherType, ... numbers that lead to a protocol; 'others': all that lead to no other. */
export type Numbers = readonly number[] | 'others';

/** A kind of tunnel, as it stands in shards and in the sessions' `tunnel`. */
export interface TunnelKind {
  /** 1..63, given once and for all: it stands in shards. */
  readonly number: number;
  readonly name: string;
  /** What the number that its header names is called there, if there is one. */
  readonly id?: string;
  /** Whether that number is a virtual network's: with `--key vni` it is part of the flow key. */
  readonly isNetwork?: boolean;
}

/** How the first four bytes of a datagram's payload may look, as one big-endian number: (number & mask) === value. */
export interface FirstBytes {
  readonly mask: number;
  readonly value: number;
}

interface Said {
  /** For readers, as in docs/decoding.md. */
  readonly name: string;
  /** For readers: what of it is read, and where that differs from what Zeek reads. */
  readonly notes?: string;
  /** For readers: by what it is told, where that is no number. */
  readonly toldBy?: string;
  readonly decode: Decode;
}

/** What a file says of a protocol that is one header among others. */
export interface ProtocolSaid extends Said {
  readonly linkTypes?: Numbers;
  readonly etherTypes?: readonly number[];
  readonly pppProtocols?: readonly number[];
  readonly ipProtocols?: Numbers;
  /** It holds several packets; `decode` clips the cursor to the next one at `c.pos`. */
  readonly isAggregate?: boolean;
}

/** What a file says of a tunnel directly over IP. Its decoder sets `c.tunnelKind`, and `c.tunnelId` with LAYER_HAS_ID. */
export interface IpTunnelSaid extends Said {
  readonly ipProtocols: readonly number[];
  readonly kinds: readonly TunnelKind[];
}

/** What a file says of a tunnel in UDP. Its decoder does as those of IpTunnelSaid, and returns the complement of FATE_SESSION where a datagram is none. */
export interface UdpTunnelSaid extends Said {
  readonly udpPorts: readonly number[];
  readonly kinds: readonly TunnelKind[];
  /** Datagrams on all other ports that begin so may be of this tunnel too. */
  readonly firstBytes?: readonly FirstBytes[];
  /** Whether such a datagram's payload, from `at` on, is; without it all are. */
  readonly looksLike?: (bytes: Uint8Array, at: number, end: number) => boolean;
}

/** A header that is read and left behind. */
export const FORM_HEADER = 0;
/** A tunnel directly over IP: the outer packet has no row of its own. */
export const FORM_IP_TUNNEL = 1;
/** A tunnel in a UDP datagram, which has a row of its own. */
export const FORM_UDP_TUNNEL = 2;
/** Several packets side by side. */
export const FORM_AGGREGATE = 3;

/** A protocol as the walk knows it. All have the same fields: the walk reads them for each header. */
export interface Protocol {
  /** Its number in this process; nothing that is written holds it. */
  readonly code: number;
  /** FORM_* value. */
  readonly form: number;
  readonly decode: Decode;
  readonly name: string;
  readonly notes: string;
  readonly toldBy: string;
  readonly linkTypes: Numbers;
  readonly etherTypes: readonly number[];
  readonly pppProtocols: readonly number[];
  readonly ipProtocols: Numbers;
  readonly udpPorts: readonly number[];
  readonly firstBytes: readonly FirstBytes[];
  readonly looksLike: (bytes: Uint8Array, at: number, end: number) => boolean;
  readonly kinds: readonly TunnelKind[];
}

const always = (): boolean => true;
let codes = 0;

function define(form: number, said: Said & Partial<ProtocolSaid> & Partial<UdpTunnelSaid>): Protocol {
  return {
    code: codes++,
    form,
    decode: said.decode,
    name: said.name,
    notes: said.notes ?? '',
    toldBy: said.toldBy ?? '',
    linkTypes: said.linkTypes ?? [],
    etherTypes: said.etherTypes ?? [],
    pppProtocols: said.pppProtocols ?? [],
    ipProtocols: said.ipProtocols ?? [],
    udpPorts: said.udpPorts ?? [],
    firstBytes: said.firstBytes ?? [],
    looksLike: said.looksLike ?? always,
    kinds: said.kinds ?? [],
  };
}

export function protocol(said: ProtocolSaid): Protocol {
  return define(said.isAggregate === true ? FORM_AGGREGATE : FORM_HEADER, said);
}

export function ipTunnel(said: IpTunnelSaid): Protocol {
  return define(FORM_IP_TUNNEL, said);
}

export function udpTunnel(said: UdpTunnelSaid): Protocol {
  return define(FORM_UDP_TUNNEL, said);
}
