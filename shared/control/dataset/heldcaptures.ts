/** The captures that a data set holds, those of its newest results, and what another list of captures makes of them. */
import type { CurrentJob } from '../../job/dataset/currentjob.ts';
import { rankedCaptures } from '../../job/dataset/datasetcaptures.ts';
import { allInputs } from '../../job/inputs.ts';
import { isForgotten } from '../../job/notices/forgotten.ts';
import { currentKey, DATASETS_PREFIX } from '../../job/protocol/keys.ts';
import { stageResult } from '../../job/protocol/taskends.ts';
import type { RankedCapture } from '../../job/tasks/maptask.ts';
import type { CaptureRef } from '../../store/capturesource.ts';
import { getJson } from '../../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../../store/objectstore.ts';

/** What a data set holds. */
export interface HeldCaptures {
  /** The job whose results are the newest. */
  job: string;
  /** Null when the list of them is gone or damaged. */
  captures: readonly CaptureRef[] | null;
}

/** @returns undefined when the data set has no results */
export async function heldCaptures(
  store: ObjectStore,
  results: ObjectStore,
  dataset: string,
): Promise<HeldCaptures | undefined> {
  const current = await getJson<CurrentJob>(results, currentKey(dataset));
  if (current === undefined) return undefined;
  const { job } = current;
  try {
    return { job, captures: await allInputs(store, job) };
  } catch (error) {
    if (error instanceof StoreError && (error.reason === 'missing' || error.reason === 'damaged'))
      return { job, captures: null };
    throw error;
  }
}

/** The captures of a committed job with what was read of each, by rank. */
export async function capturesRead(store: ObjectStore, job: string): Promise<RankedCapture[]> {
  return rankedCaptures(store, (await stageResult(store, job, 'balance', 'commit')).captures);
}

/** Names of the data sets that have results, in order. */
export async function datasetsWithResults(results: ObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of results.list(DATASETS_PREFIX)) {
    const [, name] = key.split('/');
    if (key === currentKey(name)) names.push(name);
  }
  return names;
}

/**
 * The captures that a data set holds together with others. One that it holds already, by its place, keeps its name and is
 * as it is now; one that has the name of another one takes its place.
 * @throws Error when it is not known which captures the data set holds
 */
export function addedTo(held: HeldCaptures | undefined, more: readonly CaptureRef[]): CaptureRef[] {
  if (held === undefined) return [...more];
  if (held.captures === null)
    throw new Error(
      `the list of captures of job ${held.job} is gone, so none can be added to it: name all captures that the data set is to hold`,
    );
  const byName = new Map<string, CaptureRef>();
  // They are not looked for: a job that finds neither them nor their shards must not lose their sessions.
  for (const capture of held.captures) byName.set(capture.name, capture.refused ? capture : { ...capture, kept: true });
  const names = new Map(held.captures.map(({ location, name }) => [location, name]));
  // One of those that are added now must not take the place of another one of them.
  const given = new Set(more.flatMap(({ location }) => names.get(location) ?? []));
  for (const capture of more) {
    const heldName = names.get(capture.location);
    const name = heldName ?? (given.has(capture.name) ? capture.location : capture.name);
    const before = byName.get(name);
    // Whoever adds a folder again does not mean what has been forgotten of it.
    if (before !== undefined && isForgotten(before) && before.version === capture.version) continue;
    byName.set(name, { ...capture, name });
  }
  return [...byName.values()];
}

/** What a job does to the captures that its data set holds. */
export interface Replacement {
  /** How many it holds. */
  held: number;
  /** How many of these the job has too, by their names, maybe in a newer version. */
  kept: number;
  /** Names of those that hold something else at the same place now, and were not being written when they were read. */
  changed: string[];
  /** Those whose name the job has for a file elsewhere. */
  elsewhere: { name: string; was: string; is: string }[];
}

export function replacementOf(held: readonly CaptureRef[], captures: readonly CaptureRef[]): Replacement {
  const now = new Map(captures.map((capture) => [capture.name, capture]));
  const places = new Map(captures.map((capture) => [capture.location, capture]));
  let kept = 0;
  const changed: string[] = [];
  const elsewhere: Replacement['elsewhere'] = [];
  for (const { name, location, version, recent } of held) {
    const same = now.get(name);
    const there = places.get(location);
    if (there !== undefined) {
      kept++;
      if (there.version !== version && recent !== true) changed.push(name);
    } else if (same !== undefined) elsewhere.push({ name, was: location, is: same.location });
  }
  return { held: held.length, kept, changed, elsewhere };
}
