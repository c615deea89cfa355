/** The folders of results on one machine, and cleaning them. */
import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Cleaning, clean, type Keeping, planCleaning } from '../control/dataset/clean.ts';
import { JOBS_PREFIX, SHARDS_PREFIX, WORK_FOLDER } from '../job/protocol/keys.ts';
import { DirectoryStore } from '../store/directorystore.ts';
import { systemCode } from '../store/systemerror.ts';
import { TABLE_NAMES } from '../table/tables.ts';
import { type Folders, withoutRuns } from './runplace.ts';

/** The folders that runs into a folder of results use. @param out absolute */
export function foldersOf(out: string): Folders {
  return { out, work: join(out, WORK_FOLDER), written: [WORK_FOLDER, 'datasets', ...TABLE_NAMES] };
}

/**
 * Removes what no current results in a folder need.
 * @param out absolute; there must be such a folder
 * @param dry tell only
 * @returns what was removed, or would be
 * @throws Error when a run is at work there; when it is not known what the results need
 */
export function cleanFolder(out: string, keeping: Keeping, dry: boolean): Promise<Cleaning> {
  const folders = foldersOf(out);
  return withoutRuns(folders, async () => {
    const store = new DirectoryStore(folders.work);
    const results = new DirectoryStore(out);
    const cleaning = await planCleaning(store, results, keeping);
    if (dry) return cleaning;
    await clean(store, results, cleaning);
    for (const folder of [JOBS_PREFIX, SHARDS_PREFIX]) removeEmpty(join(folders.work, folder));
    for (const table of TABLE_NAMES) removeEmpty(join(out, table));
    return cleaning;
  });
}

/** Removes a folder if nothing is in it but such folders. */
function removeEmpty(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) removeEmpty(join(folder, entry.name));
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error;
  }
}
