/**
 * Juniper's captures: "MGC", flags, extensions with their length if a flag says so, then what the link type names. A flag
 * says that the link layer has been removed: four bytes with a protocol's number and IP are left. Interface cards with
 * functions of their own put a cookie there, whose length follows from its first byte or from the card.
 */
import { FATE_NOT_IP, fateOf } from '../../fate.ts';
import { IP } from '../../ip/ipv4.ts';
import { IP_HOLDS, ipHeader } from '../../ip/plausible.ts';
import { type PacketCursor, uint16 } from '../../packetcursor.ts';
import { type Protocol, protocol } from '../../protocol.ts';
import { ETHER_TYPES } from '../../protocolnumbers.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_LINK_TYPE } from '../../undecodednames.ts';
import { ETHERNET } from '../ethernet.ts';
import { PPP } from '../ppp.ts';
import { adaptationLayer5 } from '../wan/atm.ts';
import { CISCO_HDLC } from '../wan/chdlc.ts';
import { FRAME_RELAY } from '../wan/framerelay.ts';
import { nlpid } from '../wan/nlpid.ts';

/** Link types that stand for those of their kind where nothing is decoded. */
const ETHER = 178;
const ATM2 = 135;
const MLPPP = 130;
const SERVICES = 136;

/** Link types behind whose header a protocol follows. */
function juniper(name: string, linkTypes: readonly number[], follows: Protocol): Protocol {
  return protocol({
    name: `Juniper ${name}`,
    linkTypes,
    notes: 'more than Zeek reads',
    decode: (c) => {
      const instead = header(c);
      return instead === LINK_LAYER ? follows.code : instead;
    },
  });
}

// PPPoE is captured with its Ethernet header.
export const JUNIPER_ETHERNET = juniper('Ethernet, PPPoE', [ETHER, 167], ETHERNET);
export const JUNIPER_PPP = juniper('PPP', [179], PPP);
export const JUNIPER_FRAME_RELAY = juniper('Frame Relay', [180], FRAME_RELAY);
export const JUNIPER_CISCO_HDLC = juniper('Cisco HDLC', [181], CISCO_HDLC);

export const JUNIPER_PPPOE_ATM = protocol({
  name: 'Juniper PPPoE over ATM',
  linkTypes: [168],
  notes: 'more than Zeek reads',
  decode: pppoeAtm,
});

export const JUNIPER_ATM = protocol({
  name: 'Juniper ATM cards',
  // ATM1, ATM2, CEMIC.
  linkTypes: [137, ATM2, 238],
  notes: 'more than Zeek reads',
  decode: atm,
});

export const JUNIPER_MULTILINK = protocol({
  name: 'Juniper multilink PPP and Frame Relay',
  // MLPPP, MLFR, MFR.
  linkTypes: [MLPPP, 131, 134],
  notes: 'more than Zeek reads',
  decode: multilink,
});

export const JUNIPER_SERVICES = protocol({
  name: 'Juniper service cards',
  // ES, GGSN, SERVICES, MONITOR, VP, ISM, ST, VS, SRX_E2E.
  linkTypes: [132, 133, SERVICES, 164, 183, 194, 200, 232, 233],
  notes: 'IP behind a cookie, when its header holds; more than Zeek reads',
  decode: services,
});

const MAGIC = 0x4d47;
const MAGIC_END = 0x43;
const FLAGS = 3;
const HEADER = 4;
const NO_LINK_LAYER = 0x02;
const HAS_EXTENSIONS = 0x80;
const EXTENSION_LENGTH = 2;
/** What follows the header, apart from codes and fates. */
const LINK_LAYER = 0x10000;
/** The number of a protocol, where the link layer is not there. */
const PROTOCOL = 4;

/** First byte of a cookie of services, and of link services. */
const SERVICES_COOKIE = 0x47;
const SERVICES_COOKIE_LENGTH = 8;
const LINK_SERVICES_COOKIE = 0x54;
/** Most bytes before the IP header of service cards. */
const MOST_COOKIE = 20;

const UNNUMBERED_INFORMATION = 0x03;

const TRUNCATED = ~fateOf('truncated_link_header');
const UNKNOWN_LINK_TYPE = ~fateOf('unknown_link_type');

/**
 * Skips the header.
 * @returns LINK_LAYER where that follows; else the code of IP, or the complement of a fate
 */
function header(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  if (end - pos <= HEADER) return TRUNCATED;
  if (uint16(bytes, pos) !== MAGIC || bytes[pos + 2] !== MAGIC_END) return UNKNOWN_LINK_TYPE;
  const flags = bytes[pos + FLAGS];
  let at = pos + HEADER;
  if ((flags & HAS_EXTENSIONS) !== 0) {
    if (end - at < EXTENSION_LENGTH) return TRUNCATED;
    at += EXTENSION_LENGTH + uint16(bytes, at);
  }
  if (end <= at) return TRUNCATED;
  c.pos = at;
  if ((flags & NO_LINK_LAYER) === 0) return LINK_LAYER;
  return ipWithin(c, PROTOCOL, ETHER);
}

/** IP at most `most` bytes behind `c.pos`, if its header holds; otherwise a record of `linkType` that is not decoded. */
function ipWithin(c: PacketCursor, most: number, linkType: number): number {
  const { pos } = c;
  for (let skip = most; skip >= 0; skip -= 2) {
    if (ipHeader(c, pos + skip) !== IP_HOLDS) continue;
    c.pos = pos + skip;
    return IP.code;
  }
  return notIp(c, SPACE_LINK_TYPE, linkType);
}

function pppoeAtm(c: PacketCursor): number {
  const instead = header(c);
  if (instead !== LINK_LAYER) return instead;
  if (c.end - c.pos <= 2) return TRUNCATED;
  const type = uint16(c.bytes, c.pos);
  c.pos += 2;
  return ETHER_TYPES.next(type, c);
}

function atm(c: PacketCursor): number {
  const instead = header(c);
  if (instead !== LINK_LAYER) return instead;
  // ATM1 has a cookie of four bytes, ATM2 of eight.
  const { pos } = c;
  for (let cookie = 4; cookie <= 8; cookie += 4) {
    c.pos = pos + cookie;
    const next = adaptationLayer5(c);
    if (next !== ~FATE_NOT_IP && next !== TRUNCATED) return next;
  }
  return notIp(c, SPACE_LINK_TYPE, ATM2);
}

function multilink(c: PacketCursor): number {
  const instead = header(c);
  if (instead !== LINK_LAYER) return instead;
  const { bytes, pos } = c;
  if (bytes[pos] === SERVICES_COOKIE) return ipWithin(c, SERVICES_COOKIE_LENGTH, MLPPP);
  // A bundle's frame has a cookie, one of a single link has none.
  const longest = bytes[pos] === LINK_SERVICES_COOKIE ? 6 : 4;
  for (let cookie = longest; cookie >= 0; cookie -= 2) {
    c.pos = pos + cookie;
    const next = bundled(c);
    if (next >= 0) return next;
  }
  return notIp(c, SPACE_LINK_TYPE, MLPPP);
}

/** A frame of PPP or Frame Relay at `c.pos` that leads to an IP header that holds. */
function bundled(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  if (end - pos < 2) return TRUNCATED;
  const isFrameRelay = bytes[pos] === UNNUMBERED_INFORMATION;
  if (isFrameRelay) c.pos = pos + 1;
  const next = isFrameRelay ? nlpid(c, 0) : PPP.decode(c);
  return next === IP.code && ipHeader(c, c.pos) === IP_HOLDS ? next : ~FATE_NOT_IP;
}

function services(c: PacketCursor): number {
  const instead = header(c);
  return instead === LINK_LAYER ? ipWithin(c, MOST_COOKIE, SERVICES) : instead;
}
