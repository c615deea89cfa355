/**
 * Paths as the system has them: bytes, which need not be UTF-8. A raw path is a string with a character for each byte
 * (Latin-1), so that what Node knows of paths holds for it; it is turned into bytes where the system is asked, and into
 * text where people or tables are told.
 */
import type { Dirent, Stats } from 'node:fs';
import { lstat, readdir, realpath, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isUnprintable } from '../../shared/text/printable.ts';

/** Node's replacement for a byte that is not UTF-8. */
const REPLACEMENT = '\ufffd';

export type RawPath = string;

export function rawPath(text: string): RawPath {
  return Buffer.from(text).toString('latin1');
}

export function pathBytes(path: RawPath): Buffer {
  return Buffer.from(path, 'latin1');
}

/**
 * As printable text, from which the bytes follow: \xNN, with two lower-case digits, stands for a byte, all else for its
 * UTF-8. So are written bytes that are not UTF-8, those of control and invisible characters, and a backslash that would otherwise read
 * as the beginning of such an escape. Two paths never have the same text.
 */
export function pathText(path: RawPath): string {
  const bytes = pathBytes(path);
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((n) => at + n <= bytes.length && isUtf8(bytes.subarray(at, at + n)));
    const own = bytes.subarray(at, at + (length ?? 1));
    at += own.length;
    const character = own.toString();
    const escapes = character === '\\' && ESCAPE_AHEAD.test(path.slice(at, at + 3));
    if (length === undefined || escapes || isUnprintable(character))
      for (const byte of own) text += `\\x${byte.toString(16).padStart(2, '0')}`;
    else text += character;
  }
  return text;
}

const ESCAPE_AHEAD = /^x[0-9a-f]{2}/;

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

/** What is at a path, links followed; an error of the system in its place. */
export function lookAt(path: RawPath): Promise<Stats | NodeJS.ErrnoException> {
  return statRaw(path).catch((error: NodeJS.ErrnoException) => error);
}

/** Whether the path itself is a symbolic link; false where it cannot be looked at. */
export function isLink(path: RawPath): Promise<boolean> {
  return lstat(pathBytes(path)).then(
    (at) => at.isSymbolicLink(),
    () => false,
  );
}

/** Codes of errors of a path at which there is nothing. */
const NOTHING_THERE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG']);

/** Whether an error means that nothing is there; others mean that it may not be looked at. */
export function isNothing({ code }: NodeJS.ErrnoException): boolean {
  return NOTHING_THERE.has(code);
}

/**
 * Folders that have been walked, by device and inode: however a folder is reached, by links, mounts or other names, it
 * is walked once.
 */
export class WalkedFolders {
  private readonly walked = new Set<string>();

  /** Whether this is the first time. @throws the system's error */
  async enter(folder: RawPath): Promise<boolean> {
    const { dev, ino } = await stat(pathBytes(folder), { bigint: true });
    // A file system without inodes calls them all 0.
    const identity = ino === 0n ? await realPath(folder) : `${dev}:${ino}`;
    if (this.walked.has(identity)) return false;
    this.walked.add(identity);
    return true;
  }
}

/** Whether a link leads to a folder that it lies in, at any depth: following it would read what was not asked for. */
export async function leadsUp(link: RawPath): Promise<boolean> {
  const [target, from] = await Promise.all([realPath(link), realPath(dirname(link))]);
  return `${from}/`.startsWith(target === '/' ? target : `${target}/`);
}

/** File systems of Linux that show the kernel: their trees have no end, and no captures (statfs(2)). */
const KERNEL_TREES = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
]);

/** Whether a folder shows the kernel of Linux: /proc, /sys, or one in them. Not where that cannot be told. */
export async function showsKernel(folder: RawPath): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const at = await statfs(pathBytes(folder)).catch(() => undefined);
  return at !== undefined && KERNEL_TREES.has(at.type);
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
