/**
 * The captures of a data set: those of its current job that were read. The list outlives the job's own files, so that a
 * later job keeps the sessions of captures that are gone.
 */
import type { CaptureRef } from '../../store/capturesource.ts';
import { getJson, listBytes } from '../../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../../store/objectstore.ts';
import { type CaptureList, captureList, Inputs } from '../inputs.ts';
import { FORGOTTEN } from '../notices/forgotten.ts';
import { datasetCapturesKey, datasetCapturesPrefix } from '../protocol/keys.ts';
import { readListed } from '../protocol/listparts.ts';
import type { RankedCapture } from '../tasks/maptask.ts';

/** datasets/<dataset>/captures.json */
interface DatasetCaptures {
  job: string;
  list: CaptureList;
}

/** Writes down the captures of the job that becomes the data set's current one. */
export async function keepCaptures(
  store: ObjectStore,
  dataset: string,
  job: string,
  captures: readonly RankedCapture[],
): Promise<void> {
  const prefix = datasetCapturesPrefix(dataset);
  // Nothing is known of those that could not be read: they are in a later job only if they are still there. Forgotten ones
  // stay forgotten.
  const read = captures.flatMap(({ capture, failure }): CaptureRef[] => {
    if (failure?.reason === FORGOTTEN.reason) return [{ ...refOf(capture), refused: FORGOTTEN }];
    return failure === null ? [refOf(capture)] : [];
  });
  const list = await captureList(store, `${prefix}${job}-`, read);
  await store.put(datasetCapturesKey(dataset), listBytes({ job, list } satisfies DatasetCaptures));
  const others: string[] = [];
  for await (const { key } of store.list(prefix)) if (!key.startsWith(`${prefix}${job}-`)) others.push(key);
  await store.remove(others);
}

function refOf({ name, location, size, version, requesterPays, incidental }: CaptureRef): CaptureRef {
  return {
    name,
    location,
    size,
    version,
    ...(requesterPays && { requesterPays }),
    ...(incidental && { incidental }),
  };
}

/** Captures with what was read of each, by rank. @param list key of balance's list of them */
export async function rankedCaptures(store: ObjectStore, list: string): Promise<RankedCapture[]> {
  const captures: RankedCapture[] = [];
  for await (const part of readListed<RankedCapture>(store, list)) for (const capture of part) captures.push(capture);
  return captures;
}

/** The captures of a data set, forgotten ones among them; none before its first job is committed. */
export async function datasetCaptures(store: ObjectStore, dataset: string): Promise<CaptureRef[]> {
  for (let tries = 0; ; tries++) {
    const kept = await getJson<DatasetCaptures>(store, datasetCapturesKey(dataset));
    if (kept === undefined) return [];
    try {
      return await new Inputs(store, kept.list).all();
    } catch (error) {
      // Another job has become current meanwhile.
      if (!(error instanceof StoreError && error.reason === 'missing') || tries > 0) throw error;
    }
  }
}
