/**
 * Screening of a damaged capture's times. Behind damage, bytes may look like records and be none, or be records with
 * bits changed: such a record's time is often years away from all others, and a session of it would be an invention.
 *
 * Behind the first fault a record is implausible if few records of the capture have times within a year of its own:
 * fewer than eight, or where compressed bytes failed their check, which says that any of them may be wrong, fewer than
 * half as many as the most frequent time has. Records before the fault are never touched.
 */

import type { CaptureFacts, DamageReason } from './facts.ts';
import type { RecordSink } from './recordsink.ts';

const YEAR_US = 366 * 86_400 * 1e6;
/** Times are counted by quarters of a year. */
const QUARTERS = 4;
const QUARTER_US = YEAR_US / QUARTERS;
/** Records that times need near them, where no check has failed. */
const FEW = 8;

/** Damage after which the reader has had to look for records. */
const FAULTS = new Set<DamageReason>([
  'bad_record_header',
  'bad_block_length',
  'block_trailer_mismatch',
  'bad_section_header',
  'corrupt_compression',
]);

/** Whether a capture has to be read again, screened: it is damaged, and its times are more than a year apart. */
export function needsScreen({ firstUs, lastUs, damage }: CaptureFacts): boolean {
  if (firstUs === null || lastUs === null || lastUs - firstUs <= YEAR_US) return false;
  return damage.some(({ reason }) => FAULTS.has(reason));
}

/** Counts the records of a capture by time, for its screen. */
export class TimeSurvey implements RecordSink {
  private readonly counts = new Map<number, number>();

  record(_b: Uint8Array, _start: number, _capLen: number, _origLen: number, us: number): void {
    const quarter = Math.floor(us / QUARTER_US);
    this.counts.set(quarter, (this.counts.get(quarter) ?? 0) + 1);
  }

  /** The screen of the capture with these facts. */
  screen({ damage }: CaptureFacts): Screen {
    const faults = damage.filter(({ reason }) => FAULTS.has(reason));
    const from = faults.reduce(
      (least, { offset, since }) => Math.min(least, since ?? offset),
      Number.POSITIVE_INFINITY,
    );
    const near = new Map([...this.counts.keys()].map((quarter) => [quarter, this.near(quarter)]));
    const most = Math.max(...near.values());
    const unchecked = faults.some(({ reason }) => reason === 'corrupt_compression');
    const needed = unchecked ? most / 2 : Math.min(FEW, most);
    return new Screen(from, new Set([...near].filter(([, count]) => count >= needed).map(([quarter]) => quarter)));
  }

  private near(quarter: number): number {
    let sum = 0;
    for (let at = quarter - QUARTERS; at <= quarter + QUARTERS; at++) sum += this.counts.get(at) ?? 0;
    return sum;
  }
}

/** Tells plausible records from others, and keeps the span of their times. */
export class Screen {
  private readonly from: number;
  private readonly quarters: ReadonlySet<number>;
  private span: Pick<CaptureFacts, 'firstUs' | 'firstNs' | 'lastUs' | 'lastNs'> | undefined;

  constructor(from: number, quarters: ReadonlySet<number>) {
    this.from = from;
    this.quarters = quarters;
  }

  plausible(us: number, ns: number, offset: number): boolean {
    if (offset >= this.from && !this.quarters.has(Math.floor(us / QUARTER_US))) return false;
    this.span ??= { firstUs: us, firstNs: ns, lastUs: us, lastNs: ns };
    const { span } = this;
    const { firstUs, firstNs, lastUs, lastNs } = span as Record<keyof typeof span, number>;
    if (us < firstUs || (us === firstUs && ns < firstNs)) {
      span.firstUs = us;
      span.firstNs = ns;
    }
    if (us > lastUs || (us === lastUs && ns > lastNs)) {
      span.lastUs = us;
      span.lastNs = ns;
    }
    return true;
  }

  /** The facts, with the times of plausible records alone. */
  within(facts: CaptureFacts): CaptureFacts {
    return { ...facts, ...this.span };
  }
}
