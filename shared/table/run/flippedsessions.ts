/**
 * Sessions whose direction flipped after packets of theirs had been written to a run: what publishing puts right in
 * these rows. A list in the order of sessions, 27 bytes each, walked beside the packets, which come in that order too.
 */
import { UID_BYTES } from '../../session/rows/sessionrows.ts';
import { compareStarts, type StartColumns, startOrder } from '../startorder.ts';
import type { SessionLookup } from './packetrun.ts';

/** One session that flipped: start in microseconds and the nanoseconds below, uid, and the last value of origIsB. */
export type FlippedRow = [us: number, ns: number, uid: string, origIsB: number];

/**
 * The rows of sessions that flipped, in the order of sessions, each once.
 *
 * @param numbers session numbers, those that flipped back and forth more than once
 */
export function* flippedRows(
  numbers: readonly number[],
  sessions: Pick<SessionLookup, 'startUs' | 'startNs' | 'uid' | 'origIsB'>,
): Generator<FlippedRow> {
  const once = Float64Array.from(numbers).sort();
  let count = 0;
  for (let i = 0; i < once.length; i++) if (i === 0 || once[i] !== once[count - 1]) once[count++] = once[i];
  const columns = roomFor(count);
  for (let i = 0; i < count; i++) {
    const number = once[i];
    columns.startUs[i] = sessions.startUs[number];
    columns.startNs[i] = sessions.startNs[number];
    columns.uid.set(sessions.uid.subarray(number * UID_BYTES, (number + 1) * UID_BYTES), i * UID_BYTES);
  }
  for (const i of startOrder(columns)) {
    const uid = String.fromCharCode(...columns.uid.subarray(i * UID_BYTES, (i + 1) * UID_BYTES));
    yield [columns.startUs[i], columns.startNs[i], uid, sessions.origIsB[once[i]]];
  }
}

function roomFor(length: number): { length: number } & Omit<StartColumns, 'length'> {
  return {
    length,
    startUs: new Float64Array(length),
    startNs: new Uint16Array(length),
    uid: new Uint8Array(length * UID_BYTES),
  };
}

/** Directions by session, asked for in the order of sessions. */
export class FlippedSessions {
  private columns = roomFor(0);
  private origIsB = new Uint8Array(0);
  private order = new Uint32Array(0);
  private next = 0;

  /** Rows in any order; to be added before the first question. */
  add(rows: readonly FlippedRow[]): void {
    const { columns } = this;
    const length = columns.length + rows.length;
    if (length > columns.startUs.length) this.grow(Math.max(length, 2 * columns.startUs.length));
    for (const [us, ns, uid, origIsB] of rows) {
      const i = this.columns.length++;
      this.columns.startUs[i] = us;
      this.columns.startNs[i] = ns;
      for (let k = 0; k < UID_BYTES; k++) this.columns.uid[i * UID_BYTES + k] = uid.charCodeAt(k);
      this.origIsB[i] = origIsB;
    }
  }

  /** The last direction of a session, undefined where it did not flip. Sessions asked for never come before earlier ones. */
  directionOf(sessions: Omit<StartColumns, 'length'>, row: number): number | undefined {
    const { columns } = this;
    if (columns.length === 0) return undefined;
    if (this.order.length < columns.length) this.order = startOrder(columns).slice();
    for (; this.next < columns.length; this.next++) {
      const order = compareStarts(columns, this.order[this.next], sessions, row);
      if (order > 0) return undefined;
      if (order === 0) return this.origIsB[this.order[this.next]];
    }
    return undefined;
  }

  private grow(capacity: number): void {
    const { length, startUs, startNs, uid } = this.columns;
    const columns = roomFor(capacity);
    columns.length = length;
    columns.startUs.set(startUs);
    columns.startNs.set(startNs);
    columns.uid.set(uid);
    this.columns = columns;
    const origIsB = new Uint8Array(capacity);
    origIsB.set(this.origIsB);
    this.origIsB = origIsB;
  }
}
