/** The row of a session that has ended. */
import { type FlowTable, KEY_PORTS, KEY_PROTO, KEY_WORDS, SCTP } from '../../packet/flow/flowtable.ts';
import { historyText } from '../history.ts';
import * as L from '../slots.ts';
import { sequenceBytes } from '../tcp/tcpcontents.ts';
import { connState } from './connstate.ts';
import { type SessionRows, UID_BYTES, UNSET } from './sessionrows.ts';
import { writeUid } from './uid.ts';

// Constants of this module are folded into the machine code; an import would be loaded at each use.
const {
  E_TCP_FLAGS,
  FLAG_KIND_MASK,
  FLAG_KIND_SHIFT,
  FLAG_ORIG_IS_B,
  KIND_TCP,
  REALS,
  R_END,
  R_ENDS,
  R_END_SIZE,
  R_LAST,
  R_MISSED,
  R_START,
  R_SYN_RTT,
  WORDS,
  W_CAPTURE_COUNT,
  W_CAPTURE_FIRST,
  W_CAPTURE_LAST,
  W_DUPLICATE,
  W_ENDS,
  W_END_SIZE,
  W_FLAGS,
  W_FLOW,
  W_NANOS,
  W_ORDINAL,
  W_PORTS,
  W_OUT_OF_ORDER,
  W_RETRANSMITTED,
  W_TRUNCATED,
  W_TUNNEL,
  W_VLANS,
  X_DELIVERED,
  X_IP_BYTES,
  packetsOf,
} = L;

/** Appends the session in `slot` to `rows`, which has room. `reason` is an index into END_REASONS. */
export function writeSession(
  s: L.SessionSlots,
  slot: number,
  reason: number,
  flows: FlowTable,
  rows: SessionRows,
): void {
  const { words, reals } = s;
  const at = slot * WORDS;
  const ra = slot * REALS;
  const row = rows.length;
  const flags = words[at + W_FLAGS];
  const kind = (flags & FLAG_KIND_MASK) >> FLAG_KIND_SHIFT;
  const origEnd = flags & FLAG_ORIG_IS_B;
  const keyAt = words[at + W_FLOW] * KEY_WORDS;
  const startUs = reals[ra + R_START];
  const startNs = words[at + W_NANOS] & 0xffff;
  rows.startUs[row] = startUs;
  rows.startNs[row] = startNs;
  rows.endUs[row] = reals[ra + R_END];
  rows.endNs[row] = words[at + W_NANOS] >>> 16;
  for (let i = 0; i < KEY_WORDS; i++) rows.key[row * KEY_WORDS + i] = flows.words[keyAt + i];
  if ((flows.words[keyAt + KEY_PROTO] & 0xff) === SCTP) rows.key[row * KEY_WORDS + KEY_PORTS] = words[at + W_PORTS];
  writeUid(flows.words, keyAt, startUs, startNs, words[at + W_ORDINAL], rows.uid, row * UID_BYTES);
  rows.origIsB[row] = origEnd;
  rows.connState[row] = connState(s, slot);
  rows.endReason[row] = reason;
  rows.history[row] = historyText(s, slot);

  const orig = at + W_ENDS + origEnd * W_END_SIZE;
  const resp = at + W_ENDS + (origEnd ^ 1) * W_END_SIZE;
  const origReals = ra + R_ENDS + origEnd * R_END_SIZE;
  const respReals = ra + R_ENDS + (origEnd ^ 1) * R_END_SIZE;
  // Zeek counts bytes only where there is time for them to pass.
  const duration = reals[ra + R_LAST] - startUs;
  rows.durationUs[row] = duration > 0 ? duration : UNSET;
  const bytes = (end: number, x: number) => (kind === KIND_TCP ? sequenceBytes(s, slot, end) : reals[x + X_DELIVERED]);
  rows.origBytes[row] = duration > 0 ? bytes(origEnd, origReals) : UNSET;
  rows.respBytes[row] = duration > 0 ? bytes(origEnd ^ 1, respReals) : UNSET;
  rows.origPkts[row] = packetsOf(words, orig);
  rows.respPkts[row] = packetsOf(words, resp);
  rows.origIpBytes[row] = reals[origReals + X_IP_BYTES];
  rows.respIpBytes[row] = reals[respReals + X_IP_BYTES];
  rows.missedBytes[row] = reals[ra + R_MISSED];
  rows.retransmitted[row] = words[at + W_RETRANSMITTED];
  rows.outOfOrder[row] = words[at + W_OUT_OF_ORDER];
  rows.duplicate[row] = words[at + W_DUPLICATE];
  rows.truncated[row] = words[at + W_TRUNCATED];
  rows.origTcpFlags[row] = words[orig + E_TCP_FLAGS];
  rows.respTcpFlags[row] = words[resp + E_TCP_FLAGS];
  rows.vlan[row] = words[at + W_VLANS] & 0xffff;
  rows.innerVlan[row] = words[at + W_VLANS] >>> 16;
  rows.tunnel[row] = rows.tunnels.copy(flows.tunnels, words[at + W_TUNNEL]);
  rows.synRttUs[row] = reals[ra + R_SYN_RTT];
  rows.captureFirst[row] = words[at + W_CAPTURE_FIRST];
  rows.captureLast[row] = words[at + W_CAPTURE_LAST];
  rows.captureCount[row] = words[at + W_CAPTURE_COUNT];
  rows.length = row + 1;
}
