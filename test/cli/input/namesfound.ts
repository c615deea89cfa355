/** Folders of files that may be captures, and what is found there. */
import { join, relative } from 'node:path';
import type { TestContext } from 'node:test';
import { findCaptures } from '../../../cli/input/findcaptures.ts';
import { scratchFolder, writeFiles } from '../harness.ts';

/** Names found, relative to the folder. */
export async function names(folder: string, args: readonly string[], out = 'out'): Promise<string[]> {
  const captures = await findCaptures(
    args.map((arg) => (arg === '.' ? folder : `${folder}/${arg}`)),
    join(folder, out),
  );
  return captures.map(({ name }) => relative(folder, name));
}

export function folderWith(t: TestContext, ...files: string[]): string {
  const folder = scratchFolder(t);
  // Not text, which would plainly be no capture.
  writeFiles(folder, Object.fromEntries(files.map((name) => [name, '\0'])));
  return folder;
}
