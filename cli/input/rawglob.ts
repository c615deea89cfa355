/**
 * Globs over raw paths: Node's own silently skips what it cannot read, and names that are not UTF-8.
 * Segment by segment; `**` stands for any number of folders and follows no links.
 */
import { matchesGlob } from 'node:path';
import { entriesOf, lossyText, type RawPath, rawPath, statRaw } from './rawpath.ts';

export function isGlob(text: string): boolean {
  return /[*?[{]/.test(text);
}

/**
 * Paths that match, hidden ones left out.
 * @throws the system's error for a folder that cannot be read, with its path
 */
export async function* globRaw(pattern: string): AsyncGenerator<RawPath> {
  const seen = new Set<RawPath>();
  for (const plain of withoutBraces(pattern)) {
    const segments = plain.split('/').filter((name) => name !== '' && name !== '.');
    for await (const path of expand(plain.startsWith('/') ? '/' : '', segments)) {
      if (seen.has(path)) continue;
      seen.add(path);
      yield path;
    }
  }
}

async function* expand(folder: RawPath, [segment, ...rest]: readonly string[]): AsyncGenerator<RawPath> {
  if (segment === undefined) {
    if (folder !== '') yield folder;
    return;
  }
  if (segment === '**') yield* expand(folder, rest.length === 0 ? ['*'] : rest);
  else if (!isGlob(segment)) {
    const path = folder + rawPath(segment);
    if (rest.length > 0) yield* expand(`${path}/`, rest);
    else if (
      await statRaw(path).then(
        () => true,
        () => false,
      )
    )
      yield path;
    return;
  }
  if (!(await isFolder(folder || '.'))) return;
  for (const { name, kind } of await entriesOf(folder || '.')) {
    if (name.startsWith('.')) continue;
    const path = folder + name;
    if (segment === '**') {
      if (kind.isDirectory()) yield* expand(`${path}/`, [segment, ...rest]);
    } else if (matchesGlob(lossyText(name), segment)) {
      if (rest.length === 0) yield path;
      else if (await isFolder(path)) yield* expand(`${path}/`, rest);
    }
  }
}

async function isFolder(path: RawPath): Promise<boolean> {
  return statRaw(path).then(
    (at) => at.isDirectory(),
    () => false,
  );
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
