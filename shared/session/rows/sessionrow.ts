/** The row of a session that has ended. */
import { type FlowTable, IPPROTO_SCTP, KEY_PORTS, KEY_PROTO, KEY_WORDS } from '../../packet/flow/flowtable.ts';
import { historyText } from '../history.ts';
import * as L from '../slots.ts';
import { packetsOf, type SessionSlots } from '../slots.ts';
import { sequenceBytes } from '../tcp/tcpcontents.ts';
import { connState } from './connstate.ts';
import { type SessionRows, UID_BYTES, UNSET } from './sessionrows.ts';
import { writeUid } from './uid.ts';

/** Appends the session in `slot` to `rows`, which has room. `reason` is an index into END_REASONS. */
export function writeSession(s: SessionSlots, slot: number, reason: number, flows: FlowTable, rows: SessionRows): void {
  const { words, reals } = s;
  const at = slot * L.WORDS;
  const ra = slot * L.REALS;
  const row = rows.length;
  const flags = words[at + L.W_FLAGS];
  const kind = (flags & L.FLAG_KIND_MASK) >> L.FLAG_KIND_SHIFT;
  const origEnd = flags & L.FLAG_ORIG_IS_B;
  const keyAt = words[at + L.W_FLOW] * KEY_WORDS;
  const startUs = reals[ra + L.R_START];
  const startNs = words[at + L.W_NANOS] & 0xffff;
  rows.startUs[row] = startUs;
  rows.startNs[row] = startNs;
  rows.endUs[row] = reals[ra + L.R_END];
  rows.endNs[row] = words[at + L.W_NANOS] >>> 16;
  for (let i = 0; i < KEY_WORDS; i++) rows.key[row * KEY_WORDS + i] = flows.words[keyAt + i];
  if ((flows.words[keyAt + KEY_PROTO] & 0xff) === IPPROTO_SCTP)
    rows.key[row * KEY_WORDS + KEY_PORTS] = words[at + L.W_PORTS];
  writeUid(flows.words, keyAt, startUs, startNs, words[at + L.W_ORDINAL], rows.uid, row * UID_BYTES);
  rows.origIsB[row] = origEnd;
  rows.connState[row] = connState(s, slot);
  rows.endReason[row] = reason;
  rows.history[row] = historyText(s, slot);

  const orig = at + L.W_ENDS + origEnd * L.W_END_SIZE;
  const resp = at + L.W_ENDS + (origEnd ^ 1) * L.W_END_SIZE;
  const origReals = ra + L.R_ENDS + origEnd * L.R_END_SIZE;
  const respReals = ra + L.R_ENDS + (origEnd ^ 1) * L.R_END_SIZE;
  // Zeek counts bytes only if the duration is not 0.
  const duration = reals[ra + L.R_LAST] - startUs;
  rows.durationUs[row] = duration > 0 ? duration : UNSET;
  const bytes = (end: number, x: number) =>
    kind === L.KIND_TCP ? sequenceBytes(s, slot, end) : reals[x + L.X_DELIVERED];
  rows.origBytes[row] = duration > 0 ? bytes(origEnd, origReals) : UNSET;
  rows.respBytes[row] = duration > 0 ? bytes(origEnd ^ 1, respReals) : UNSET;
  rows.origPkts[row] = packetsOf(words, orig);
  rows.respPkts[row] = packetsOf(words, resp);
  rows.origIpBytes[row] = reals[origReals + L.X_IP_BYTES];
  rows.respIpBytes[row] = reals[respReals + L.X_IP_BYTES];
  rows.missedBytes[row] = reals[ra + L.R_MISSED];
  rows.retransmitted[row] = words[at + L.W_RETRANSMITTED];
  rows.outOfOrder[row] = words[at + L.W_OUT_OF_ORDER];
  rows.duplicate[row] = words[at + L.W_DUPLICATE];
  rows.truncated[row] = words[at + L.W_TRUNCATED];
  rows.origTcpFlags[row] = words[orig + L.E_TCP_FLAGS];
  rows.respTcpFlags[row] = words[resp + L.E_TCP_FLAGS];
  rows.vlan[row] = words[at + L.W_VLANS] & 0xffff;
  rows.innerVlan[row] = words[at + L.W_VLANS] >>> 16;
  rows.tunnel[row] = rows.tunnels.copy(flows.tunnels, words[at + L.W_TUNNEL]);
  rows.synRttUs[row] = reals[ra + L.R_SYN_RTT];
  rows.captureFirst[row] = words[at + L.W_CAPTURE_FIRST];
  rows.captureLast[row] = words[at + L.W_CAPTURE_LAST];
  rows.captureCount[row] = words[at + L.W_CAPTURE_COUNT];
  rows.length = row + 1;
}
