/**
 * Chain ids: which intervals of a job have been made before, by whatever job.
 *
 * The id of an interval is a digest of all that its rows depend on: the id of the interval before it, its bounds, the
 * configuration and the revisions of the rules, and the captures that reach into it, by name and by what was read of
 * them. It does not depend on how captures are grouped into map tasks, on shards, buckets' partitions, or on when they came.
 */

import { digestOf, intervalsDigest, type JobConfig } from '../../job/jobconfig.ts';
import type { Chain, Interval, MadeInterval } from '../../job/tasks/interval.ts';
import type { RankedCapture } from '../../job/tasks/maptask.ts';

/** A capture whose packets are used, as chain ids know it. */
interface Reaching {
  firstUs: number;
  lastUs: number;
  identity: readonly unknown[];
}

/** Makes the chain ids of one job's intervals. */
export class ChainIds {
  private readonly line: string;
  /** In order of first time. */
  private readonly captures: readonly Reaching[];
  /** Latest time of the captures up to each. */
  private readonly latest: Float64Array;

  /** @param captures by rank, hence in order of first time */
  constructor(config: JobConfig, captures: readonly RankedCapture[]) {
    this.line = intervalsDigest(config);
    this.captures = captures.flatMap(({ capture, facts, fates, digest, copyOf }) => {
      const { firstUs, lastUs } = facts;
      if (copyOf !== null || firstUs === null || lastUs === null) return [];
      return [{ firstUs, lastUs, identity: [capture.name, capture.version, digest, fates] }];
    });
    this.latest = new Float64Array(this.captures.length);
    for (let i = 0, us = Number.NEGATIVE_INFINITY; i < this.captures.length; i++)
      this.latest[i] = us = Math.max(us, this.captures[i].lastUs);
  }

  /** The id of [fromUs, toUs) behind the interval `before`, null for the first. */
  after(before: string | null, fromUs: number, toUs: number): string {
    const { captures, latest } = this;
    let low = 0;
    for (let high = captures.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (latest[middle] < fromUs) low = middle + 1;
      else high = middle;
    }
    const reaching: (readonly unknown[])[] = [];
    for (let i = low; i < captures.length && captures[i].firstUs < toUs; i++)
      if (captures[i].lastUs >= fromUs) reaching.push(captures[i].identity);
    return digestOf({ before: before ?? this.line, fromUs, toUs, reaching });
  }

  /** How many intervals of a chain, from its beginning, this job has too. */
  common({ intervals }: Chain): number {
    let before: string | null = null;
    for (const [number, { chain, fromUs, toUs }] of intervals.entries()) {
      if (this.after(before, fromUs, toUs) !== chain) return number;
      before = chain;
    }
    return intervals.length;
  }

  /** The intervals of the ends `ends` behind those that have been made. */
  continued(made: readonly MadeInterval[], ends: readonly number[]): Interval[] {
    const intervals: Interval[] = [];
    let { chain: before, toUs: fromUs }: { chain: string | null; toUs: number } = made.at(-1) ?? {
      chain: null,
      toUs: 0,
    };
    for (const toUs of ends) {
      const chain = this.after(before, fromUs, toUs);
      intervals.push({ chain, fromUs, toUs });
      before = chain;
      fromUs = toUs;
    }
    return intervals;
  }
}
