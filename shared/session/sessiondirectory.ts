/**
 * What packet rows need of their session while it may still be open: start, uid and direction, by session number. Kept
 * only when the packets table is requested; 26 bytes a session.
 *
 * A session can change its direction after some of its packet rows have been written out; such sessions are listed, so
 * that their rows can be corrected.
 */
import { KEY_PROTO, KEY_WORDS } from '../packet/flow/flowtable.ts';
import { typedColumns } from '../packet/typedcolumns.ts';
import { UID_BYTES } from './rows/sessionrows.ts';
import { writeUid } from './rows/uid.ts';
import type { SessionSlots } from './slots.ts';
import * as L from './slots.ts';

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

  /** The next session: the one in `slot`. @param keys words of the flow keys */
  enter(s: SessionSlots, slot: number, keys: Uint32Array): void {
    if (this.full) this.reserve(this.length + 1);
    const n = this.length++;
    const at = slot * L.WORDS;
    const key = s.words[at + L.W_FLOW] * KEY_WORDS;
    const us = s.reals[slot * L.REALS + L.R_START];
    const ns = s.words[at + L.W_NANOS] & 0xffff;
    this.startUs[n] = us;
    this.startNs[n] = ns;
    this.origIsB[n] = s.words[at + L.W_FLAGS] & L.FLAG_ORIG_IS_B;
    this.proto[n] = keys[key + KEY_PROTO];
    writeUid(keys, key, us, ns, s.words[at + L.W_ORDINAL], this.uid, n * UID_BYTES);
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
