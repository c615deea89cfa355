/**
 * Files, folders and globs to captures. Folders are walked to their bottom; what
 * is hidden (a name that begins with a dot) and the folder of results are passed
 * over. Every other file counts as a capture: what it is, its bytes tell.
 */
import { glob, readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type CaptureRef, fileVersion } from '../shared/store/capturesource.ts';
import { UsageError } from './usage.ts';

/**
 * Captures in the order of their names, each file once.
 * @param out folder of the results, never read as input
 * @throws UsageError when an argument names nothing
 */
export async function findCaptures(args: readonly string[], out: string): Promise<CaptureRef[]> {
  const found = new Map<string, CaptureRef>();
  const outside = resolve(out);
  const add = async (name: string): Promise<void> => {
    const location = await realpath(resolve(name));
    if (found.has(location)) return;
    const at = await fileVersion(location);
    if (at !== undefined) found.set(location, { name, location, ...at });
  };
  const walk = async (folder: string): Promise<void> => {
    if (resolve(folder) === outside) return;
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) await add(path);
      // A link to a file counts; a link to a folder could lead in a circle.
      else if (entry.isSymbolicLink() && (await stat(path).catch(() => undefined))?.isFile()) await add(path);
    }
  };
  for (const arg of args) {
    const at = await stat(arg).catch(() => undefined);
    if (at?.isDirectory()) await walk(arg);
    else if (at !== undefined) await add(arg);
    else {
      let matches = 0;
      if (/[*?[{]/.test(arg))
        for await (const path of glob(arg)) {
          matches++;
          const match = await stat(path);
          if (match.isDirectory()) await walk(path);
          else await add(path);
        }
      if (matches === 0) throw new UsageError(`no file, folder or glob '${arg}': nothing there`);
    }
  }
  if (found.size === 0) throw new UsageError(`no captures found in ${args.join(' ')}`);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
