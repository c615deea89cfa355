/**
 * TCP (RFC 9293) headers. Options are skipped, whether they were captured or not; checksums are not verified. Of a header
 * that ends between its ports and its flags, or says that it is shorter than 20 bytes, only ports and numbers are read: the packet counts
 * for its flow, without flags. Refused: headers without both ports.
 */
import { HINT_FTP_COMMAND, HINT_FTP_REPLY, HINT_NONE, HINT_SSH_BANNER, META_BROKEN } from '../columns.ts';
import { FATE_SESSION, fateOf } from '../fate.ts';
import { int32, type PacketCursor, uint16 } from '../packetcursor.ts';
import { contentMark } from '../packetmark.ts';
import { protocol } from '../protocol.ts';

export const TCP = protocol({
  name: 'TCP',
  ipProtocols: [6],
  decode: tcp,
});

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const SEQUENCE = 4;
const ACKNOWLEDGEMENT = 8;
const DATA_OFFSET = 12;
const FLAGS = 13;
const WINDOW = 14;
/** Both ports. */
const PORTS = 4;
const MIN_HEADER = 20;
/** As much as the flags need. */
const WITH_FLAGS = FLAGS + 1;
/** A window that was not captured: not a closed one. */
const UNKNOWN_WINDOW = 0xffff;

const TRUNCATED = ~fateOf('truncated_header');
const NOT_CAPTURED = ~fateOf('internally_truncated_header');

const SSH_BANNER = 0x5353482d; // "SSH-"
/** FTP commands (RFC 959, RFC 2428) as four lower-case letters. */
const FTP_COMMANDS = new Set(
  ['user', 'pass', 'acct', 'port', 'pasv', 'eprt', 'epsv', 'retr', 'stor', 'list', 'type', 'syst', 'feat'].map((word) =>
    int32(
      Uint8Array.from(word, (letter) => letter.charCodeAt(0)),
      0,
    ),
  ),
);

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** What the first five bytes of payload look like. */
function payloadHint(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 4) return HINT_NONE;
  const first = bytes[at];
  if (first === 0x32) {
    const separator = bytes[at + 3];
    const reply = isDigit(bytes[at + 1]) && isDigit(bytes[at + 2]) && (separator === 0x20 || separator === 0x2d);
    return reply ? HINT_FTP_REPLY : HINT_NONE;
  }
  // Letters only: most payload ends here.
  if ((first | 0x20) < 0x61 || (first | 0x20) > 0x7a) return HINT_NONE;
  const word = int32(bytes, at);
  if (word === SSH_BANNER) return HINT_SSH_BANNER;
  if (end - at < 5 || !FTP_COMMANDS.has(word | 0x20202020)) return HINT_NONE;
  const after = bytes[at + 4];
  return after === 0x20 || after === 0x0d || after === 0x0a ? HINT_FTP_COMMAND : HINT_NONE;
}

/** A header without its flags, of which `there` bytes can be read. The payload's length is not known. */
function partial(c: PacketCursor, there: number): number {
  const { bytes, pos: at } = c;
  c.meta |= META_BROKEN;
  c.payloadLen = 0;
  if (there >= SEQUENCE + 4) c.seq = int32(bytes, at + SEQUENCE);
  if (there >= ACKNOWLEDGEMENT + 4) c.ack = int32(bytes, at + ACKNOWLEDGEMENT);
  return ~FATE_SESSION;
}

/** The mark of a packet without an identification. */
function optionsMark(c: PacketCursor, at: number, header: number): number {
  const optionsEnd = Math.min(c.end, at + header);
  return optionsEnd <= at + MIN_HEADER ? 0 : contentMark(c.bytes, at + MIN_HEADER, optionsEnd, 0);
}

function tcp(c: PacketCursor): number {
  const { bytes, pos: at, announced } = c;
  const captured = c.end - at;
  if (announced < PORTS) return TRUNCATED;
  if (captured < PORTS) return NOT_CAPTURED;
  c.srcPort = uint16(bytes, at + SOURCE_PORT);
  c.dstPort = uint16(bytes, at + DESTINATION_PORT);
  if (announced < MIN_HEADER || captured < WITH_FLAGS) {
    c.odd(announced < MIN_HEADER ? 'truncated_header' : 'internally_truncated_header', '');
    return partial(c, captured);
  }
  const header = (bytes[at + DATA_OFFSET] >> 4) << 2;
  if (header < MIN_HEADER) {
    c.odd('bad_TCP_header_len', `TCP header of ${header} bytes`);
    return partial(c, captured);
  }
  c.seq = int32(bytes, at + SEQUENCE);
  c.ack = int32(bytes, at + ACKNOWLEDGEMENT);
  c.tcpFlags = bytes[at + FLAGS] | ((bytes[at + DATA_OFFSET] & 1) << 8);
  c.window = captured < WINDOW + 2 ? UNKNOWN_WINDOW : uint16(bytes, at + WINDOW);
  if (header > announced) {
    c.odd('truncated_header', `TCP header of ${header} bytes`);
    c.payloadLen = 0;
    return ~FATE_SESSION;
  }
  c.payloadLen = announced - header;
  if (c.mark === 0 && header > MIN_HEADER) c.mark = optionsMark(c, at, header);
  if (c.payloadLen !== 0) c.hint = payloadHint(bytes, at + header, c.end);
  return ~FATE_SESSION;
}
