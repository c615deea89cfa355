/**
 * UDP messages that only the other side should send: responses sent to a DNS server (RFC 1035, 4.1.1), server messages
 * sent to an NTP server, and client messages sent by one (RFC 5905, 7.3). They show that originator and responder of a
 * session are swapped. Anything else, and truncated messages, gives no hint. Other datagrams on DNS ports (DNSCrypt)
 * have random bits there: as in Zeek, an operation that DNS does not have (IANA's DNS OpCodes; RFC 1002, 4.2.1.1, for
 * NetBIOS names) tells them.
 */
import { HINT_DNS_ANSWER, HINT_NONE, HINT_NTP_CLIENT, HINT_NTP_SERVER } from '../columns.ts';

const DNS_HEADER = 12;
const DNS_FLAGS = 2;
const DNS_RESPONSE = 0x80;
const DNS_OPCODE_SHIFT = 3;
const DNS_OPCODE = 0xf;
/** Bit n: operation n exists. Query, inverse query, status, notify, update, stateful operations. */
const DNS_OPCODES = 0b0111_0111;
/** Query, registration, release, wait for acknowledgement, refresh. */
const NETBIOS_OPCODES = 0b1_1110_0001;
const NETBIOS_PORT = 137;
const NTP_PORT = 123;
const NTP_MESSAGE = 48;
const NTP_MODE = 7;
const MODE_CLIENT = 3;
const MODE_SERVER = 4;

/** Names, NetBIOS names, multicast names, local names. */
function isDns(port: number): boolean {
  return port === 53 || port === NETBIOS_PORT || port === 5353 || port === 5355;
}

/** HINT_* of the `len` payload bytes at `at`; `source` and `target` are the ports. */
export function datagramHint(bytes: Uint8Array, at: number, len: number, source: number, target: number): number {
  if (isDns(target)) {
    if (len < DNS_HEADER) return HINT_NONE;
    const flags = bytes[at + DNS_FLAGS];
    const opcodes = target === NETBIOS_PORT ? NETBIOS_OPCODES : DNS_OPCODES;
    const isMessage = ((opcodes >> ((flags >> DNS_OPCODE_SHIFT) & DNS_OPCODE)) & 1) !== 0;
    return isMessage && (flags & DNS_RESPONSE) !== 0 ? HINT_DNS_ANSWER : HINT_NONE;
  }
  if ((target !== NTP_PORT && source !== NTP_PORT) || len < NTP_MESSAGE) return HINT_NONE;
  const mode = bytes[at] & NTP_MODE;
  if (mode === MODE_SERVER && target === NTP_PORT) return HINT_NTP_SERVER;
  return mode === MODE_CLIENT && source === NTP_PORT ? HINT_NTP_CLIENT : HINT_NONE;
}
