/**
 * The packet run: packet rows as a reduce task writes them when the packets table is requested. An Arrow file in order
 * of the rows' sessions (by start, then uid); inside a session the rows keep the tracker's order, which is the order of
 * time.
 *
 * Each row carries its session's start, uid, protocol and direction *as known when the run was written*; a direction
 * that flipped later is corrected at publishing.
 */
import { type Data, Field, FixedSizeBinary, makeData, Schema } from 'apache-arrow';
import { type ColumnArrays, namesOf, typedColumns } from '../../packet/typedcolumns.ts';
import { PACKET_NUMBERS, type PacketRows } from '../../session/rows/packetrows.ts';
import { UID_BYTES } from '../../session/rows/sessionrows.ts';
import { arrowTypeOf, numberChild } from '../../shard/arrowcolumns.ts';
import { startOrder } from '../startorder.ts';
import { addStart, SLOT_US } from '../window.ts';
import { type BatchRange, decodeArrowRun, encodeArrowRun, schemaMessage } from './arrowrun.ts';
import { childValues, type EncodedRun, type NumberArray, type RunBatch, translate } from './sessionrun.ts';

/** Rows of a full batch. */
export const PACKET_BATCH_ROWS = 8192;

/** One batch of a packet run. */
export interface PacketRunBatch extends RunBatch {
  /** Lowest and highest rank of a capture in it. */
  firstCapture: number;
  lastCapture: number;
}

/** Columns of a row from its session. */
const SESSION_NUMBERS = {
  /** First packet: whole microseconds since 1970, and the nanoseconds below. */
  startUs: 'f64',
  startNs: 'u16',
  /** 1 where end B of the key is the originator. */
  origIsB: 'u8',
  /** IP protocol. */
  proto: 'u8',
} as const;
/** UID_BYTES ASCII bytes a session. */
const UID_COLUMN = { uid: ['u8', UID_BYTES] } as const;
const COLUMNS = { ...PACKET_NUMBERS, ...SESSION_NUMBERS, ...UID_COLUMN } as const;

/** Data of sessions, by number. */
export type SessionLookup = Readonly<ColumnArrays<typeof SESSION_NUMBERS & typeof UID_COLUMN>>;

const ROW_COLUMNS = namesOf(PACKET_NUMBERS);
const SESSION_NAMES = namesOf(SESSION_NUMBERS);

/** Rows of packets, each with data of its session. */
export class SessionPackets extends typedColumns(COLUMNS) {}

/** Lengths that mostly follow from another one are stored as the difference from it, modulo 2^32. */
const SUBTRAHENDS: Partial<Record<(typeof ROW_COLUMNS)[number], (typeof ROW_COLUMNS)[number]>> = {
  origLen: 'capLen',
  ipLen: 'origLen',
  payloadLen: 'ipLen',
};

const UID = new FixedSizeBinary(UID_BYTES);
const empty = new SessionPackets(0);
const FIELDS = [
  ...[...ROW_COLUMNS, ...SESSION_NAMES].map((name) => new Field(name, arrowTypeOf(empty[name]), false)),
  new Field('uid', UID, false),
];
const SCHEMA = new Schema(FIELDS);
const SCHEMA_MESSAGE = schemaMessage(SCHEMA);

/**
 * Encode packet rows as one run.
 *
 * @param rows in the tracker's order
 * @param sessions columns by session number, covering every number in `rows`
 * @param slotUs length of the slots by which starts are counted
 */
export function encodePacketRun(
  rows: PacketRows,
  sessions: SessionLookup,
  slotUs: number = SLOT_US,
): EncodedRun<PacketRunBatch> {
  const order = bySession(rows, sessions);
  const starts: number[] = [];
  for (let i = 0; i < order.length; i++) addStart(starts, sessions.startUs[rows.session[order[i]]], slotUs);
  const batches = function* (): Generator<{ rows: number; children: Data[] }> {
    for (let from = 0; from < order.length; from += PACKET_BATCH_ROWS)
      yield packetBatch(rows, sessions, order.subarray(from, from + PACKET_BATCH_ROWS));
  };
  const { bytes, ranges } = encodeArrowRun(SCHEMA, batches());
  let at = 0;
  return {
    bytes,
    rows: rows.length,
    batches: ranges.map((range) => {
      const to = at + range.rows;
      let firstCapture = rows.capture[order[at]];
      let lastCapture = firstCapture;
      for (let i = at; i < to; i++) {
        const capture = rows.capture[order[i]];
        if (capture < firstCapture) firstCapture = capture;
        if (capture > lastCapture) lastCapture = capture;
      }
      const firstUs = sessions.startUs[rows.session[order[at]]];
      const lastUs = sessions.startUs[rows.session[order[to - 1]]];
      at = to;
      return { ...range, firstUs, lastUs, firstCapture, lastCapture };
    }),
    starts,
  };
}

/** Row numbers in order of (session start, session uid), rows of one session in their old order. */
function bySession(rows: PacketRows, sessions: SessionLookup): Uint32Array {
  const { length, session } = rows;
  // Sessions are numbered in order of opening, so those of one run are close together.
  let lowest = Number.POSITIVE_INFINITY;
  let highest = -1;
  for (let i = 0; i < length; i++) {
    if (session[i] < lowest) lowest = session[i];
    if (session[i] > highest) highest = session[i];
  }
  const places = new Uint32Array(Math.max(0, highest - lowest + 1));
  for (let i = 0; i < length; i++) places[session[i] - lowest]++;
  const numbers: number[] = [];
  for (let at = 0; at < places.length; at++) if (places[at] > 0) numbers.push(lowest + at);
  const present = { length: numbers.length, ...gatherSessions(sessions, numbers) };
  let next = 0;
  for (const at of startOrder(present)) {
    const count = places[numbers[at] - lowest];
    places[numbers[at] - lowest] = next;
    next += count;
  }
  const order = new Uint32Array(length);
  for (let i = 0; i < length; i++) order[places[session[i] - lowest]++] = i;
  return order;
}

function gatherSessions(
  sessions: SessionLookup,
  pick: readonly number[],
): Pick<SessionLookup, 'startUs' | 'startNs' | 'uid'> {
  const startUs = new Float64Array(pick.length);
  const startNs = new Uint16Array(pick.length);
  const uid = new Uint8Array(pick.length * UID_BYTES);
  for (let i = 0; i < pick.length; i++) {
    startUs[i] = sessions.startUs[pick[i]];
    startNs[i] = sessions.startNs[pick[i]];
    for (let k = 0; k < UID_BYTES; k++) uid[i * UID_BYTES + k] = sessions.uid[pick[i] * UID_BYTES + k];
  }
  return { startUs, startNs, uid };
}

/** Rows `order` of `rows` as the children of one batch. */
function packetBatch(
  rows: PacketRows,
  sessions: SessionLookup,
  order: Uint32Array,
): { rows: number; children: Data[] } {
  const count = order.length;
  const children: Data[] = [];
  for (const name of ROW_COLUMNS) {
    const from = rows[name];
    const to = columnLike(from, count);
    for (let i = 0; i < count; i++) to[i] = from[order[i]];
    const less = SUBTRAHENDS[name];
    if (less !== undefined) {
      const subtrahend = rows[less];
      for (let i = 0; i < count; i++) to[i] -= subtrahend[order[i]];
    }
    children.push(numberChild(FIELDS[children.length].type, to, count));
  }
  for (const name of SESSION_NAMES) {
    const from = sessions[name];
    const to = columnLike(empty[name], count);
    for (let i = 0; i < count; i++) to[i] = from[rows.session[order[i]]];
    children.push(numberChild(FIELDS[children.length].type, to, count));
  }
  const uid = new Uint8Array(count * UID_BYTES);
  for (let i = 0; i < count; i++) {
    const session = rows.session[order[i]];
    for (let k = 0; k < UID_BYTES; k++) uid[i * UID_BYTES + k] = sessions.uid[session * UID_BYTES + k];
  }
  children.push(makeData({ type: UID, length: count, nullCount: 0, data: uid }));
  return { rows: count, children };
}

function columnLike(column: NumberArray, length: number): NumberArray {
  return new (column.constructor as new (length: number) => NumberArray)(length);
}

/**
 * Decode one batch. Its columns are views unless they need arithmetic.
 *
 * @param bytes its byte range
 * @throws Error when the bytes are not this batch
 */
export function decodePacketBatch(bytes: Uint8Array, range: BatchRange & Pick<RunBatch, 'ranks'>): SessionPackets {
  // An object of the class, though its arrays are views: copies between rows then stay monomorphic.
  const packets = new SessionPackets(0);
  const columns = packets as unknown as Record<string, NumberArray>;
  for (const batch of decodeArrowRun(SCHEMA_MESSAGE, bytes, [range]))
    for (let i = 0; i < FIELDS.length; i++) columns[FIELDS[i].name] = childValues(batch, i);
  // In the order of the columns, so that the columns to be added are complete already.
  for (const [name, less] of Object.entries(SUBTRAHENDS)) columns[name] = sums(columns[name], columns[less]);
  if (range.ranks !== undefined) {
    packets.capture = packets.capture.slice();
    translate(packets.capture, range.ranks);
  }
  packets.length = packets.capacity = range.rows;
  return packets;
}

/** Modulo 2^32. */
function sums(differences: NumberArray, subtrahends: NumberArray): Uint32Array {
  const whole = new Uint32Array(differences.length);
  for (let i = 0; i < whole.length; i++) whole[i] = differences[i] + subtrahends[i];
  return whole;
}
