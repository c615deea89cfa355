/** The intervals of a job: those that an earlier job of the data set has made, and those to be made. */
import type { TaskContext } from '../../job/context.ts';
import { type Job, lineOf } from '../../job/jobconfig.ts';
import { soundOrDiscarded } from '../../job/protocol/fault.ts';
import { chainKey, intervalEndKey } from '../../job/protocol/keys.ts';
import type { Carried, Chain, Interval, IntervalEnd, IntervalsPlan, MadeInterval } from '../../job/tasks/interval.ts';
import type { RankedCapture } from '../../job/tasks/maptask.ts';
import { inParallel, numbersTo, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import { getJson } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { ChainIds } from './chain.ts';
import { type CutShard, cutIntervals } from './cut.ts';
import { firstLost, joinDays } from './joindays.ts';

/** Where the job begins. */
export interface PlannedIntervals {
  plan: IntervalsPlan;
  /** Sessions that are open where the first interval to be made begins. */
  carried: Carried[];
}

/** Times that a beginning is looked for. Carries expire, the oldest first: if none of these has one, none before has. */
const MOST_LOOKS = 8;

/**
 * @param captures by rank
 * @param shards of map tasks, in order of their first time: by them the intervals are cut
 * @param endUs time of the last packet, -1 when there is none
 * @param freshUs time of the first packet of what this job has mapped itself
 */
export async function planIntervals(
  context: TaskContext,
  job: Job,
  captures: readonly RankedCapture[],
  shards: readonly CutShard[],
  endUs: number,
  freshUs: number,
): Promise<PlannedIntervals> {
  const { store } = context;
  const { config } = job;
  const key = chainKey(config.dataset, lineOf(config));
  const chain = (await soundOrDiscarded<Chain>(store, key, context.onDamaged)) ?? { intervals: [] };
  const ids = new ChainIds(config, captures);
  // An interval that ends behind this job's last packet has ended sessions that are still open here.
  const within = chain.intervals.findIndex(({ toUs }) => toUs > endUs + 1);
  let made = chain.intervals.slice(0, Math.min(ids.common(chain), within < 0 ? chain.intervals.length : within));
  let carried: Carried[] = [];
  for (let looks = 0; made.length > 0; looks++) {
    const open = looks === MOST_LOOKS ? null : await carryOf(store, made[made.length - 1]);
    const usable = looks === MOST_LOOKS ? 0 : open === null ? made.length - 1 : await firstLost(store, made);
    if (open !== null && usable === made.length) {
      carried = open;
      break;
    }
    made = made.slice(0, usable);
  }
  made = await joinDays(store, made, config);
  const borders = chain.intervals.map(({ toUs }) => toUs);
  // Where captures overlap, or one has a clock that is ahead, the last interval is made again by every job: what is new
  // begins one of its own, so that the next job need not make again what was there before.
  if (chain.intervals.length > 0) borders.push(freshUs);
  borders.sort((a, b) => a - b);
  const size = { rows: config.sizes.intervalRows, shards: config.sizes.intervalShards };
  const ends = cutIntervals(shards, made.at(-1)?.toUs ?? 0, endUs, size, borders);
  const rest: Interval[] = ids.continued(made, ends);
  return { plan: { made, rest }, carried };
}

/** The sessions that are open at the end of an interval; null when they are no longer there. */
async function carryOf(store: ObjectStore, { job, number, partitions }: MadeInterval): Promise<Carried[] | null> {
  const ends = await inParallel(numbersTo(partitions), REQUESTS_AT_ONCE, (task) =>
    getJson<IntervalEnd>(store, intervalEndKey(job, task, number)),
  );
  const places: Carried[] = [];
  for (const end of ends) {
    if (end === undefined) return null;
    if (end.carry !== null) places.push(end.carry);
  }
  return places;
}
