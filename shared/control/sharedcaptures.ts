/** Captures that several data sets have: their sessions are counted by each. */
import { datasetCaptures } from '../job/dataset/datasetcaptures.ts';
import { isForgotten } from '../job/notices/forgotten.ts';
import { DATASETS_PREFIX, datasetCapturesKey } from '../job/protocol/keys.ts';
import type { CaptureRef } from '../store/capturesource.ts';
import type { ObjectStore } from '../store/objectstore.ts';

/** Another data set, and how many of the captures are in its current results. */
export interface SharedCaptures {
  dataset: string;
  captures: number;
}

/** The other data sets that have some of these captures, by location, in order of their names. */
export async function sharedCaptures(
  store: ObjectStore,
  dataset: string,
  captures: readonly CaptureRef[],
): Promise<SharedCaptures[]> {
  const locations = new Set(captures.map(({ location }) => location));
  const shared: SharedCaptures[] = [];
  for (const other of await datasetsOf(store)) {
    if (other === dataset) continue;
    const both = (await datasetCaptures(store, other)).filter(
      (capture) => locations.has(capture.location) && !isForgotten(capture),
    ).length;
    if (both > 0) shared.push({ dataset: other, captures: both });
  }
  return shared;
}

/** The data sets that have a committed job. */
async function datasetsOf(store: ObjectStore): Promise<string[]> {
  const datasets: string[] = [];
  for await (const { key } of store.list(DATASETS_PREFIX)) {
    const dataset = key.split('/')[1];
    if (key === datasetCapturesKey(dataset)) datasets.push(dataset);
  }
  return datasets;
}
