/** Invariants of session rows, for any packets. */
import { MAX_US } from '../../../shared/capture/facts.ts';
import { KEY_FLAG_V6, KEY_PROTO, KEY_WORDS } from '../../../shared/packet/flow/flowtable.ts';
import { tunnelText } from '../../../shared/packet/tunneltext.ts';
import {
  CONN_STATES,
  END_REASONS,
  SESSION_COLUMNS,
  type SessionRows,
  UID_BYTES,
  UNSET,
} from '../../../shared/session/rows/sessionrows.ts';
import { uidText } from '../../../shared/session/rows/uid.ts';
import { HISTORY_LIMIT } from '../../../shared/session/slots.ts';
import { Finding } from './finding.ts';

type Values = Record<(typeof SESSION_COLUMNS)[number], number>;

/** A session, taken out of the rows. */
export interface TrackedSession extends Values {
  uid: string;
  key: string;
  proto: number;
  history: string;
  tunnelText: string;
}

/** The output of a tracker, or of several of one job. */
export interface Tracked {
  sessions: TrackedSession[];
  uids: Set<string>;
  packets: number;
  ipBytes: number;
  packetRows: number;
  /** Fragments without a datagram. */
  orphans: number;
}

const HISTORY = /^[\^SHADFRCGTWIQ]*$/i;
const UID = /^[0-9A-Za-z]{12}$/;
const COUNTS = ['origPkts', 'respPkts', 'origIpBytes', 'respIpBytes', 'missedBytes'] as const;
const OR_UNSET = ['durationUs', 'origBytes', 'respBytes', 'synRttUs'] as const;
const PARTS_OF_PACKETS = ['retransmitted', 'outOfOrder', 'duplicate'] as const;

/** Checks the rows and moves them to `out`. @param captures how many there are */
export function checkTracked(rows: SessionRows, captures: number, out: Tracked): void {
  for (let row = 0; row < rows.length; row++) {
    const session = sessionOf(rows, row);
    const wrong = whatIsWrong(session, captures);
    if (wrong !== null) throw new Finding('row', `${wrong}\n${JSON.stringify(session)}`);
    if (out.uids.has(session.uid)) {
      const other = out.sessions.find(({ uid }) => uid === session.uid);
      throw new Finding('uid', `two sessions have one uid\n${JSON.stringify(other)}\n${JSON.stringify(session)}`);
    }
    out.uids.add(session.uid);
    out.sessions.push(session);
    out.packets += session.origPkts + session.respPkts;
    out.ipBytes += session.origIpBytes + session.respIpBytes;
  }
}

function sessionOf(rows: SessionRows, row: number): TrackedSession {
  const values = Object.fromEntries(SESSION_COLUMNS.map((name) => [name, rows[name][row]])) as Values;
  const key = rows.key.subarray(row * KEY_WORDS, (row + 1) * KEY_WORDS);
  return {
    ...values,
    uid: uidText(rows.uid, row * UID_BYTES),
    key: key.join(','),
    proto: key[KEY_PROTO] & ~KEY_FLAG_V6 & 0xff,
    history: rows.history[row],
    tunnelText: tunnelText(rows.tunnels, rows.tunnel[row]) ?? '',
  };
}

/** What is invalid in a session, null if nothing is. */
export function whatIsWrong(s: TrackedSession, captures: number): string | null {
  const whole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (!whole(s.startUs) || !whole(s.endUs) || s.endUs > MAX_US || s.startNs > 999 || s.endNs > 999)
    return 'times out of range';
  if (s.endUs < s.startUs || (s.endUs === s.startUs && s.endNs < s.startNs)) return 'it ends before it begins';
  for (const name of COUNTS) if (!whole(s[name])) return `${name} is no count`;
  for (const name of OR_UNSET) if (s[name] !== UNSET && !whole(s[name])) return `${name} is neither a count nor unset`;
  const span = s.endUs - s.startUs;
  if (s.durationUs > span) return 'it lasts longer than from its first packet to its last';
  if (s.synRttUs > span) return 'its round trip is longer than itself';
  const packets = s.origPkts + s.respPkts;
  for (const name of PARTS_OF_PACKETS) if (s[name] > packets) return `${name} exceeds its packets`;
  if (s.proto !== 6) {
    if (s.origTcpFlags !== 0 || s.respTcpFlags !== 0) return 'TCP flags outside of TCP';
    if (packets === 0) return 'a session without packets';
    if (s.retransmitted + s.outOfOrder + s.missedBytes > 0) return 'TCP counts outside of TCP';
  }
  if (s.origTcpFlags > 0x1ff || s.respTcpFlags > 0x1ff) return 'more TCP flags than there are';
  for (const [pkts, bytes] of [
    [s.origPkts, s.origIpBytes],
    [s.respPkts, s.respIpBytes],
  ])
    if (pkts === 0 && bytes > 0) return 'bytes without packets';
  if (CONN_STATES[s.connState] === undefined || END_REASONS[s.endReason] === undefined) return 'no state, or no end';
  if (!HISTORY.test(s.history) || s.history.length > HISTORY_LIMIT) return 'a history of other letters, or too long';
  if (s.vlan > 4096 || s.innerVlan > 4096) return 'a VLAN beyond 4095';
  if (!UID.test(s.uid)) return 'a uid of other letters';
  if (s.captureFirst >= captures || s.captureLast >= captures) return 'a capture that there is not';
  if (s.captureCount < 1 || s.captureCount > captures) return 'more captures than there are, or none';
  if (s.captureFirst !== s.captureLast && s.captureCount < 2) return 'two captures counted as one';
  return null;
}

/** A session as one line. @param contents what to call a capture of each rank */
export function sessionText(s: TrackedSession, contents: readonly string[]): string {
  return JSON.stringify({ ...s, captureFirst: contents[s.captureFirst], captureLast: contents[s.captureLast] });
}
