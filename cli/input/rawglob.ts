/**
 * Globs over raw paths: Node's own silently skips what it cannot read, and names that are not UTF-8.
 * Segment by segment; `**` stands for any number of folders, and follows links to folders as a walk does.
 */
import { matchesGlob } from 'node:path';
import {
  entriesOf,
  isNothing,
  leadsUp,
  lookAt,
  lossyText,
  type RawEntry,
  type RawPath,
  rawPath,
  WalkedFolders,
} from './rawpath.ts';

/** Called for a folder that cannot be read, or not be looked at. */
type OnUnreadable = (folder: RawPath, error: NodeJS.ErrnoException) => void;

export function isGlob(text: string): boolean {
  return /[*?[{]/.test(text);
}

/** Paths that match, hidden ones left out. */
export async function* globRaw(pattern: string, onUnreadable: OnUnreadable): AsyncGenerator<RawPath> {
  const seen = new Set<RawPath>();
  for (const plain of withoutBraces(pattern)) {
    const segments = plain.split('/').filter((name) => name !== '' && name !== '.');
    for await (const path of new Expansion(onUnreadable).expand(plain.startsWith('/') ? '/' : '', segments)) {
      if (seen.has(path)) continue;
      seen.add(path);
      yield path;
    }
  }
}

/** The expansion of one pattern. */
class Expansion {
  private readonly onUnreadable: OnUnreadable;
  /** Folders that a `**` has been in, by the number of segments behind it. */
  private readonly walked: WalkedFolders[] = [];

  constructor(onUnreadable: OnUnreadable) {
    this.onUnreadable = onUnreadable;
  }

  async *expand(folder: RawPath, [segment, ...rest]: readonly string[]): AsyncGenerator<RawPath> {
    if (segment === undefined) {
      if (folder !== '') yield folder;
      return;
    }
    if (segment === '**') {
      this.walked[rest.length] ??= new WalkedFolders();
      if (!(await this.isFolder(folder || '.', this.walked[rest.length]))) return;
      yield* this.expand(folder, rest.length === 0 ? ['*'] : rest);
    } else if (!isGlob(segment)) {
      const path = folder + rawPath(segment);
      if (rest.length > 0) yield* this.expand(`${path}/`, rest);
      else {
        const at = await lookAt(path);
        if (!(at instanceof Error)) yield path;
        else if (!isNothing(at)) this.onUnreadable(path, at);
      }
      return;
    } else if (!(await this.isFolder(folder || '.'))) return;
    const links: RawPath[] = [];
    for (const { name, kind } of await this.entries(folder || '.')) {
      if (name.startsWith('.')) continue;
      const path = folder + name;
      if (segment !== '**') {
        if (!matchesGlob(lossyText(name), segment)) continue;
        if (rest.length === 0) yield path;
        else if (await this.isFolder(path)) yield* this.expand(`${path}/`, rest);
      } else if (kind.isDirectory()) yield* this.expand(`${path}/`, [segment, ...rest]);
      else if (kind.isSymbolicLink()) links.push(path);
    }
    // Behind the folders themselves, so that what lies in one is named by its own place.
    for (const link of links)
      if ((await this.isFolder(link)) && !(await leadsUp(link))) yield* this.expand(`${link}/`, [segment, ...rest]);
  }

  private async entries(folder: RawPath): Promise<RawEntry[]> {
    try {
      return await entriesOf(folder);
    } catch (error) {
      this.onUnreadable(folder, error as NodeJS.ErrnoException);
      return [];
    }
  }

  /** @param walked folders that count no more */
  private async isFolder(path: RawPath, walked?: WalkedFolders): Promise<boolean> {
    const at = await lookAt(path);
    if (!(at instanceof Error)) return at.isDirectory() && (walked === undefined || (await walked.enter(path)));
    if (!isNothing(at)) this.onUnreadable(path, at);
    return false;
  }
}

/** A pattern for each choice of braces that hold commas. */
function withoutBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  const choices: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; open >= 0 && at < pattern.length; at++) {
    if (pattern[at] === '{') depth++;
    else if (pattern[at] === '}') depth--;
    const closed = depth === 0;
    if (!closed && !(depth === 1 && pattern[at] === ',')) continue;
    choices.push(pattern.slice(from, at));
    from = at + 1;
    if (!closed) continue;
    if (choices.length === 1) break;
    return choices.flatMap((choice) => withoutBraces(pattern.slice(0, open) + choice + pattern.slice(at + 1)));
  }
  return [pattern];
}
