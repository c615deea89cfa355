/**
 * What a job of a growing data set is over: the captures that were listed, and those that the data set has and that are
 * gone from there. Sessions are mostly kept for longer than captures.
 */
import { datasetCaptures } from '../job/dataset/datasetcaptures.ts';
import { allInputs } from '../job/inputs.ts';
import { isForgotten } from '../job/notices/forgotten.ts';
import type { CaptureRef } from '../store/capturesource.ts';
import { type ObjectStore, StoreError } from '../store/objectstore.ts';
import { turnsOf } from './turns.ts';

/** The captures of a data set's next job. */
export interface Grown {
  captures: CaptureRef[];
  /** How many of them the data set keeps although they were not listed, or cannot be read any more. */
  kept: number;
}

/**
 * The listed captures and those of the data set that are gone. A listed one takes the place of an earlier version; of one
 * that has been archived since it was read, the data set's is used.
 */
export async function grown(store: ObjectStore, dataset: string, listed: readonly CaptureRef[]): Promise<Grown> {
  const has = new Map((await nextCaptures(store, dataset)).map((capture) => [capture.name, capture]));
  let kept = 0;
  const keep = ({ recent: _, ...capture }: CaptureRef): CaptureRef => {
    kept++;
    return { ...capture, kept: true };
  };
  const captures = listed.map((capture) => {
    const known = has.get(capture.name);
    has.delete(capture.name);
    // What has been forgotten stays so, unless something else was uploaded under its name.
    if (known !== undefined && isForgotten(known)) return known.version === capture.version ? known : capture;
    return capture.refused && known?.version === capture.version ? keep(known) : capture;
  });
  for (const gone of has.values()) captures.push(isForgotten(gone) ? gone : keep(gone));
  return { captures, kept };
}

/** The captures that the data set will have once all its jobs are done, those that cannot be read left out. */
async function nextCaptures(store: ObjectStore, dataset: string): Promise<CaptureRef[]> {
  const { running, waiting } = await turnsOf(store, dataset);
  const last = waiting.at(-1) ?? running;
  if (last !== null)
    try {
      return (await allInputs(store, last)).filter((capture) => !capture.refused || isForgotten(capture));
    } catch (error) {
      // Its files have expired.
      if (!(error instanceof StoreError && error.reason === 'missing')) throw error;
    }
  return datasetCaptures(store, dataset);
}
