/**
 * The plan stage: captures to map tasks. The head of each capture is read for the
 * time of its first packet; in the order of these times captures are grouped into
 * tasks of about equal bytes, so that a task's shards span little time and later
 * merges stay narrow. Groups whose shards exist already are kept as they are.
 */

import { createHash } from 'node:crypto';
import type { CompressionBounds } from '../../capture/compression/bounds.ts';
import { readHead } from '../../capture/read.ts';
import { type TaskContext, Unfinished } from '../../job/context.ts';
import { soundOrDiscarded } from '../../job/fault.ts';
import { allInputs } from '../../job/inputs.ts';
import { digestOf, type Job, shardingDigest } from '../../job/jobconfig.ts';
import { attemptPrefix, headsKey, shardGroupPrefix } from '../../job/keys.ts';
import type { MapSpec, MapSummary, PlannedCapture } from '../../job/maptask.ts';
import { compareStored } from '../../job/rank.ts';
import type { StageResults } from '../../job/stageresults.ts';
import type { CaptureRef, CaptureSource } from '../../store/capturesource.ts';
import { inParallel, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import { StoreError } from '../../store/objectstore.ts';
import { writeSpecs } from '../specs.ts';
import type { StageWork } from '../stage.ts';

/** Heads read at a time: slow disks and object stores answer many as quickly as one. */
const PARALLEL_HEADS = 32;
/** Captures whose heads are stored together: read in some seconds. */
export const HEADS_PART = 4000;
/** Time that must be left for a part of the heads, and for writing the manifest. */
const PART_MS = 60_000;
/** Attempts after which heads are not read: one of them may be what kills the plan task. */
const TRIES_WITH_HEADS = 3;
/** Stored bytes of a head. */
export const CAPTURE_HEAD_BYTES = 65_536;
/** Estimated ratio of a compressed capture. */
const COMPRESSION = 4;
/** Days before their expiry in which shards are no longer used: longer than any job. */
const SPARE_DAYS = 3;
const DAY_MS = 86_400_000;
/** Most captures of one map task. */
const MOST_CAPTURES = 1000;

export const planStage: StageWork<'plan'> = { stage: 'plan', run: runPlan };

async function runPlan(context: TaskContext, job: Job, _task: number, attempt: string): Promise<StageResults['plan']> {
  const { store } = context;
  const inputs = await allInputs(store, job.job);
  const bytes = inputs.reduce((sum, capture) => sum + capture.size, 0);
  const captures = await allHeads(context, job, inputs);
  const known = await knownGroups(context, shardingDigest(job.config));
  const tasks = planTasks(captures, known, job.config.sizes.taskBytes);
  const prefix = `${attemptPrefix(job.job, 'plan', 0, attempt)}map-`;
  const list = await writeSpecs(store, job.job, 'map', tasks, prefix);
  return { captures: inputs.length, bytes, tasks: list.tasks, specs: prefix };
}

interface HeadedCapture extends PlannedCapture {
  /** Estimated uncompressed bytes. */
  reckoned: number;
}

/** Heads of all inputs, part by part where there are many: what has been read is kept if the time runs out. */
async function allHeads(context: TaskContext, job: Job, inputs: readonly CaptureRef[]): Promise<HeadedCapture[]> {
  const { store, receives = 1, timeLeft = () => Number.POSITIVE_INFINITY } = context;
  const { compression, sizes } = job.config;
  const mostBytes = sizes.captureBytes ?? Number.POSITIVE_INFINITY;
  const read = (some: readonly CaptureRef[]): Promise<HeadedCapture[]> =>
    readHeads(context.captures, some, receives > TRIES_WITH_HEADS, mostBytes, compression);
  if (inputs.length <= HEADS_PART) return read(inputs);
  const captures: HeadedCapture[] = [];
  for (let from = 0; from < inputs.length; from += HEADS_PART) {
    const key = headsKey(job.job, from / HEADS_PART);
    let part = await getJson<HeadedCapture[]>(store, key);
    if (part === undefined) {
      if (timeLeft() < PART_MS) throw new Unfinished(`heads of ${from} of ${inputs.length} captures are read`);
      part = await read(inputs.slice(from, from + HEADS_PART));
      await store.putIfAbsent(key, jsonBytes(part));
    }
    for (const capture of part) captures.push(capture);
  }
  return captures;
}

async function readHeads(
  source: CaptureSource,
  inputs: readonly CaptureRef[],
  blind: boolean,
  mostBytes: number,
  bounds: CompressionBounds | undefined,
): Promise<HeadedCapture[]> {
  return inParallel(inputs, PARALLEL_HEADS, async (capture) => {
    const headless = { ...capture, headUs: null, headDigest: '', reckoned: capture.size };
    return blind || capture.refused ? headless : readOneHead(source, capture, headless, mostBytes, bounds);
  });
}

/**
 * The head decides order and grouping only: a capture whose head cannot be read is still mapped, and reported there.
 * One that cannot be read at all, or not within a task's time limit, is refused here.
 */
async function readOneHead(
  source: CaptureSource,
  capture: CaptureRef,
  headless: HeadedCapture,
  mostBytes: number,
  bounds: CompressionBounds | undefined,
): Promise<HeadedCapture> {
  try {
    // Complete before it is parsed: the digest must not depend on the chunks in which the bytes arrived.
    const stored: Uint8Array[] = [];
    for await (const chunk of source.stream(capture, CAPTURE_HEAD_BYTES)) stored.push(chunk.slice());
    const { compression, firstUs } = await readHead(inPieces(stored), CAPTURE_HEAD_BYTES, { bounds });
    const reckoned = capture.size * (compression === 'none' ? 1 : COMPRESSION);
    const headDigest = createHash('sha256').update(Buffer.concat(stored)).digest('hex').slice(0, 16);
    const headed = { ...capture, headUs: firstUs, headDigest, reckoned };
    return reckoned > mostBytes ? { ...headed, refused: tooLarge(capture.size, compression, mostBytes) } : headed;
  } catch (error) {
    if (!(error instanceof StoreError && error.reason === 'refused')) return headless;
    return { ...headless, refused: { reason: 'capture_refused', detail: error.message } };
  }
}

async function* inPieces(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* chunks;
}

function tooLarge(size: number, compression: string, mostBytes: number): CaptureRef['refused'] {
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const most = compression === 'none' ? mostBytes : mostBytes / COMPRESSION;
  const remedy = `cut it with 'editcap -c 10000000' or 'tcpdump -r FILE -w OUT -C 1000'`;
  return {
    reason: 'capture_too_large',
    detail: `${gib(size)} (compression: ${compression}) take longer than one task may; at most ${gib(most)}: ${remedy} and upload the pieces`,
  };
}

/** Identifies a capture's content for the reuse of shards, independent of its name. */
function contentOf(capture: PlannedCapture): string {
  return `${capture.version}/${capture.headDigest}`;
}

/** Digest that names the shards of a list of captures. */
export function groupDigest(captures: readonly PlannedCapture[]): string {
  return digestOf(captures.map(contentOf));
}

/**
 * Contents of the groups that have shards, in order of their keys. Where shards expire, groups that are
 * about to are not used: a group must not lose some of its objects while a job reads them.
 */
async function knownGroups({ store, shardDays }: TaskContext, sharding: string): Promise<string[][]> {
  const prefix = shardGroupPrefix(sharding, '').slice(0, -1);
  const keys: string[] = [];
  const stale: string[] = [];
  const oldest = shardDays === undefined ? Number.NEGATIVE_INFINITY : Date.now() - (shardDays - SPARE_DAYS) * DAY_MS;
  for await (const { key, modified = Number.POSITIVE_INFINITY } of store.list(prefix)) {
    if (!key.endsWith('/summary.json') || key.slice(prefix.length).split('/').length !== 2) continue;
    (modified < oldest ? stale : keys).push(key);
  }
  await store.remove(stale);
  const groups = await inParallel(keys, REQUESTS_AT_ONCE, async (key) => {
    const summary = await soundOrDiscarded<MapSummary>(store, key);
    return summary?.captures.map(({ capture }) => contentOf(capture)) ?? [];
  });
  return groups.filter((group) => group.length > 0);
}

/**
 * Captures to map tasks: complete known groups come first, unchanged, the rest in order of time.
 * @param taskBytes estimated bytes per task
 */
export function planTasks(
  captures: readonly (PlannedCapture & { reckoned: number })[],
  known: readonly string[][],
  taskBytes: number,
): MapSpec[] {
  const ordered = captures
    .filter(({ refused }) => refused === undefined)
    .sort(
      (a, b) => (a.headUs ?? Number.POSITIVE_INFINITY) - (b.headUs ?? Number.POSITIVE_INFINITY) || compareStored(a, b),
    );
  const left = new Map<string, (PlannedCapture & { reckoned: number })[]>();
  for (const capture of ordered) {
    const same = left.get(contentOf(capture));
    if (same === undefined) left.set(contentOf(capture), [capture]);
    else same.push(capture);
  }
  const tasks: MapSpec[] = [];
  const add = (group: readonly (PlannedCapture & { reckoned: number })[]): void => {
    const specs = group.map(({ reckoned: _, ...capture }) => capture);
    tasks.push({ captures: specs, group: groupDigest(specs) });
  };
  const taken = new Set<PlannedCapture>();
  for (const contents of known) {
    const group = takeGroup(left, contents);
    if (group === null) continue;
    for (const capture of group) taken.add(capture);
    add(group);
  }
  let group: (PlannedCapture & { reckoned: number })[] = [];
  let bytes = 0;
  for (const capture of ordered) {
    if (taken.has(capture)) continue;
    if (group.length > 0 && (bytes + capture.reckoned > taskBytes || group.length === MOST_CAPTURES)) {
      add(group);
      group = [];
      bytes = 0;
    }
    group.push(capture);
    bytes += capture.reckoned;
  }
  if (group.length > 0) add(group);
  // Refused captures have tasks of their own, so that they do not prevent the reuse of others' shards.
  const refused = captures.filter((capture) => capture.refused !== undefined);
  for (let from = 0; from < refused.length; from += MOST_CAPTURES) add(refused.slice(from, from + MOST_CAPTURES));
  return tasks;
}

/** Takes one capture for each content out of `left`; null, and nothing taken, when one is missing or out of order. */
function takeGroup<T extends PlannedCapture>(left: Map<string, T[]>, contents: readonly string[]): T[] | null {
  const group: T[] = [];
  for (const [at, content] of contents.entries()) {
    const capture = left.get(content)?.shift();
    if (capture === undefined) {
      for (let back = at - 1; back >= 0; back--) left.get(contents[back])?.unshift(group[back]);
      return null;
    }
    group.push(capture);
  }
  if (inOrderOfNames(group)) return group;
  for (let back = contents.length - 1; back >= 0; back--) left.get(contents[back])?.unshift(group[back]);
  return null;
}

/**
 * Whether captures of a group that differ only in their names are in the order of their names. Shards have the rows of
 * captures with equal records in the order of the group: if the names were swapped since, other shards are needed.
 */
function inOrderOfNames(group: readonly PlannedCapture[]): boolean {
  const newest = new Map<string, PlannedCapture>();
  for (const capture of group) {
    const alike = `${capture.headDigest}/${capture.size}`;
    const before = newest.get(alike);
    if (before !== undefined && before.name > capture.name) return false;
    newest.set(alike, capture);
  }
  return true;
}
