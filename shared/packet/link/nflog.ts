/**
 * Netfilter log (LINKTYPE_NFLOG): address family, version and resource, then attributes of type and length, one of
 * which is the packet. Types and lengths are in the byte order of the capturing host, which no field gives: it is the
 * order in which the first attribute's length is plausible.
 */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { clip, type PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { notIp } from '../undecoded.ts';
import { SPACE_ADDRESS_FAMILY } from '../undecodednames.ts';

export const NFLOG = protocol({
  name: 'netfilter log',
  linkTypes: [239],
  decode: nflog,
});

const FAMILY = 0;
const VERSION = 1;
const HEADER = 4;
const ATTRIBUTE = 4;
const PAYLOAD = 9;
const AF_INET = 2;
const AF_INET6 = 10;

const TRUNCATED = ~fateOf('truncated_nflog_header');
const UNKNOWN_VERSION = ~fateOf('unknown_nflog_version');
const BAD_LENGTH = ~fateOf('nflog_bad_tlv_len');
const NO_PAYLOAD = ~fateOf('nflog_no_pcap_payload');

function nflog(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  if (end - pos <= HEADER) return TRUNCATED;
  if (bytes[pos + VERSION] !== 0) return UNKNOWN_VERSION;
  const family = bytes[pos + FAMILY];
  let at = pos + HEADER;
  const little = at + 1 < end ? bytes[at] | (bytes[at + 1] << 8) : 0;
  // Attributes are at least four bytes long, and the first is a short one.
  const low = little >= ATTRIBUTE && little <= c.wireEnd - at ? 0 : 1;
  for (;;) {
    if (end - at <= ATTRIBUTE) return NO_PAYLOAD;
    const length = bytes[at + low] | (bytes[at + (low ^ 1)] << 8);
    const type = bytes[at + 2 + low] | (bytes[at + 2 + (low ^ 1)] << 8);
    if (length < ATTRIBUTE && type !== PAYLOAD) return BAD_LENGTH;
    if (type === PAYLOAD) {
      if (length > ATTRIBUTE && at + length <= c.wireEnd) clip(c, at, length);
      break;
    }
    at += (length + 3) & ~3;
  }
  c.pos = at + ATTRIBUTE;
  return family === AF_INET || family === AF_INET6 ? IP.code : notIp(c, SPACE_ADDRESS_FAMILY, family);
}
