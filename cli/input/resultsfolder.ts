/** The folder of results that a command works on: of those that manage what runs on this machine have left. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { WORK_FOLDER } from '../../shared/job/protocol/keys.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { UsageError } from '../usage/usage.ts';

/** Its absolute path. @throws UsageError when none was given, or there is none */
export async function resultsFolder(command: string, { data }: { data?: string }): Promise<string> {
  if (!data) throw new UsageError(`${command}: no results given: name their folder with --data`);
  if ((await stat(data).catch(() => undefined))?.isDirectory() !== true)
    throw new UsageError(`there is no folder ${data}`);
  return resolve(data);
}

/** The stores in such a folder: of the jobs' own files, and of the tables. */
export function stores(out: string): { store: DirectoryStore; results: DirectoryStore } {
  return { store: new DirectoryStore(join(out, WORK_FOLDER)), results: new DirectoryStore(out) };
}
