/**
 * The map stage: captures to shards. Each capture is streamed once; a shard holds
 * whole captures, or a piece of one, so that its records can be put in the order
 * of captures without knowing those of other tasks.
 */
import type { Screen } from '../../capture/screen.ts';
import { type TaskContext, Unfinished } from '../../job/context.ts';
import { type Job, shardingDigest } from '../../job/jobconfig.ts';
import { faultOf, soundOrDiscarded } from '../../job/protocol/fault.ts';
import { joinedGroupPrefix, shardGroupPrefix, shardSummaryKey } from '../../job/protocol/keys.ts';
import type { StageResults } from '../../job/protocol/stageresults.ts';
import {
  type GroupPart,
  groupsIn,
  type JoinedSummary,
  type MapSpec,
  type MapSummary,
  type PlannedCapture,
} from '../../job/tasks/maptask.ts';
import { getJson, listBytes } from '../../store/jsonobject.ts';
import { specOf } from '../specs.ts';
import type { StageWork } from '../stage.ts';
import { CarefulReading } from './carefulreading.ts';
import { Mapper } from './mapper.ts';
import { ReadingAhead } from './readahead.ts';
import { releaseWorkspaces } from './workspace.ts';

const GIVEN_UP = {
  reason: 'capture_given_up',
  detail: 'every attempt that came to this capture failed or died there; flowstitch inspect shows what it holds',
};

/** Time that must be left before another group of a task that stands for several is mapped. */
const GROUP_MS = 300_000;

export const mapStage: StageWork<'map'> = { stage: 'map', run: runMap, release: releaseWorkspaces };

/** One attempt of a map task. */
async function runMap(context: TaskContext, job: Job, task: number, attempt: string): Promise<StageResults['map']> {
  const spec = await specOf<MapSpec>(context.store, job.job, 'map', task);
  const { key, summaries, reused } = await new MapTask(context, job, task, attempt).summaryOf(spec);
  return result(key, summaries, reused);
}

/** What is to be summarised: a task's captures, or those of one of its parts. */
interface Group {
  captures: readonly PlannedCapture[];
  group: string;
  parts?: readonly GroupPart[];
}

/** A summary of a group, or of several that are joined, and where it is. */
interface Summarised {
  key: string;
  summaries: MapSummary[];
  /** Whether it was there, or made of such. */
  reused: boolean;
}

class MapTask {
  private readonly context: TaskContext;
  private readonly job: Job;
  private readonly sharding: string;
  private readonly task: number;
  private readonly attempt: string;
  /** Begun when the first capture is to be read; null where reading need not be careful. */
  private careful: CarefulReading | null | undefined;
  /** Groups that this attempt has mapped. */
  private mapped = 0;

  constructor(context: TaskContext, job: Job, task: number, attempt: string) {
    this.context = context;
    this.job = job;
    this.sharding = shardingDigest(job.config);
    this.task = task;
    this.attempt = attempt;
  }

  /** @param first number of the group's first capture in the task */
  async summaryOf(group: Group, first = 0): Promise<Summarised> {
    const { context, sharding } = this;
    const { parts } = group;
    const prefix = (parts === undefined ? shardGroupPrefix : joinedGroupPrefix)(sharding, group.group);
    const shared = shardSummaryKey(prefix);
    const known = await soundOrDiscarded<MapSummary | JoinedSummary>(context.store, shared, context.onDamaged);
    if (known !== undefined) return { key: shared, summaries: groupsIn(known), reused: true };
    if (parts !== undefined) return this.join(group.captures, parts, prefix, first);
    const summary = await this.mapGroup(group.captures, prefix, first);
    return { ...(await this.write(prefix, summary, [summary])), reused: false };
  }

  /** Puts the summaries of several groups into one object. */
  private async join(
    captures: readonly PlannedCapture[],
    parts: readonly GroupPart[],
    prefix: string,
    first: number,
  ): Promise<Summarised> {
    const summaries: MapSummary[] = [];
    let reused = true;
    let from = 0;
    for (const { captures: count, ...part } of parts) {
      const own = { ...part, captures: captures.slice(from, from + count) };
      const summarised = await this.summaryOf(own, first + from);
      for (const summary of summarised.summaries) summaries.push(summary);
      reused &&= summarised.reused;
      from += count;
    }
    return { ...(await this.write(prefix, { joined: summaries }, summaries)), reused };
  }

  /** Other jobs may use a summary only if the captures were read completely. */
  private async write(
    prefix: string,
    summary: MapSummary | JoinedSummary,
    summaries: MapSummary[],
  ): Promise<Omit<Summarised, 'reused'>> {
    const { store } = this.context;
    const shared = shardSummaryKey(prefix);
    if (summaries.every(({ captures }) => captures.every(({ failure }) => failure === null))) {
      if (await store.putIfAbsent(shared, listBytes(summary))) return { key: shared, summaries };
      const first = await getJson<MapSummary | JoinedSummary>(store, shared);
      return { key: shared, summaries: first === undefined ? summaries : groupsIn(first) };
    }
    const own = `${prefix}${this.attempt}/summary.json`;
    await store.put(own, listBytes(summary));
    return { key: own, summaries };
  }

  /** Reads the captures of a group and writes their shards. @throws Unfinished where other groups have used up the time */
  private async mapGroup(captures: readonly PlannedCapture[], prefix: string, first: number): Promise<MapSummary> {
    const { context, job } = this;
    const { timeLeft = () => Number.POSITIVE_INFINITY } = context;
    // A task is sized so that one group takes a third of that.
    if (this.mapped > 0 && timeLeft() < GROUP_MS) throw new Unfinished(`${this.mapped} of its groups are mapped again`);
    this.careful ??= await CarefulReading.begin(context.store, job.job, this.task, context.receives ?? 1);
    const reading = { captures, first, careful: this.careful, prefix: prefix + this.attempt };
    try {
      const found = await readAll(context, job, reading, new Map());
      this.mapped++;
      // Damaged captures whose times are years apart are known once they were read: the task begins again with their
      // screens, and writes over what it wrote.
      return found instanceof Map ? ((await readAll(context, job, reading, found)) as MapSummary) : found;
    } catch (error) {
      // A full disk is not the fault of the capture that was being read.
      if (faultOf(error) !== null) await this.careful?.forget();
      throw error;
    }
  }
}

/** Captures that are read into the same shards. */
interface Reading {
  captures: readonly PlannedCapture[];
  /** Number of the first of them in the task. */
  first: number;
  careful: CarefulReading | null;
  /** Of the keys of what is written. */
  prefix: string;
}

/**
 * Reads all captures of a group.
 * @param screens of captures by number
 * @returns the summary; without any screens, those that are needed, if any are
 */
async function readAll(
  context: TaskContext,
  job: Job,
  { captures, first, careful, prefix }: Reading,
  screens: ReadonlyMap<number, Screen>,
): Promise<MapSummary | Map<number, Screen>> {
  // Careful reading is one capture at a time: then it is known which one was fatal.
  const source = careful === null ? new ReadingAhead(context.captures, captures) : context.captures;
  const mapper = new Mapper(context, job, `${prefix}/`, source, screens);
  for (const [number, capture] of captures.entries()) {
    if (careful?.leavesOut(first + number)) {
      await mapper.read({ ...capture, refused: GIVEN_UP });
      continue;
    }
    await careful?.before(first + number);
    context.onCapture?.(capture.name);
    await mapper.read(capture);
  }
  await careful?.before(null);
  if (mapper.missed.size === 0 || screens.size > 0) return mapper.finish();
  await mapper.abandon();
  return mapper.missed;
}

function result(key: string, summaries: readonly MapSummary[], reused: boolean): StageResults['map'] {
  let records = 0;
  let captures = 0;
  for (const summary of summaries) {
    captures += summary.captures.length;
    for (const { facts } of summary.captures) records += facts.records;
  }
  return { summary: key, captures, records, reused };
}
