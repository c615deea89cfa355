/**
 * What packet rows need of their session while it may still be open: start, uid and direction, by session number. Kept
 * only when the packets table is requested; 26 bytes a session.
 *
 * A session can change its direction after some of its packet rows have been written out; such sessions are listed, so
 * that their rows can be corrected.
 */
import { typedColumns } from '../packet/typedcolumns.ts';
import { UID_BYTES } from './rows/sessionrows.ts';

const COLUMNS = {
  /** First packet: whole microseconds since 1970, and the nanoseconds below. */
  startUs: 'f64',
  startNs: 'u16',
  /** UID_BYTES ASCII bytes a session. */
  uid: ['u8', UID_BYTES],
  /** 1 where end B of the key is the originator, as known now. */
  origIsB: 'u8',
  /** IP protocol. */
  proto: 'u8',
  /** 1 where packet rows have been written out. */
  flushed: 'u8',
} as const;

export class SessionDirectory extends typedColumns(COLUMNS) {
  /** Sessions whose direction changed after packet rows had been written out, each once a change. */
  readonly lateFlips: number[] = [];

  constructor(capacity = 1024) {
    super(capacity);
  }

  /** Room for one more session; returns its number. The caller fills the columns. */
  open(): number {
    if (this.full) this.reserve(this.length + 1);
    return this.length++;
  }

  /** Session `n` has changed its direction. */
  flip(n: number, origIsB: number): void {
    this.origIsB[n] = origIsB;
    if (this.flushed[n] !== 0) this.lateFlips.push(n);
  }

  /** Some packet rows of session `n` have been written out with the direction as known now. */
  markFlushed(n: number): void {
    this.flushed[n] = 1;
  }
}
