/**
 * Paths as the system has them: bytes, which need not be UTF-8. A raw path is a string with a character for each byte
 * (Latin-1), so that what Node knows of paths holds for it; it is turned into bytes where the system is asked, and into
 * text where people or tables are told.
 */
import type { Dirent, Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Node's replacement for a byte that is not UTF-8. */
const REPLACEMENT = '\ufffd';

export type RawPath = string;

export function rawPath(text: string): RawPath {
  return Buffer.from(text).toString('latin1');
}

export function pathBytes(path: RawPath): Buffer {
  return Buffer.from(path, 'latin1');
}

/** As text, with bytes that are not UTF-8 as \xNN. */
export function pathText(path: RawPath): string {
  const bytes = pathBytes(path);
  const text = bytes.toString();
  if (Buffer.from(text).equals(bytes)) return text;
  let shown = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((n) => at + n <= bytes.length && isUtf8(bytes.subarray(at, at + n)));
    shown += length === undefined ? `\\x${bytes[at].toString(16)}` : bytes.subarray(at, at + length).toString();
    at += length ?? 1;
  }
  return shown;
}

/** As text, with each byte that is not UTF-8 as the replacement character: as Node decodes arguments. */
export function lossyText(path: RawPath): string {
  return pathBytes(path).toString();
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString()).equals(bytes);
}

export function statRaw(path: RawPath): Promise<Stats> {
  return stat(pathBytes(path));
}

export interface RawEntry {
  name: RawPath;
  kind: Dirent<Buffer>;
}

/** What is in a folder, in the order of names. */
export async function entriesOf(folder: RawPath): Promise<RawEntry[]> {
  const entries = await readdir(pathBytes(folder), { withFileTypes: true, encoding: 'buffer' });
  return entries
    .map((kind) => ({ name: kind.name.toString('latin1'), kind }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The path without links; for a path that does not exist, as much of it as exists. */
export async function realPath(path: RawPath): Promise<RawPath> {
  try {
    return (await realpath(pathBytes(path), { encoding: 'buffer' })).toString('latin1');
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realPath(parent), basename(path));
  }
}

/**
 * Paths that an argument can mean in which Node has put one character in the place of bytes that are no UTF-8: those
 * there are that read like it.
 */
export async function meantBy(argument: string): Promise<RawPath[]> {
  if (!argument.includes(REPLACEMENT)) return [];
  let found: RawPath[] = [argument.startsWith('/') ? '/' : ''];
  for (const segment of argument.split('/').filter((name) => name !== '')) {
    const next: RawPath[] = [];
    for (const folder of found) {
      if (!segment.includes(REPLACEMENT)) next.push(join(folder, rawPath(segment)));
      else
        for (const { name } of await entriesOf(folder || '.').catch(() => []))
          if (lossyText(name) === segment) next.push(join(folder, name));
    }
    found = next;
  }
  const there = await Promise.all(
    found.map((path) =>
      statRaw(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.filter((_, i) => there[i]);
}
