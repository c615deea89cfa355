/**
 * Start of sessions: whether a packet on the key of an open TCP session starts a new one, and which end of a new one is
 * the originator.
 */
import { META_FROM_B, type PacketColumns } from '../packet/columns.ts';
import { KEY_ADDR_A, KEY_ADDR_B, KEY_FLAG_V6, KEY_PORTS, KEY_PROTO, KEY_WORDS } from '../packet/flow/flowtable.ts';
import { addFlip } from './history.ts';
import { ROLE_DNS, ROLE_NTP, ROLE_TCP_SERVER, ROLE_UDP_SERVER } from './sessionconfig.ts';
import * as L from './slots.ts';
import { ACK, SYN } from './tcp/tcpflags.ts';
import { onlyPartial } from './tcp/tcppartial.ts';

const KINDS_IDLE = [L.IDLE_HANDSHAKE, L.IDLE_UDP, L.IDLE_ICMP, L.IDLE_OTHER];

/** Whether a TCP packet opens a new session although the one in `slot` has not ended. */
export function isReuse(s: L.SessionSlots, slot: number, flags: number, seq: number): boolean {
  if ((flags & SYN) === 0 || onlyPartial(s, slot)) return false;
  const words = s.words;
  const at = slot * L.WORDS;
  const origEnd = words[at + L.W_FLAGS] & L.FLAG_ORIG_IS_B;
  const orig = at + L.W_ENDS + origEnd * L.W_END_SIZE;
  const resp = at + L.W_ENDS + (origEnd ^ 1) * L.W_END_SIZE;
  const origState = words[orig + L.E_STATE] & L.STATE_MASK;
  let opener = orig;
  if ((flags & ACK) !== 0) {
    // A SYN-ACK starts a session only if the originator has sent nothing.
    if (origState !== L.STATE_INACTIVE) return false;
    opener = resp;
  }
  if (((words[orig + L.E_STATE] | words[resp + L.E_STATE]) & L.END_DID_CLOSE) !== 0) return true;
  if (seq === words[opener + L.E_START]) return false;
  // SYN and SYN-ACK in reversed order belong together.
  return !(
    (flags & ACK) === 0 &&
    (words[opener + L.E_STATE] & L.STATE_MASK) === L.STATE_SYN_ACK_SENT &&
    (words[resp + L.E_STATE] & L.STATE_MASK) === L.STATE_INACTIVE &&
    seq === words[resp + L.E_START]
  );
}

/**
 * Fills the slot of a new session with what follows from its first packet, row `row` of `columns`.
 *
 * @param keys words of the flow keys
 * @param roles ROLE_* bits by port
 */
export function beginSession(
  s: L.SessionSlots,
  slot: number,
  columns: PacketColumns,
  row: number,
  flow: number,
  keys: Uint32Array,
  roles: Uint8Array,
): void {
  const { words, reals } = s;
  const at = slot * L.WORDS;
  const us = columns.us[row];
  const from = columns.meta[row] & META_FROM_B;
  const kind = protocolKind(keys[flow * KEY_WORDS + KEY_PROTO] & 0xff);
  const reversed = startsReversed(keys, flow, kind, from, columns.tcpFlags[row], roles);
  const origIsB = reversed ? from ^ 1 : from;
  words[at + L.W_FLOW] = flow;
  words[at + L.W_FLAGS] =
    origIsB | L.FLAG_ACTIVE | (KINDS_IDLE[kind] << L.FLAG_IDLE_SHIFT) | (kind << L.FLAG_KIND_SHIFT);
  if (kind === L.KIND_UDP) {
    const ports = keys[flow * KEY_WORDS + KEY_PORTS];
    const port = origIsB === 1 ? ports >>> 16 : ports & 0xffff;
    if ((roles[port] & ROLE_DNS) !== 0) words[at + L.W_FLAGS] |= L.FLAG_DNS;
    else if ((roles[port] & ROLE_NTP) !== 0) words[at + L.W_FLAGS] |= L.FLAG_NTP;
  }
  words[at + L.W_NANOS] = columns.ns[row];
  words[at + L.W_VLANS] = columns.vlan[row] | (columns.innerVlan[row] << 16);
  words[at + L.W_TUNNEL] = columns.tunnel[row];
  if (kind === L.KIND_OTHER) {
    const ports = columns.sctpPorts[row];
    words[at + L.W_PORTS] = from === 0 ? ports : (ports << 16) | (ports >>> 16);
  }
  reals[slot * L.REALS + L.R_START] = us;
  reals[slot * L.REALS + L.R_LAST] = us;
  reals[slot * L.REALS + L.R_SYN_RTT] = -1;
  if (reversed) addFlip(s, slot);
}

/** Which state machine an IP protocol follows. */
export function protocolKind(proto: number): number {
  if (proto === 6) return L.KIND_TCP;
  if (proto === 17) return L.KIND_UDP;
  return proto === 1 || proto === 58 ? L.KIND_ICMP : L.KIND_OTHER;
}

/**
 * Whether the first packet seems to come from the responder, judged by the ports.
 *
 * @param words flow keys, that of the packet at flow * KEY_WORDS
 * @param fromB 1 when end B sent the packet
 * @param roles ROLE_* bits by port
 */
export function startsReversed(
  words: Uint32Array,
  flow: number,
  kind: number,
  fromB: number,
  flags: number,
  roles: Uint8Array,
): boolean {
  if (kind > L.KIND_UDP) return false;
  const at = flow * KEY_WORDS;
  const ports = words[at + KEY_PORTS];
  const source = fromB === 1 ? ports & 0xffff : ports >>> 16;
  const target = fromB === 1 ? ports >>> 16 : ports & 0xffff;
  let reversed: boolean;
  if (kind === L.KIND_UDP) {
    reversed = (roles[source] & ROLE_UDP_SERVER) !== 0 && (roles[target] & ROLE_UDP_SERVER) === 0;
  } else {
    if ((flags & (SYN | ACK)) === SYN || (roles[source] & ROLE_TCP_SERVER) === 0) return false;
    // Both ports look like servers: the smaller one is more likely the server, but a SYN-ACK may be a scan.
    reversed = (roles[target] & ROLE_TCP_SERVER) === 0 || ((flags & SYN) === 0 && source < target);
  }
  if (!reversed) return false;
  const isV4 = (words[at + KEY_PROTO] & KEY_FLAG_V6) === 0;
  return !(isV4 && words[at + (fromB === 1 ? KEY_ADDR_A : KEY_ADDR_B) + 3] === 0xffffffff);
}
