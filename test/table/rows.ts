/** Generated rows for the tests of the tables: random, but the same for the same seed. */
import { KEY_FLAG_ONE_WAY, KEY_FLAG_V6, KEY_PORTS, KEY_PROTO, KEY_WORDS } from '../../shared/packet/flow/flowtable.ts';
import { LAYER_HAS_ID } from '../../shared/packet/tunnellayers.ts';
import { PACKET_COLUMNS, PacketRows } from '../../shared/session/rows/packetrows.ts';
import {
  CONN_STATES,
  END_REASONS,
  SESSION_COLUMNS,
  SessionRows,
  UID_BYTES,
  UNSET,
} from '../../shared/session/rows/sessionrows.ts';
import type { SessionLookup } from '../../shared/table/run/packetrun.ts';
import { kindNumber } from '../packet/harness.ts';

const KIND_VXLAN = kindNumber('vxlan');

/** Numbers in [0, 1) from a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000;
  };
}

/** A VXLAN layer between two hosts. */
function layersOf(vni: number): number[] {
  return [KIND_VXLAN | LAYER_HAS_ID, 0, 0, 0, 0x0a000001, 0, 0, 0, 0x0a000002, vni];
}

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const HISTORIES = ['', 'S', 'Dd', 'ShADadFf', 'ShADadfFrR', 'ShADadttTTFfRRRRRR'];
export const DAY0_US = 1_700_006_400_000_000;

/** Numbers of the whole range of each column: enough for columns that the tests do not interpret. */
function fillAny<Name extends string>(
  rows: Record<Name, Float64Array | Uint32Array | Uint16Array | Uint8Array>,
  names: readonly Name[],
  count: number,
  seed: number,
): void {
  const next = random(~seed);
  for (const name of names) {
    const column = rows[name];
    const range = column instanceof Float64Array ? 2 ** 53 : 2 ** (8 * column.BYTES_PER_ELEMENT);
    for (let i = 0; i < count; i++) column[i] = Math.floor(next() * range);
  }
}

/** Sessions that start within `spanUs` of `fromUs`, in random order, many of them at equal times. */
export function randomSessions(count: number, seed: number, fromUs = DAY0_US, spanUs = 3_600_000_000): SessionRows {
  const next = random(seed);
  const below = (n: number): number => Math.floor(next() * n);
  const rows = new SessionRows(count);
  rows.length = count;
  fillAny(rows, SESSION_COLUMNS, count, seed);
  for (let i = 0; i < count; i++) {
    rows.startUs[i] = fromUs + (next() < 0.1 ? below(3) : below(spanUs));
    rows.startNs[i] = next() < 0.5 ? 0 : below(1000);
    const length = below(1e9);
    rows.endUs[i] = rows.startUs[i] + length;
    rows.endNs[i] = below(1000);
    rows.durationUs[i] = next() < 0.2 ? UNSET : length;
    for (let k = 0; k < UID_BYTES; k++) rows.uid[i * UID_BYTES + k] = LETTERS.charCodeAt(below(62));
    const at = i * KEY_WORDS;
    const proto = [6, 17, 1, 58, 132, 47][below(6)];
    const v6 = proto === 58 || (proto !== 1 && next() < 0.2);
    if (v6) for (let k = 0; k < 8; k++) rows.key[at + k] = next() < 0.4 ? 0 : below(0x100000000);
    rows.key[at + 3] = 0x0a000000 + below(5000);
    rows.key[at + 7] = 0xc0a80000 + below(60000);
    rows.key[at + KEY_PORTS] = below(0x100000000);
    rows.key[at + KEY_PROTO] = proto | (v6 ? KEY_FLAG_V6 : 0) | (proto === 1 && next() < 0.5 ? KEY_FLAG_ONE_WAY : 0);
    rows.origIsB[i] = below(2);
    rows.connState[i] = below(CONN_STATES.length);
    rows.endReason[i] = below(END_REASONS.length);
    rows.history[i] = HISTORIES[below(HISTORIES.length)];
    rows.origBytes[i] = next() < 0.2 ? UNSET : below(next() < 0.01 ? 2 ** 50 : 1e6);
    rows.respBytes[i] = next() < 0.2 ? UNSET : below(1e6);
    rows.missedBytes[i] = next() < 0.9 ? 0 : below(1e10);
    rows.retransmitted[i] = next() < 0.9 ? 0 : below(0x100000000);
    rows.origTcpFlags[i] = proto === 6 ? below(512) : 0;
    rows.respTcpFlags[i] = proto === 6 ? below(512) : 0;
    rows.vlan[i] = next() < 0.5 ? 0 : 1 + below(4096);
    rows.innerVlan[i] = next() < 0.9 ? 0 : 1 + below(4096);
    rows.tunnel[i] = next() < 0.9 ? 0 : rows.tunnels.lookup(layersOf(below(5)), 1);
    rows.synRttUs[i] = next() < 0.5 ? UNSET : below(1e6);
    rows.captureFirst[i] = below(20);
    rows.captureLast[i] = rows.captureFirst[i] + below(5);
    rows.captureCount[i] = 1 + rows.captureLast[i] - rows.captureFirst[i];
  }
  return rows;
}

/** Rows `pick` of `rows`, in that order. */
export function takeSessions(rows: SessionRows, pick: readonly number[]): SessionRows {
  const taken = new SessionRows(pick.length);
  taken.length = pick.length;
  for (const [to, from] of pick.entries()) {
    for (const name of SESSION_COLUMNS) taken[name][to] = rows[name][from];
    taken.uid.set(rows.uid.subarray(from * UID_BYTES, (from + 1) * UID_BYTES), to * UID_BYTES);
    taken.key.set(rows.key.subarray(from * KEY_WORDS, (from + 1) * KEY_WORDS), to * KEY_WORDS);
    taken.history[to] = rows.history[from];
    taken.tunnel[to] = taken.tunnels.copy(rows.tunnels, rows.tunnel[from]);
  }
  return taken;
}

export const CONTEXT = {
  captureName: (rank: number): string => `captures/site=α/dump-${rank}.pcap.gz`,
};

/** Packets of `count` sessions, in time order, and the sessions by number (in order of their first packets). */
export function randomPackets(
  packets: number,
  sessions: number,
  seed: number,
): { rows: PacketRows; lookup: SessionLookup } {
  const next = random(seed);
  const below = (n: number): number => Math.floor(next() * n);
  const rows = new PacketRows(packets);
  fillAny(rows, PACKET_COLUMNS, packets, seed);
  const lookup = {
    startUs: new Float64Array(sessions),
    startNs: new Uint16Array(sessions),
    uid: new Uint8Array(sessions * UID_BYTES),
    origIsB: new Uint8Array(sessions),
    proto: new Uint8Array(sessions),
  };
  let us = DAY0_US;
  let opened = 0;
  for (let i = 0; i < packets; i++) {
    us += below(3);
    const ns = below(2) * 500;
    const fresh = opened < sessions && (opened === 0 || next() < (2 * sessions) / packets);
    const session = fresh ? opened++ : next() < 0.3 ? 0 : below(opened);
    if (fresh) {
      lookup.startUs[session] = us;
      lookup.startNs[session] = 0;
      for (let k = 0; k < UID_BYTES; k++) lookup.uid[session * UID_BYTES + k] = LETTERS.charCodeAt(below(62));
      lookup.origIsB[session] = below(2);
      lookup.proto[session] = [6, 17, 1][below(3)];
    }
    const tcp = lookup.proto[session] === 6;
    rows.session[i] = session;
    rows.us[i] = us;
    rows.ns[i] = fresh ? 0 : ns;
    rows.fromB[i] = below(2);
    rows.level[i] = below(3);
    const fragment = next() < 0.05;
    rows.fragOfUs[i] = fragment ? us + 5 : -1;
    rows.fragOfNs[i] = fragment ? 999 : 0;
    rows.capture[i] = 10 + Math.floor((i * 7) / packets);
    rows.offset[i] = 2 ** 53 - 1 - i;
    rows.tcpFlags[i] = tcp ? below(512) : 0;
    rows.tcpSeq[i] = tcp ? below(0x100000000) : 0;
    rows.tcpAck[i] = tcp ? below(0x100000000) : 0;
    rows.tcpWindow[i] = tcp ? below(65536) : 0;
  }
  rows.length = packets;
  return { rows, lookup };
}

/** Rows `pick` of `rows`, in that order. */
export function takePackets(rows: PacketRows, pick: readonly number[]): PacketRows {
  const taken = new PacketRows(pick.length);
  taken.length = pick.length;
  for (const [to, from] of pick.entries()) for (const name of PACKET_COLUMNS) taken[name][to] = rows[name][from];
  return taken;
}

/** Nanoseconds since 1970, exactly. */
export function nanoseconds(us: number, ns: number): bigint {
  return BigInt(us) * 1000n + BigInt(ns);
}

/** The uid of a row as text. */
export function uidOf(uid: Uint8Array, row: number): string {
  return String.fromCharCode(...uid.subarray(row * UID_BYTES, (row + 1) * UID_BYTES));
}
