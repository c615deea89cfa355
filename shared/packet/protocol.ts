/**
 * How a decoder's file describes its protocol. Everything else follows from it: which numbers in other headers lead to
 * it and how the walk continues after it (protocols.ts, decode.ts), how the sessions table shows a tunnel
 * (tunneltext.ts), the tables of docs/decoding.md.
 */
import type { PacketCursor } from './packetcursor.ts';

/**
 * Reads the header at `c.pos`, moves `c.pos` past it and writes the decoded fields into the cursor.
 *
 * @returns the code of the protocol that follows, or the complement of a fate (fate.ts)
 */
export type Decode = (c: PacketCursor) => number;

/** The link type, EtherType, ... numbers that lead to a protocol; 'others': all that lead to no other protocol. */
export type Numbers = readonly number[] | 'others';

/** A kind of tunnel, as in shards and in the sessions' `tunnel`. */
export interface TunnelKind {
  /** 1..63, never changed: shards contain it. */
  readonly number: number;
  readonly name: string;
  /** The name of the identifier in its header, if there is one. */
  readonly id?: string;
  /** Whether that identifier is a virtual network's: with `--key vni` it is part of the flow key. */
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
  /** For readers: what is decoded, and where that differs from Zeek. */
  readonly notes?: string;
  /** For readers: how it is recognized, if not by a number. */
  readonly toldBy?: string;
  readonly decode: Decode;
}

/** Description of a protocol with one header among others. */
export interface ProtocolSaid extends Said {
  readonly linkTypes?: Numbers;
  readonly etherTypes?: readonly number[];
  readonly pppProtocols?: readonly number[];
  readonly ipProtocols?: Numbers;
  /** It contains several packets; `decode` clips the cursor to the next one at `c.pos`. */
  readonly isAggregate?: boolean;
}

/** Description of a tunnel directly over IP. Its decoder sets `c.tunnelKind`, and `c.tunnelId` with LAYER_HAS_ID. */
export interface IpTunnelSaid extends Said {
  readonly ipProtocols: readonly number[];
  readonly kinds: readonly TunnelKind[];
}

/**
 * Description of a tunnel in UDP. Its decoder works as those of IpTunnelSaid, and returns the complement of
 * FATE_SESSION for a datagram that is not a tunnel.
 */
export interface UdpTunnelSaid extends Said {
  readonly udpPorts: readonly number[];
  /** Zeek does not know its ports: they do not tell the server of a session. */
  readonly isUnknownToZeek?: boolean;
  readonly kinds: readonly TunnelKind[];
  /** Datagrams on any other port that begin like this may be this tunnel too. */
  readonly firstBytes?: readonly FirstBytes[];
  /** Whether such a datagram's payload, from `at` on, is; by default all are. */
  readonly looksLike?: (bytes: Uint8Array, at: number, end: number) => boolean;
}

/** A header that is decoded and skipped. */
export const FORM_HEADER = 0;
/** A tunnel directly over IP: the outer packet has no row of its own. */
export const FORM_IP_TUNNEL = 1;
/** A tunnel in a UDP datagram, which has a row of its own. */
export const FORM_UDP_TUNNEL = 2;
/** Several packets side by side. */
export const FORM_AGGREGATE = 3;

/** A protocol as the walk knows it. All have the same fields: the walk reads them for each header. */
export interface Protocol {
  /** Its number in this process; never stored. */
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
  readonly isUnknownToZeek: boolean;
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
    isUnknownToZeek: said.isUnknownToZeek ?? false,
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
