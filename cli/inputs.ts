/**
 * Files, folders and globs to captures. Folders are walked to their bottom; what
 * is hidden (a name that begins with a dot), the folder of results and what runs
 * have written are passed over. Every other file counts as a capture: what it is,
 * its bytes tell.
 */
import type { Stats } from 'node:fs';
import { glob, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, normalize, relative, resolve, sep } from 'node:path';
import { WORK_FOLDER } from '../shared/engine/embedded.ts';
import { type CaptureRef, fileVersion } from '../shared/store/capturesource.ts';
import { TABLES } from '../shared/table/query.ts';
import { UsageError } from './usage.ts';

/**
 * Captures in the order of their names, each file once.
 * @param out folder of the results; it may hold captures, or lie among them
 * @throws UsageError when an argument names nothing that can be read as a file, or nothing is found at all
 */
export async function findCaptures(args: readonly string[], out: string): Promise<CaptureRef[]> {
  const search = new Search(await realPath(out));
  for (const arg of args) await search.argument(arg);
  const captures = search.found();
  if (captures.length === 0) throw new UsageError(`no captures found in ${args.join(' ')}`);
  return captures;
}

class Search {
  private readonly out: string;
  private readonly byPlace = new Map<string, CaptureRef>();

  constructor(out: string) {
    this.out = out;
  }

  found(): CaptureRef[] {
    return [...this.byPlace.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async argument(arg: string): Promise<void> {
    const at = await stat(arg).catch(() => undefined);
    if (at !== undefined) return this.named(arg, at);
    let matches = 0;
    if (/[*?[{]/.test(arg))
      for await (const path of glob(arg)) {
        if (isHidden(path)) continue;
        const match = await stat(path).catch(() => undefined);
        if (match === undefined || this.isOutput(await realPath(path))) continue;
        matches++;
        await this.named(path, match);
      }
    if (matches === 0) throw new UsageError(`no file, folder or glob '${arg}': nothing there`);
  }

  private async named(path: string, at: Stats): Promise<void> {
    if (at.isDirectory()) await this.walk(normalize(path));
    else if (at.isFile()) await this.add(normalize(path));
    else throw new UsageError(`'${path}' is no regular file: a capture is read more than once, so write it to a file`);
  }

  /** Entries are taken in order of their names, so that of two names for one file the same one counts each time. */
  private async walk(folder: string): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        const place = await realPath(path);
        if (place !== this.out && !this.isOutput(place)) await this.walk(path);
      } else if (entry.isFile()) await this.add(path);
      // A link to a file counts; a link to a folder could lead in a circle.
      else if (entry.isSymbolicLink() && (await stat(path).catch(() => undefined))?.isFile()) await this.add(path);
    }
  }

  private async add(name: string): Promise<void> {
    const location = await realPath(name);
    if (this.byPlace.has(location)) return;
    const at = await fileVersion(location);
    if (at !== undefined) this.byPlace.set(location, { name, location, ...at });
  }

  /** Whether a run into the folder of results writes here. */
  private isOutput(place: string): boolean {
    const [first, second] = relative(this.out, place).split(sep);
    if (first === WORK_FOLDER || first === 'datasets') return true;
    return Object.hasOwn(TABLES, first) && second?.startsWith('dataset=') === true;
  }
}

function isHidden(path: string): boolean {
  return path.split(sep).some((name) => name.startsWith('.') && name !== '.' && name !== '..');
}

/** The path without links; of what is not there yet, as much of it as there is. */
async function realPath(path: string): Promise<string> {
  const whole = resolve(path);
  try {
    return await realpath(whole);
  } catch {
    const parent = dirname(whole);
    return parent === whole ? whole : join(await realPath(parent), relative(parent, whole));
  }
}
