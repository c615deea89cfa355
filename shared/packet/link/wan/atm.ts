/**
 * Frames of ATM adaptation layer 5 (RFC 2684): LLC with SNAP or a network layer protocol identifier, or multiplexed by
 * circuit, where IP and PPP are told by their headers. Captures of Sun's devices have a header with the kind of traffic.
 */
import { fateOf } from '../../fate.ts';
import { IP } from '../../ip/ipv4.ts';
import { IP_HOLDS, ipHeader } from '../../ip/plausible.ts';
import { type PacketCursor, uint16 } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_LINK_TYPE, SPACE_LLC } from '../../undecodednames.ts';
import { ETHERNET } from '../ethernet.ts';
import { nlpid, snap } from './nlpid.ts';

const SUNATM = 123;

export const ATM = protocol({
  name: 'ATM (RFC 2684)',
  // ATM_RFC1483 and its DLT value, ATM_CLIP and its DLT value.
  linkTypes: [100, 11, 106, 19],
  notes: 'LLC with SNAP or NLPID, bridged Ethernet, IP and PPP alone; more than Zeek reads',
  decode: adaptationLayer5,
});

export const SUN_ATM = protocol({
  name: 'SunATM',
  linkTypes: [SUNATM],
  notes: 'LLC and LAN emulation; more than Zeek reads',
  decode: sunAtm,
});

const SNAP_LLC = 0xaaaa03;
const ISO_LLC = 0xfefe03;
const LLC = 3;
/** Cisco's routers leave the access points out. */
const CONTROL = 0x03;
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;
const PPP_PROTOCOL = 2;
/** Bytes between SNAP and a bridged frame. */
const PADDING = 2;

const SUN_HEADER = 4;
const SUN_KIND = 0x0f;
const SUN_LANE = 1;
const SUN_LLC = 2;
/** Identifier of the client in front of a frame of LAN emulation; control frames have another there. */
const LANE_HEADER = 2;
const LANE_CONTROL = 0xff00;

const TRUNCATED = ~fateOf('truncated_link_header');

/** The frame at `c.pos`, without its trailer. */
export function adaptationLayer5(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  if (end - pos <= LLC) return TRUNCATED;
  const llc = (uint16(bytes, pos) << 8) | bytes[pos + 2];
  if (llc === SNAP_LLC) {
    c.pos = pos + LLC;
    return snap(c, PADDING);
  }
  if (llc === ISO_LLC) {
    c.pos = pos + LLC;
    return nlpid(c, PADDING);
  }
  if (bytes[pos] === CONTROL) {
    c.pos = pos + 1;
    return nlpid(c, PADDING);
  }
  if (ipHeader(c, pos) === IP_HOLDS) return IP.code;
  const ppp = uint16(bytes, pos);
  if ((ppp === PPP_IPV4 || ppp === PPP_IPV6) && ipHeader(c, pos + PPP_PROTOCOL) === IP_HOLDS) {
    c.pos = pos + PPP_PROTOCOL;
    return IP.code;
  }
  return notIp(c, SPACE_LLC, bytes[pos]);
}

function sunAtm(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos <= SUN_HEADER + LANE_HEADER) return TRUNCATED;
  const kind = bytes[pos] & SUN_KIND;
  c.pos = pos + SUN_HEADER;
  if (kind === SUN_LLC) return adaptationLayer5(c);
  if (kind !== SUN_LANE || uint16(bytes, c.pos) === LANE_CONTROL) return notIp(c, SPACE_LINK_TYPE, SUNATM);
  c.pos += LANE_HEADER;
  return ETHERNET.code;
}
