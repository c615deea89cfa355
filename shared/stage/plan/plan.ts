/**
 * The plan stage: captures to map tasks. The head of each capture that is not known is read for the
 * time of its first packet; in the order of these times captures are grouped into
 * tasks of about equal bytes, so that a task's shards span little time and later
 * merges stay narrow. Groups whose shards exist already are kept as they are, many small ones in one task.
 * What is found is kept with the data set: nothing is looked at twice.
 */

import { DIGEST_WORDS } from '../../algorithm/digesttable.ts';
import type { TaskContext } from '../../job/context.ts';
import { Inputs } from '../../job/inputs.ts';
import { digestOf, type Job } from '../../job/jobconfig.ts';
import { FORGOTTEN, isForgotten } from '../../job/notices/forgotten.ts';
import { attemptPrefix, knownPrefix } from '../../job/protocol/keys.ts';
import type { StageResults } from '../../job/protocol/stageresults.ts';
import type { GroupPart, MapSpec, PlannedCapture } from '../../job/tasks/maptask.ts';
import { writeSpecs } from '../specs.ts';
import type { StageWork } from '../stage.ts';
import { inOrder, Matching, refusedGroups } from './grouping.ts';
import { contentOf, type HeadedCaptures } from './headedcaptures.ts';
import { Heads, listing } from './heads.ts';
import { leavesOf } from './joining.ts';
import { KnownUnits } from './known/knownunits.ts';

/** Captures whose tasks are made at a time: all that is known of each is in memory. */
const CAPTURES_AT_ONCE = 100_000;

export const planStage: StageWork<'plan'> = { stage: 'plan', run: runPlan };

async function runPlan(context: TaskContext, job: Job, _task: number, attempt: string): Promise<StageResults['plan']> {
  const { store } = context;
  const inputs = await Inputs.open(store, job.job);
  const known = await listing(store, knownPrefix(job.config.dataset));
  const heads = new Heads(context, job, inputs);
  await heads.read(known);
  const { captures } = heads;
  const order = inOrder(captures);
  const matching = new Matching(captures, order);
  const units = new KnownUnits(context, job);
  const tasks: Task[] = [];
  for (const { captures: numbers, group, groups, parts } of await units.find(
    known,
    matching,
    placesOf(order, captures),
  ))
    tasks.push({ captures: numbers, group, parts: parts ?? (groups.length > 1 ? leavesOf(groups) : undefined) });
  for (const group of matching.rest(job.config.sizes.taskBytes)) tasks.push({ captures: group, isNew: true });
  for (const group of refusedGroups(captures)) tasks.push({ captures: group });
  const prefix = `${attemptPrefix(job.job, 'plan', 0, attempt)}map-`;
  const specs = specsOf(tasks, inputs, heads, (task, group) => {
    if (task.isNew) units.planned(group, contentsOf(captures, task.captures));
  });
  const list = await writeSpecs(store, job.job, 'map', specs, prefix);
  await units.write();
  return { captures: captures.length, bytes: heads.bytes, tasks: list.tasks, specs: prefix };
}

/** A map task before its captures are written out. */
interface Task {
  /** Numbers of its captures. */
  captures: Uint32Array;
  /** Name of a known group. */
  group?: string;
  parts?: GroupPart[];
  /** Whether its shards will be of use to later jobs. */
  isNew?: boolean;
}

/** Digest that names the shards of a list of captures. */
export function groupDigest(captures: readonly PlannedCapture[]): string {
  // The shards of one that is forgotten are still there when the job begins, and must not be found.
  return digestOf(captures.map((capture) => contentOf(capture) + (isForgotten(capture) ? `/${FORGOTTEN.reason}` : '')));
}

/** Of each capture its place in an order. */
function placesOf(order: Uint32Array, { length }: HeadedCaptures): Uint32Array {
  const places = new Uint32Array(length);
  for (const [place, capture] of order.entries()) places[capture] = place;
  return places;
}

function contentsOf(captures: HeadedCaptures, numbers: Uint32Array): Uint32Array {
  const contents = new Uint32Array(DIGEST_WORDS * numbers.length);
  for (const [at, number] of numbers.entries())
    contents.set(captures.contents.subarray(DIGEST_WORDS * number, DIGEST_WORDS * (number + 1)), DIGEST_WORDS * at);
  return contents;
}

/**
 * The specifications of tasks. A job's captures are read once more, part by part, for as many tasks at a time as memory
 * holds: parts without a capture of these are not read.
 * @param onSpec called with each task and the name of its group
 */
async function* specsOf(
  tasks: readonly Task[],
  inputs: Inputs,
  heads: Heads,
  onSpec: (task: Task, group: string) => void,
): AsyncGenerator<MapSpec> {
  for (let from = 0, to = 0; from < tasks.length; from = to) {
    let count = 0;
    for (to = from; to < tasks.length && (to === from || count + tasks[to].captures.length <= CAPTURES_AT_ONCE); to++)
      count += tasks[to].captures.length;
    const lists = await plannedCaptures(tasks.slice(from, to), inputs, heads);
    for (const [at, captures] of lists.entries()) {
      const task = tasks[from + at];
      const { group = groupDigest(captures), parts } = task;
      onSpec(task, group);
      yield { captures, group, ...(parts !== undefined && { parts }) };
    }
  }
}

/** The captures of each of some tasks. */
async function plannedCaptures(tasks: readonly Task[], inputs: Inputs, heads: Heads): Promise<PlannedCapture[][]> {
  const lists = tasks.map(({ captures }) => new Array<PlannedCapture>(captures.length));
  /** Numbers of captures, and where they go: task and place in it. */
  const wanted = new Float64Array(tasks.reduce((sum, { captures }) => sum + captures.length, 0));
  let count = 0;
  const places = new Map<number, [number, number]>();
  for (const [task, { captures }] of tasks.entries())
    for (const [place, number] of captures.entries()) {
      wanted[count++] = number;
      places.set(number, [task, place]);
    }
  wanted.sort();
  let next = 0;
  let first = 0;
  for (let part = 0; part < inputs.parts && next < wanted.length; part++) {
    const end = first + inputs.partLength(part);
    if (wanted[next] < end) {
      const refs = await inputs.part(part);
      for (; next < wanted.length && wanted[next] < end; next++) {
        const number = wanted[next];
        const [task, place] = places.get(number)!;
        const refused = heads.refused.get(number);
        const planned = heads.captures.planned(number, refs[number - first]);
        lists[task][place] = refused === undefined ? planned : { ...planned, refused };
      }
    }
    first = end;
  }
  return lists;
}
