/**
 * Files, folders and globs to captures. Folders are walked to their bottom, behind links too, each once; what is hidden
 * (a name that begins with a dot) and what runs have written are skipped. Every other file counts as a capture: its
 * format follows from its bytes. Anything else that is skipped is reported, and names need not be UTF-8. What may not be
 * read is in the list, with the reason: it costs itself alone.
 */
import type { Stats } from 'node:fs';
import { join, normalize, sep } from 'node:path';
import { readHead } from '../../shared/capture/read.ts';
import { resultsDepth } from '../../shared/job/resultpath.ts';
import { hasCaptureEnding } from '../../shared/store/capturename.ts';
import { type CaptureRef, FileCaptures, fileLocation, listedFile } from '../../shared/store/capturesource.ts';
import { isMachineFault, systemWords } from '../../shared/store/systemerror.ts';
import { UsageError } from '../usage/usage.ts';
import { globRaw, isGlob } from './rawglob.ts';
import {
  entriesOf,
  isLink,
  isNothing,
  leadsUp,
  lookAt,
  meantBy,
  pathBytes,
  pathText,
  type RawEntry,
  type RawPath,
  rawPath,
  realPath,
  showsKernel,
  statRaw,
  WalkedFolders,
} from './rawpath.ts';

/** Bytes that tell whether a file is a capture. */
const HEAD_BYTES = 4096;

/** Something in a folder, or matched by a glob, that is not read. */
export interface PassedOver {
  path: string;
  why: string;
  /** It may have been a capture. */
  lost: boolean;
}

/**
 * Captures in the order of their names, each file once. Files and folders that may not be read are among them, refused.
 * @param out folder of the results; it may hold captures, or lie among them
 * @param onPassedOver called for what is not read, other than hidden files and results in `out`
 * @throws UsageError when an argument names nothing that can be read as a file, or there is nothing to read at all
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
  const refused = captures.find((capture) => capture.refused !== undefined);
  if (captures.every(({ incidental }) => incidental)) await someCapture(captures, args);
  if (refused !== undefined && captures.every((capture) => capture.refused !== undefined))
    throw new UsageError(`nothing in ${args.join(' ')} can be read: ${refused.name}: ${refused.refused?.detail}`);
  return captures;
}

/** Looks at inputs of which none is named like a capture. @throws UsageError when each is plainly something else */
async function someCapture(inputs: readonly CaptureRef[], args: readonly string[]): Promise<void> {
  const source = new FileCaptures();
  let first: string | undefined;
  for (const input of inputs) {
    const head = await readHead(source.stream(input, HEAD_BYTES), HEAD_BYTES).catch(() => undefined);
    const damage = head?.facts.damage[0];
    if (damage?.reason !== 'no_capture') return;
    first ??= `${input.name} ${damage.detail}`;
  }
  throw new UsageError(`no captures found in ${args.join(' ')}: ${first}${inputs.length > 1 ? ', and others' : ''}`);
}

class Search {
  private readonly out: RawPath;
  private readonly onPassedOver: (passed: PassedOver) => void;
  private readonly byPlace = new Map<RawPath, CaptureRef>();
  private readonly walked = new WalkedFolders();
  /** Links to folders that are still to be followed: after what lies in folders, which is named by its own place. */
  private links: RawPath[] = [];
  /** Likewise links to files, such as the one to the newest capture: after all folders. */
  private fileLinks: RawPath[] = [];
  /** Folders of results that have been reported. */
  private readonly toldResults = new Set<RawPath>();

  constructor(out: RawPath, onPassedOver: (passed: PassedOver) => void) {
    this.out = out;
    this.onPassedOver = onPassedOver;
  }

  found(): CaptureRef[] {
    return [...this.byPlace.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @param times how often it was given */
  async argument(arg: string, times: number): Promise<void> {
    await this.direct(arg, times);
    for (let link = this.links.shift(); link !== undefined; link = this.links.shift()) await this.inner(link);
    for (const link of this.fileLinks.splice(0)) await this.add(link);
  }

  private async direct(arg: string, times: number): Promise<void> {
    const path = rawPath(arg);
    const at = await lookAt(path);
    if (arg === '-' && at instanceof Error)
      throw new UsageError('standard input is not read: captures are read more than once, so save it to a file first');
    if (!(at instanceof Error)) return this.named(path, at, true);
    if (!isNothing(at) && !isGlob(arg)) return this.refuse(path, at);
    const meant = await meantBy(arg);
    if (meant.length > times)
      throw new UsageError(`'${arg}' matches ${meant.length} files whose names are not UTF-8: name their folder`);
    for (const raw of meant) await this.named(raw, await statRaw(raw), true);
    if (meant.length > 0) return;
    let matches = 0;
    const unread: [RawPath, NodeJS.ErrnoException][] = [];
    if (isGlob(arg))
      for await (const match of globRaw(arg, (folder, error) => unread.push([folder, error]))) {
        if (isHidden(match) || this.isOutput(await realPath(match))) continue;
        matches++;
        if (await isLink(match)) {
          await this.link(match);
          continue;
        }
        const what = await lookAt(match);
        if (what instanceof Error) await this.refuse(match, what);
        else await this.named(match, what, false);
      }
    for (const [folder, error] of unread) await this.refuse(folder, error);
    if (matches + unread.length === 0)
      throw new UsageError(`'${arg}': no such file or folder, and nothing matches it as a glob`);
  }

  /** @param itself whether it was named, not matched by a glob */
  private async named(path: RawPath, at: Stats, itself: boolean): Promise<void> {
    if (at.isDirectory()) await this.walk(normalize(path));
    else if (at.isFile()) await this.add(normalize(path), itself);
    else
      throw new UsageError(
        `'${pathText(path)}' is not a regular file: captures are read more than once, so save it to a file first`,
      );
  }

  /** Entries are taken in order of their names, so that of two links to one file the same one counts each time. */
  private async walk(folder: RawPath): Promise<void> {
    let entries: RawEntry[];
    try {
      if (!(await this.walked.enter(folder))) return;
      entries = await entriesOf(folder);
    } catch (error) {
      return this.refuse(folder, error as NodeJS.ErrnoException);
    }
    for (const { name, kind } of entries) {
      if (name.startsWith('.')) continue;
      const path = join(folder, name);
      if (kind.isDirectory()) await this.inner(path);
      else if (kind.isFile()) await this.add(path);
      else if (kind.isSymbolicLink()) await this.link(path);
      else this.passOver(path, specialFileKind(kind), false);
    }
  }

  /** A folder that was found, not named: results in it are not captures. */
  private async inner(folder: RawPath): Promise<void> {
    if (await showsKernel(folder))
      return this.passOver(folder, 'a folder of the kernel (/proc, /sys), whose tree has no end', false);
    const place = await realPath(folder);
    if (place !== this.out && !this.isOutput(place)) await this.walk(folder);
  }

  private async link(path: RawPath): Promise<void> {
    const at = await lookAt(path);
    if (at instanceof Error) {
      if (isNothing(at)) this.passOver(path, 'broken symbolic link', true);
      else await this.refuse(path, at);
    } else if (at.isFile()) this.fileLinks.push(path);
    else if (!at.isDirectory()) this.passOver(path, `symbolic link to ${specialFileKind(at)}`, false);
    else if (await leadsUp(path)) this.passOver(path, 'symbolic link to a folder around it', false);
    else this.links.push(path);
  }

  /** @param named whether the file itself was named: it is then read as a capture, whatever it is */
  private async add(path: RawPath, named = false): Promise<void> {
    const place = await realPath(path);
    const known = this.byPlace.get(place);
    if (known !== undefined && named) delete known.incidental;
    if (known !== undefined || (!named && this.isOutput(place))) return;
    try {
      const at = await listedFile(pathBytes(place));
      if (at === undefined) return this.passOver(path, 'removed while it was being listed', true);
      const capture: CaptureRef = { name: pathText(path), location: fileLocation(pathBytes(place)), ...at };
      if (!named && !hasCaptureEnding(path)) capture.incidental = true;
      this.byPlace.set(place, capture);
    } catch (error) {
      await this.refuse(path, error as NodeJS.ErrnoException);
    }
  }

  /**
   * Enters a file or folder that may not be read: the results would otherwise look complete.
   * @throws UsageError for an error of the whole machine
   */
  private async refuse(path: RawPath, error: NodeJS.ErrnoException): Promise<void> {
    if (isNothing(error)) return this.passOver(path, 'removed while it was being listed', true);
    const name = pathText(path);
    if (error.code === undefined) throw error;
    if (isMachineFault(error)) throw new UsageError(`${name} cannot be read: ${systemWords(error)}`);
    const place = await realPath(path);
    if (this.byPlace.has(place)) return;
    const detail = `${systemWords(error)}: make it readable, or leave it out`;
    const refused = { reason: 'unreadable_input', detail };
    this.byPlace.set(place, { name, location: fileLocation(pathBytes(place)), size: 0, version: '', refused });
  }

  private passOver(path: RawPath, why: string, lost: boolean): void {
    this.onPassedOver({ path: pathText(path), why, lost });
  }

  /** Whether a run has written it: into the folder of results, or into another, which is reported once. */
  private isOutput(place: RawPath): boolean {
    const names = place.split(sep);
    const depth = resultsDepth(names);
    if (depth < 0) return false;
    const results = names.slice(0, depth).join(sep);
    if (results !== this.out && !this.toldResults.has(results)) {
      this.toldResults.add(results);
      this.passOver(results, 'the results of an earlier run that lie in it', false);
    }
    return true;
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
