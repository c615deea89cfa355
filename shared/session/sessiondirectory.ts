/**
 * What packet rows need to know of their session while it may still be open:
 * start, uid and direction, by session number. Kept only when the packets table
 * is asked for; 26 bytes a session.
 *
 * A session can change its direction after some of its packet rows have been
 * written out; such sessions are listed, so that their rows can be put right.
 */
import { UID_BYTES } from './rows/sessionrows.ts';

export class SessionDirectory {
  /** Sessions opened. */
  length = 0;
  /** First packet: whole microseconds since 1970, and the nanoseconds below. */
  startUs: Float64Array;
  startNs: Uint16Array;
  /** UID_BYTES ASCII bytes a session. */
  uid: Uint8Array;
  /** 1 where end B of the key is the originator, as known now. */
  origIsB: Uint8Array;
  /** IP protocol. */
  proto: Uint8Array;
  /** 1 where packet rows have been written out. */
  flushed: Uint8Array;
  /** Sessions whose direction changed after that, each once a change. */
  readonly lateFlips: number[] = [];

  constructor(capacity = 1024) {
    this.startUs = new Float64Array(capacity);
    this.startNs = new Uint16Array(capacity);
    this.uid = new Uint8Array(capacity * UID_BYTES);
    this.origIsB = new Uint8Array(capacity);
    this.proto = new Uint8Array(capacity);
    this.flushed = new Uint8Array(capacity);
  }

  /** Room for one more session; returns its number. The caller fills the columns. */
  open(): number {
    if (this.length === this.startUs.length) this.grow();
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

  private grow(): void {
    const capacity = this.startUs.length * 2;
    const startUs = new Float64Array(capacity);
    startUs.set(this.startUs);
    this.startUs = startUs;
    const startNs = new Uint16Array(capacity);
    startNs.set(this.startNs);
    this.startNs = startNs;
    const uid = new Uint8Array(capacity * UID_BYTES);
    uid.set(this.uid);
    this.uid = uid;
    const origIsB = new Uint8Array(capacity);
    origIsB.set(this.origIsB);
    this.origIsB = origIsB;
    const proto = new Uint8Array(capacity);
    proto.set(this.proto);
    this.proto = proto;
    const flushed = new Uint8Array(capacity);
    flushed.set(this.flushed);
    this.flushed = flushed;
  }
}
