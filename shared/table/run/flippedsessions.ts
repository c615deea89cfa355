/**
 * Sessions whose direction flipped after packets of theirs had been written to a run: publishing corrects these rows. A
 * list in the order of sessions, 27 bytes each, read in parallel with the packets, which are in that order too.
 */
import { typedColumns } from '../../packet/typedcolumns.ts';
import { UID_BYTES } from '../../session/rows/sessionrows.ts';
import { uidText } from '../../session/rows/uid.ts';
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
  const columns = new FlippedColumns(count);
  columns.length = count;
  for (let i = 0; i < count; i++) {
    const number = once[i];
    columns.startUs[i] = sessions.startUs[number];
    columns.startNs[i] = sessions.startNs[number];
    columns.uid.set(sessions.uid.subarray(number * UID_BYTES, (number + 1) * UID_BYTES), i * UID_BYTES);
  }
  for (const i of startOrder(columns)) {
    const uid = uidText(columns.uid, i * UID_BYTES);
    yield [columns.startUs[i], columns.startNs[i], uid, sessions.origIsB[once[i]]];
  }
}

/** The sort key of sessions, and their last direction. */
class FlippedColumns extends typedColumns({
  startUs: 'f64',
  startNs: 'u16',
  uid: ['u8', UID_BYTES],
  origIsB: 'u8',
}) {}

/** Directions by session, queried in the order of sessions. Of a session that was added more than once the last one counts. */
export class FlippedSessions {
  private readonly columns = new FlippedColumns(0);
  private order = new Uint32Array(0);
  private next = 0;

  /** Rows in any order but for those of one session; to be added before the first query. */
  add(rows: readonly FlippedRow[]): void {
    const { columns } = this;
    columns.reserve(columns.length + rows.length);
    for (const [us, ns, uid, origIsB] of rows) {
      const i = columns.length++;
      columns.startUs[i] = us;
      columns.startNs[i] = ns;
      for (let k = 0; k < UID_BYTES; k++) columns.uid[i * UID_BYTES + k] = uid.charCodeAt(k);
      columns.origIsB[i] = origIsB;
    }
  }

  /** The last direction of a session, undefined if it did not flip. Queries must be in the order of sessions. */
  directionOf(sessions: Omit<StartColumns, 'length'>, row: number): number | undefined {
    const { columns } = this;
    if (columns.length === 0) return undefined;
    if (this.order.length < columns.length) this.order = startOrder(columns).slice();
    for (; this.next < columns.length; this.next++) {
      const order = compareStarts(columns, this.order[this.next], sessions, row);
      if (order > 0) return undefined;
      if (order === 0) return columns.origIsB[this.lastOfSame()];
    }
    return undefined;
  }

  /** The row that was added last for the session of the next row. */
  private lastOfSame(): number {
    const { columns, order, next } = this;
    let last = order[next];
    for (let at = next + 1; at < order.length && compareStarts(columns, order[at], columns, order[next]) === 0; at++)
      last = Math.max(last, order[at]);
    return last;
  }
}
