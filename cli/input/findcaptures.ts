/**
 * Files, folders and globs to captures. Folders are walked to their bottom; what
 * is hidden (a name that begins with a dot), the folder of results and what runs
 * have written are skipped. Every other file counts as a capture: its format follows
 * from its bytes. Anything else that is skipped is reported, and names need not be UTF-8.
 */
import type { Stats } from 'node:fs';
import { join, normalize, relative, sep } from 'node:path';
import { WORK_FOLDER } from '../../shared/job/keys.ts';
import { type CaptureRef, fileLocation, fileVersion } from '../../shared/store/capturesource.ts';
import { TABLES } from '../../shared/table/tables.ts';
import { UsageError } from '../usage/usage.ts';
import { globRaw, isGlob } from './rawglob.ts';
import { entriesOf, meantBy, pathBytes, pathText, type RawPath, rawPath, realPath, statRaw } from './rawpath.ts';

/** Something in a folder, or matched by a glob, that is not read. */
export interface PassedOver {
  path: string;
  why: string;
  /** It may have been a capture. */
  lost: boolean;
}

/**
 * Captures in the order of their names, each file once.
 * @param out folder of the results; it may hold captures, or lie among them
 * @param onPassedOver called for what is not read, other than hidden files and results
 * @throws UsageError when an argument names nothing that can be read as a file, or nothing is found at all,
 *   or a folder cannot be read
 */
export async function findCaptures(
  args: readonly string[],
  out: string,
  onPassedOver: (passed: PassedOver) => void = () => {},
): Promise<CaptureRef[]> {
  const search = new Search(await realPath(rawPath(out)), onPassedOver);
  for (const arg of args) await search.argument(arg, args.filter((other) => other === arg).length);
  const captures = search.found();
  if (captures.length === 0) throw new UsageError(`no captures found in ${args.join(' ')}`);
  return captures;
}

class Search {
  private readonly out: RawPath;
  private readonly onPassedOver: (passed: PassedOver) => void;
  private readonly byPlace = new Map<RawPath, CaptureRef>();

  constructor(out: RawPath, onPassedOver: (passed: PassedOver) => void) {
    this.out = out;
    this.onPassedOver = onPassedOver;
  }

  found(): CaptureRef[] {
    return [...this.byPlace.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @param times how often it was given */
  async argument(arg: string, times: number): Promise<void> {
    const path = rawPath(arg);
    const at = await statRaw(path).catch(() => undefined);
    if (at !== undefined) return this.named(path, at);
    const meant = await meantBy(arg);
    if (meant.length > times)
      throw new UsageError(`'${arg}' matches ${meant.length} files whose names are not UTF-8: name their folder`);
    for (const raw of meant) await this.named(raw, await statRaw(raw));
    if (meant.length > 0) return;
    let matches = 0;
    if (isGlob(arg))
      for await (const match of this.readable(globRaw(arg))) {
        if (isHidden(match) || this.isOutput(await realPath(match))) continue;
        matches++;
        const what = await statRaw(match).catch(() => undefined);
        if (what === undefined) this.passOver(match, 'broken symbolic link', true);
        else await this.named(match, what);
      }
    if (matches === 0) throw new UsageError(`'${arg}': no such file or folder, and nothing matches it as a glob`);
  }

  private async *readable<T>(paths: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* paths;
    } catch (error) {
      throw unreadable(error);
    }
  }

  private async named(path: RawPath, at: Stats): Promise<void> {
    if (at.isDirectory()) await this.walk(normalize(path));
    else if (at.isFile()) await this.add(normalize(path));
    else
      throw new UsageError(
        `'${pathText(path)}' is not a regular file: captures are read more than once, so save it to a file first`,
      );
  }

  /** Entries are taken in order of their names, so that of two names for one file the same one counts each time. */
  private async walk(folder: RawPath): Promise<void> {
    const entries = await entriesOf(folder).catch((error) => {
      throw unreadable(error);
    });
    for (const { name, kind } of entries) {
      if (name.startsWith('.')) continue;
      const path = join(folder, name);
      if (kind.isDirectory()) {
        const place = await realPath(path);
        if (place !== this.out && !this.isOutput(place)) await this.walk(path);
      } else if (kind.isFile()) await this.add(path);
      else if (kind.isSymbolicLink()) await this.link(path);
      else this.passOver(path, specialFileKind(kind), false);
    }
  }

  /** A link to a file counts; a link to a folder could lead in a circle. */
  private async link(path: RawPath): Promise<void> {
    const at = await statRaw(path).catch(() => undefined);
    if (at === undefined) this.passOver(path, 'broken symbolic link', true);
    else if (at.isFile()) await this.add(path);
    else if (at.isDirectory()) this.passOver(path, 'symbolic link to a folder; name it to read it', false);
    else this.passOver(path, `symbolic link to ${specialFileKind(at)}`, false);
  }

  private async add(path: RawPath): Promise<void> {
    const place = await realPath(path);
    if (this.byPlace.has(place)) return;
    const at = await fileVersion(pathBytes(place)).catch((error) => {
      throw unreadable(error);
    });
    if (at === undefined) this.passOver(path, 'removed while it was being listed', true);
    else this.byPlace.set(place, { name: pathText(path), location: fileLocation(pathBytes(place)), ...at });
  }

  private passOver(path: RawPath, why: string, lost: boolean): void {
    this.onPassedOver({ path: pathText(path), why, lost });
  }

  /** Whether a run into the folder of results writes here. */
  private isOutput(place: RawPath): boolean {
    const [first, second] = relative(this.out, place).split(sep);
    if (first === WORK_FOLDER || first === 'datasets') return true;
    return Object.hasOwn(TABLES, first) && second?.startsWith('dataset=') === true;
  }
}

/** What is neither a file nor a folder. */
function specialFileKind(it: Pick<Stats, 'isFIFO' | 'isSocket'>): string {
  if (it.isFIFO()) return 'a pipe';
  return it.isSocket() ? 'a socket' : 'a device';
}

function isHidden(path: RawPath): boolean {
  return path.split(sep).some((name) => name.startsWith('.') && name !== '.' && name !== '..');
}

/** An unreadable input ends the command before anything is done: the results would be incomplete. */
function unreadable(error: unknown): Error {
  const { code, path, message } = error as NodeJS.ErrnoException & { path?: string | Buffer };
  if (code === undefined || path === undefined) return error as Error;
  const shown = pathText(Buffer.from(path).toString('latin1'));
  return new UsageError(
    `${shown} cannot be read (${code}: ${message.split(': ')[1]?.split(',')[0]}): make it readable, or leave it out`,
  );
}
