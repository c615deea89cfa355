/** Packs a folder into a ZIP archive, as Lambda takes a function's code. */
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

/** The earliest date there is, and no time zone: the same files make the same archive. */
const UNDATED = { mtime: new Date(1980, 0, 1), forceDosTimestamp: true };

/** A ZIP archive of all files below a folder, links followed. */
export async function zipFolder(root: string): Promise<Buffer> {
  const found = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = found.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  const zip = new ZipFile();
  const output = zip.outputStream as PassThrough;
  zip.once('error', (error) => output.destroy(error));
  for (const path of paths.sort()) {
    const { mode } = await stat(path);
    zip.addFile(path, relative(root, path).split(sep).join('/'), { ...UNDATED, mode, compressionLevel: 1 });
  }
  zip.end();
  return buffer(output);
}
