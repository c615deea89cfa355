/**
 * The session run: written by a reduce task and read by publish tasks. An Arrow file of session rows in the order of
 * the sessions table, in batches small enough that a publish task reads little beyond its window.
 *
 * Columns are those of SessionRows under their own names, plus `uid` and `key` as
 * fixed-size binary (the key's words little-endian), `history` as text and `tunnel` as binary (packet/flow/tunneltable.ts).
 */
import { Binary, type Data, Field, FixedSizeBinary, makeData, type RecordBatch, Schema, Utf8 } from 'apache-arrow';
import { KEY_WORDS } from '../../packet/flow/flowtable.ts';
import { MAX_TUNNEL_BYTES } from '../../packet/flow/tunneltable.ts';
import { SESSION_COLUMNS, SessionRows, UID_BYTES } from '../../session/rows/sessionrows.ts';
import { arrowTypeOf, numberChild } from '../../shard/arrowcolumns.ts';
import { type StartColumns, startOrder } from '../startorder.ts';
import { countStarts, SLOT_US } from '../window.ts';
import { type BatchRange, decodeArrowRun, encodeArrowRun, schemaMessage } from './arrowrun.ts';

/** Rows of a full batch. */
export const SESSION_BATCH_ROWS = 8192;

/** One batch of a run: its position, and the session starts that it contains. */
export interface RunBatch extends BatchRange {
  /** Earliest and latest session start in it, microseconds since 1970. */
  firstUs: number;
  lastUs: number;
  /** Where it was written by another job: what each of that job's ranks is for its reader. Not in the store. */
  ranks?: Uint32Array;
}

/** What decoding needs of a batch. */
type Decoded = BatchRange & Pick<RunBatch, 'ranks'>;

/** An encoded run. */
export interface EncodedRun<Batch extends RunBatch = RunBatch> {
  bytes: Uint8Array;
  rows: number;
  batches: Batch[];
  /** How many rows belong to sessions that start in each slot of time: see window.ts. */
  starts: number[];
}

export type NumberArray = Float64Array | Uint32Array | Uint16Array | Uint8Array;

const UID = new FixedSizeBinary(UID_BYTES);
const KEY = new FixedSizeBinary(KEY_WORDS * 4);
const template = new SessionRows(0);
const FIELDS = [
  ...SESSION_COLUMNS.map((name) => new Field(name, arrowTypeOf(template[name]), false)),
  new Field('uid', UID, false),
  new Field('key', KEY, false),
  new Field('history', new Utf8(), false),
  new Field('tunnel', new Binary(), false),
];
const START_US = SESSION_COLUMNS.indexOf('startUs');
const START_NS = SESSION_COLUMNS.indexOf('startNs');
const SCHEMA = new Schema(FIELDS);
const SCHEMA_MESSAGE = schemaMessage(SCHEMA);

/**
 * Encode session rows, in any order, as one run in the order of the sessions table. Without rows the run has no
 * batches.
 *
 * @param slotUs length of the slots by which starts are counted
 */
export function encodeSessionRun(rows: SessionRows, slotUs: number = SLOT_US): EncodedRun {
  const order = startOrder(rows);
  const batches = function* (): Generator<{ rows: number; children: Data[] }> {
    for (let from = 0; from < order.length; from += SESSION_BATCH_ROWS)
      yield sessionBatch(rows, order.subarray(from, from + SESSION_BATCH_ROWS));
  };
  const { bytes, ranges } = encodeArrowRun(SCHEMA, batches());
  let at = 0;
  return {
    bytes,
    rows: rows.length,
    batches: ranges.map((range) => {
      const firstUs = rows.startUs[order[at]];
      at += range.rows;
      return { ...range, firstUs, lastUs: rows.startUs[order[at - 1]] };
    }),
    starts: countStarts(rows.startUs, order, slotUs),
  };
}

/** Rows `order` of `rows` as the children of one batch. */
function sessionBatch(rows: SessionRows, order: Uint32Array): { rows: number; children: Data[] } {
  const count = order.length;
  const children: Data[] = [];
  for (const name of SESSION_COLUMNS) {
    const from = rows[name];
    const to = new (from.constructor as new (length: number) => NumberArray)(count);
    gather(from, order, to);
    children.push(numberChild(FIELDS[children.length].type, to, count));
  }
  const uid = new Uint8Array(count * UID_BYTES);
  const key = new Uint32Array(count * KEY_WORDS);
  const ends = new Int32Array(count + 1);
  gatherBytes(rows.uid, UID_BYTES, order, uid);
  gatherWords(rows.key, KEY_WORDS, order, key);
  for (let i = 0; i < count; i++) ends[i + 1] = ends[i] + rows.history[order[i]].length;
  // History letters are ASCII by construction: one byte each.
  const letters = Buffer.alloc(ends[count]);
  for (let i = 0; i < count; i++) letters.write(rows.history[order[i]], ends[i], 'latin1');
  children.push(makeData({ type: UID, length: count, nullCount: 0, data: uid }));
  children.push(makeData({ type: KEY, length: count, nullCount: 0, data: new Uint8Array(key.buffer) }));
  children.push(makeData({ type: new Utf8(), length: count, nullCount: 0, valueOffsets: ends, data: letters }));
  const tunnelEnds = new Int32Array(count + 1);
  const tunnels = new Uint8Array(count * MAX_TUNNEL_BYTES);
  for (let i = 0; i < count; i++) tunnelEnds[i + 1] = rows.tunnels.put(rows.tunnel[order[i]], tunnels, tunnelEnds[i]);
  const data = tunnels.subarray(0, tunnelEnds[count]);
  children.push(makeData({ type: new Binary(), length: count, nullCount: 0, valueOffsets: tunnelEnds, data }));
  return { rows: count, children };
}

// The loops are functions of their own: otherwise sessionBatch would be optimized in the middle of one (on-stack
// replacement), and deoptimized after it.

function gather(from: NumberArray, order: Uint32Array, to: NumberArray): void {
  for (let i = 0; i < order.length; i++) to[i] = from[order[i]];
}

function gatherBytes(from: Uint8Array, size: number, order: Uint32Array, to: Uint8Array): void {
  for (let i = 0; i < order.length; i++)
    for (let k = 0, p = order[i] * size, q = i * size; k < size; k++) to[q + k] = from[p + k];
}

function gatherWords(from: Uint32Array, size: number, order: Uint32Array, to: Uint32Array): void {
  for (let i = 0; i < order.length; i++)
    for (let k = 0, p = order[i] * size, q = i * size; k < size; k++) to[q + k] = from[p + k];
}

/**
 * Append to `into` the rows of whole batches whose start is in [fromUs, toUs).
 *
 * @param bytes the ranges of `batches`, neighbours in one run, one after the other
 * @returns how many rows were appended
 * @throws Error when the bytes are not these batches; NoRoom when the rows do not fit
 */
export function decodeSessionBatches(
  bytes: Uint8Array,
  batches: readonly Decoded[],
  into: SessionRows,
  fromUs: number,
  toUs: number,
): number {
  const before = into.length;
  let number = 0;
  for (const batch of decodeArrowRun(SCHEMA_MESSAGE, bytes, batches)) {
    const startUs = childValues(batch, START_US) as Float64Array;
    appendRows(batch, into, lowerBound(startUs, fromUs), lowerBound(startUs, toUs), batches[number++].ranks);
  }
  return into.length - before;
}

/**
 * Append rows [from, to) of one batch to `into`.
 *
 * @throws as `decodeSessionBatches`
 */
export function decodeSessionRows(
  bytes: Uint8Array,
  range: Decoded,
  into: SessionRows,
  from: number,
  to: number,
): void {
  for (const batch of decodeArrowRun(SCHEMA_MESSAGE, bytes, [range])) appendRows(batch, into, from, to, range.ranks);
}

/** The sort key columns of one batch, copied. @throws Error when the bytes are not this batch */
export function decodeSessionStarts(bytes: Uint8Array, range: BatchRange): StartColumns {
  let columns: StartColumns | undefined;
  for (const batch of decodeArrowRun(SCHEMA_MESSAGE, bytes, [range]))
    columns = {
      length: batch.numRows,
      startUs: (childValues(batch, START_US) as Float64Array).slice(),
      startNs: (childValues(batch, START_NS) as Uint16Array).slice(),
      uid: (childValues(batch, SESSION_COLUMNS.length) as Uint8Array).slice(),
    };
  if (columns === undefined) throw new Error('a batch without rows in a list of batches');
  return columns;
}

/** There is no room for the rows. */
export class NoRoom extends RangeError {}

/** The values of child `index` of a record batch. */
export function childValues(batch: RecordBatch, index: number): NumberArray {
  return batch.data.children[index].values as NumberArray;
}

function appendRows(
  batch: RecordBatch,
  into: SessionRows,
  from: number,
  to: number,
  ranks: Uint32Array | undefined,
): void {
  const at = into.length;
  if (at + to - from > into.capacity) throw new NoRoom(`no room for ${to - from} rows more`);
  let child = 0;
  for (const name of SESSION_COLUMNS)
    (into[name] as Uint32Array).set(childValues(batch, child++).subarray(from, to), at);
  into.uid.set(childValues(batch, child++).subarray(from * UID_BYTES, to * UID_BYTES), at * UID_BYTES);
  const key = childValues(batch, child++).subarray(from * KEY_WORDS * 4, to * KEY_WORDS * 4) as Uint8Array;
  new Uint8Array(into.key.buffer, into.key.byteOffset).set(key, at * KEY_WORDS * 4);
  const history = batch.data.children[child];
  const ends = history.valueOffsets as Int32Array;
  const letters = history.values as Uint8Array;
  const text = Buffer.from(letters.buffer, letters.byteOffset, letters.byteLength);
  for (let i = from; i < to; i++) into.history[at + i - from] = shared(text.toString('latin1', ends[i], ends[i + 1]));
  const tunnel = batch.data.children[child + 1];
  const starts = tunnel.valueOffsets as Int32Array;
  for (let i = from; i < to; i++)
    into.tunnel[at + i - from] = into.tunnels.take(tunnel.values as Uint8Array, starts[i]);
  into.length = at + to - from;
  if (ranks === undefined) return;
  translate(into.captureFirst.subarray(at, into.length), ranks);
  translate(into.captureLast.subarray(at, into.length), ranks);
}

/** In a list of ranks: the reader's job does not have the capture. */
export const NO_RANK = 0xffff_ffff;

/** Replaces ranks of captures by what they are for the reader. @throws Error for a capture that it does not have */
export function translate(captures: Uint32Array, ranks: Uint32Array): void {
  for (let i = 0; i < captures.length; i++) {
    const rank = ranks[captures[i]];
    if (rank === undefined || rank === NO_RANK)
      throw new Error(`the job does not have the capture that had rank ${captures[i]} in an earlier one`);
    captures[i] = rank;
  }
}

/** First index of sorted `values` that is not below `limit`. */
export function lowerBound(values: Float64Array, limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Most rows share few histories: one string each saves memory with a million rows. */
const texts = new Map<string, string>();
const TEXTS_KEPT = 4096;

function shared(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size < TEXTS_KEPT) texts.set(text, text);
  return text;
}
