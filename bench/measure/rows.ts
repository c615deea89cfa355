/** The rows that both Parquet writers get: a narrow table of sessions, every value computed from the row's number. */

/** Nanoseconds since 1970 of row 0, far above 2^53, in microseconds and what is left. */
export const FIRST_US = 1_735_689_600_000_000;
/** Row i lies i * STEP_NS after it: an odd number, so that rounding to a double shows in most rows. */
export const STEP_NS = 1_234_567;

const STATES = ['SF', 'S0', 'REJ', 'RSTO', 'OTH'];
const HISTORIES = ['ShADadFf', 'S', 'Sr', 'ShADadR', 'Dd', 'D'];

/** One row; made again and again into the same object. */
export class SessionValues {
  us = 0;
  ns = 0;
  origH = '';
  origP = 0;
  respH = '';
  respP = 0;
  duration = 0;
  origBytes = 0;
  respBytes = 0;
  state = '';
  history = '';

  fill(i: number): this {
    const sinceNs = i * STEP_NS;
    this.us = FIRST_US + Math.floor(sinceNs / 1000);
    this.ns = sinceNs % 1000;
    const mixed = Math.imul(i + 1, 0x9e3779b1) >>> 0;
    this.origH = `10.${mixed >>> 28}.${(mixed >>> 20) & 255}.${(mixed >>> 12) & 255}`;
    this.origP = 32768 + (mixed & 0x3fff);
    this.respH = `198.18.0.${mixed >>> 25}`;
    this.respP = (mixed & 3) === 0 ? 53 : 443;
    this.duration = (mixed & 0xffff) / 1024;
    this.origBytes = (mixed >>> 8) & 0xfff;
    this.respBytes = mixed >>> 4;
    this.state = STATES[mixed % STATES.length];
    this.history = HISTORIES[mixed % HISTORIES.length];
    return this;
  }
}
