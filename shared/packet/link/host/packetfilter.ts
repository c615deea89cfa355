/**
 * Headers of the BSDs' packet filter and IPsec devices, with the address family of the packet behind them: PFLOG, whose
 * first byte is its length, which differs from system to system, without the padding to four bytes (NetBSD: eight); ENC
 * with family, security parameters index and flags.
 */
import { fateOf } from '../../fate.ts';
import { IP } from '../../ip/ipv4.ts';
import { IP_HOLDS, ipHeader } from '../../ip/plausible.ts';
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_ADDRESS_FAMILY } from '../../undecodednames.ts';
import { addressFamily, isIpFamily } from '../loopback.ts';

export const PFLOG = protocol({
  name: 'packet filter log (PFLOG)',
  linkTypes: [117],
  notes: 'of OpenBSD, FreeBSD, NetBSD, macOS; more than Zeek reads',
  decode: pflog,
});

export const ENC = protocol({
  name: 'BSD IPsec device (ENC)',
  // ENC, and OpenBSD's own number for it.
  linkTypes: [109, 13],
  notes: 'more than Zeek reads',
  decode: enc,
});

const FAMILY = 1;
/** The oldest header, of OpenBSD 3.4. */
const MIN_PFLOG = 45;
const ENC_HEADER = 12;

const TRUNCATED = ~fateOf('truncated_link_header');

function pflog(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  const length = end > pos ? bytes[pos] : 0;
  const header = (length + 3) & ~3;
  if (length < MIN_PFLOG || end - pos <= header) return TRUNCATED;
  c.pos = pos + header;
  const family = bytes[pos + FAMILY];
  if (!isIpFamily(family)) return notIp(c, SPACE_ADDRESS_FAMILY, family);
  const wider = pos + ((length + 7) & ~7);
  if (wider !== c.pos && ipHeader(c, c.pos) !== IP_HOLDS && ipHeader(c, wider) === IP_HOLDS) c.pos = wider;
  return IP.code;
}

function enc(c: PacketCursor): number {
  if (c.end - c.pos <= ENC_HEADER) return TRUNCATED;
  const family = addressFamily(c.bytes, c.pos);
  c.pos += ENC_HEADER;
  return isIpFamily(family) ? IP.code : notIp(c, SPACE_ADDRESS_FAMILY, family);
}
