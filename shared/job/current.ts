/** Which job's results a data set shows: the one object that readers begin with. */
import { jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { currentKey } from './keys.ts';
import type { JobSummary } from './summary.ts';

/** datasets/<dataset>/current.json: the data set's newest results. */
export interface CurrentJob {
  job: string;
  files: JobSummary['files'];
}

/** Makes a committed job's results the ones that readers see, in one write. */
export async function makeCurrent(results: ObjectStore, { job, dataset, files }: JobSummary): Promise<void> {
  await results.put(currentKey(dataset), jsonBytes({ job, files } satisfies CurrentJob));
}
