/** Which job's results a data set shows: the one object that readers start from. */
import { eachInParallel, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import { jsonBytes } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { currentKey } from '../protocol/keys.ts';
import type { JobSummary } from '../summary.ts';

/** datasets/<dataset>/current.json: the data set's newest results. */
export interface CurrentJob {
  job: string;
  files: JobSummary['files'];
  /** Bytes of each of them, by key; missing in results of the first version. */
  fileBytes?: JobSummary['fileBytes'];
}

/** Makes a committed job's results visible to readers, in one write. */
export async function makeCurrent(results: ObjectStore, { job, dataset, files, fileBytes }: JobSummary): Promise<void> {
  await results.put(currentKey(dataset), jsonBytes({ job, files, fileBytes } satisfies CurrentJob));
}

/** The first of the tables' files that is missing or has another size. Their contents are not read. */
export async function wrongFile(
  results: ObjectStore,
  fileBytes: JobSummary['fileBytes'],
): Promise<{ key: string; written: number; found: number | undefined } | undefined> {
  const looks = eachInParallel(Object.entries(fileBytes), REQUESTS_AT_ONCE, async ([key, written]) => {
    return { key, written, found: (await results.head(key))?.size };
  });
  for await (const look of looks) if (look.found !== look.written) return look;
  return undefined;
}
