/**
 * A cache of remote files on this machine, up to a number of bytes, least recently used removed first. Several
 * processes may use one folder at once. Each file is complete under its name or does not exist; and a process that uses
 * files holds links of its own to them, so that no other can remove them meanwhile.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, type Stats } from 'node:fs';
import { link, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { basename, join } from 'node:path';
import { isAlive } from '../../shared/engine/alive.ts';
import { FileLock } from '../../shared/store/filelock.ts';
import { inParallel } from '../../shared/store/inparallel.ts';
import { UsageError } from '../usage/usage.ts';

/** A file at its origin. */
export interface RemoteFile {
  bucket: string;
  key: string;
  /** Changes whenever its bytes do. */
  version: string;
  size: number;
}

/** The bytes of a file from the first on; each chunk only until the next one is asked for. */
export type Fetch = (file: RemoteFile) => AsyncIterable<Uint8Array>;

/** Files that can be read until they are released. */
export interface HeldFiles {
  /** Where each is, in the order in which they were asked for. */
  paths: string[];
  /** Bytes that had to be fetched, and in how many files. */
  fetchedBytes: number;
  fetchedFiles: number;
  release(): Promise<void>;
}

/** Files fetched at a time. */
const AT_ONCE = 4;
const DEFAULT_BYTES = 10e9;
/** Unfinished downloads of dead processes are removed after this time. */
const ABANDONED_MS = 86_400_000;
const LOCK = 'lock';
/** How long to wait for other processes that start or end. */
const WAIT_MS = 30_000;

/** The user's cache folder, by the rules of XDG. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'flowstitch');
}

/** Bytes that are kept: FLOWSTITCH_CACHE_GB, or 10 GB. @throws UsageError when that is not a number */
export function cacheBytes(env: NodeJS.ProcessEnv = process.env): number {
  const text = env.FLOWSTITCH_CACHE_GB;
  if (!text) return DEFAULT_BYTES;
  const bytes = Number(text) * 1e9;
  if (bytes >= 0) return bytes;
  throw new UsageError(`FLOWSTITCH_CACHE_GB is a number of gigabytes, such as 2.5, not '${text}'`);
}

export class FileCache {
  private readonly folder: string;
  private readonly mostBytes: number;

  constructor(folder = cacheFolder(), mostBytes = cacheBytes()) {
    this.folder = folder;
    this.mostBytes = mostBytes;
  }

  /**
   * Makes files available here, and fetches those that are not.
   * @param onBytes called with bytes as they arrive
   * @throws what `fetch` throws; UsageError when the disk is full
   */
  async hold(files: readonly RemoteFile[], fetch: Fetch, onBytes: (bytes: number) => void): Promise<HeldFiles> {
    for (const name of ['files', 'unfinished', 'in-use'])
      await mkdir(join(this.folder, name), { recursive: true, mode: 0o700 });
    const { own, release } = await this.take();
    const held: HeldFiles = { paths: [], fetchedBytes: 0, fetchedFiles: 0, release };
    try {
      const absent: number[] = [];
      for (const [i, file] of files.entries()) {
        const path = await this.holdKept(file, own);
        if (path === undefined) absent.push(i);
        else held.paths[i] = path;
      }
      held.fetchedFiles = absent.length;
      held.fetchedBytes = absent.reduce((sum, i) => sum + files[i].size, 0);
      await this.makeRoom(held.fetchedBytes, files);
      await inParallel(absent, AT_ONCE, async (i) => {
        held.paths[i] = await this.fetchOne(files[i], fetch, own, onBytes);
      });
      return held;
    } catch (error) {
      await release();
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      throw new UsageError(
        `the disk is full: results are fetched into ${this.folder}; XDG_CACHE_HOME names another place for them`,
      );
    }
  }

  /** A folder for the links of this process, known to live by the lock in it. */
  private async take(): Promise<{ own: string; release(): Promise<void> }> {
    const name = `${encodeURIComponent(hostname())}@${process.pid}@${randomBytes(4).toString('hex')}`;
    const own = join(this.folder, 'in-use', name);
    const lock = await this.alone(async () => {
      await mkdir(own, { mode: 0o700 });
      return FileLock.take(join(own, LOCK));
    });
    const release = async (): Promise<void> => {
      await rm(own, { recursive: true, force: true });
      lock.release();
    };
    return { own, release };
  }

  /** Runs `action` while no process takes a folder of its own or removes those of others. */
  private async alone<T>(action: () => Promise<T>): Promise<T> {
    let lock: FileLock;
    try {
      lock = await FileLock.await(join(this.folder, LOCK), WAIT_MS);
    } catch (cause) {
      throw new UsageError(
        `${(cause as Error).message}: results are fetched into ${this.folder}; XDG_CACHE_HOME names another place for them`,
        { cause },
      );
    }
    try {
      return await action();
    } finally {
      lock.release();
    }
  }

  private place(file: RemoteFile): string {
    return join(this.folder, 'files', nameOf(file));
  }

  /** A file that is kept already, undefined when it is not. */
  private async holdKept(file: RemoteFile, own: string): Promise<string | undefined> {
    const place = this.place(file);
    const path = await this.linkTo(place, file, own);
    if (path === undefined) return undefined;
    if ((await sizeOf(path)) !== file.size) {
      await rm(path, { force: true });
      await rm(place, { force: true });
      return undefined;
    }
    // Only the order of removal depends on this.
    const now = new Date();
    await utimes(path, now, now).catch(() => {});
    return path;
  }

  /** A link of this process; the file itself where the disk does not support links; undefined when the file does not exist. */
  private async linkTo(place: string, file: RemoteFile, own: string): Promise<string | undefined> {
    const path = join(own, nameOf(file));
    try {
      await link(place, path);
      return path;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      return code === 'EEXIST' ? path : place;
    }
  }

  private async fetchOne(
    file: RemoteFile,
    fetch: Fetch,
    own: string,
    onBytes: (bytes: number) => void,
  ): Promise<string> {
    const unfinished = join(this.folder, 'unfinished', randomBytes(8).toString('hex'));
    try {
      const target = await open(unfinished, 'wx', 0o600);
      try {
        for await (const chunk of fetch(file)) {
          await target.writeFile(chunk);
          onBytes(chunk.length);
        }
      } finally {
        await target.close();
      }
      const path = await this.linkTo(unfinished, file, own);
      await rename(unfinished, this.place(file));
      return path === undefined || path === unfinished ? this.place(file) : path;
    } finally {
      await rm(unfinished, { force: true });
    }
  }

  /** Removes the least recently used files, until so many more bytes fit; and what dead processes left. */
  private async makeRoom(bytes: number, needed: readonly RemoteFile[]): Promise<void> {
    await this.alone(() => this.clearAfterOthers());
    const kept: { path: string; at: Stats }[] = [];
    const names = new Set(needed.map(nameOf));
    let total = bytes;
    for (const name of await readdir(join(this.folder, 'files'))) {
      const path = join(this.folder, 'files', name);
      const at = await stat(path).catch(() => undefined);
      if (at === undefined) continue;
      total += at.size;
      if (!names.has(name)) kept.push({ path, at });
    }
    kept.sort((a, b) => a.at.mtimeMs - b.at.mtimeMs);
    for (const { path, at } of kept) {
      if (total <= this.mostBytes) return;
      await rm(path, { force: true });
      total -= at.size;
    }
  }

  private async clearAfterOthers(): Promise<void> {
    for (const name of await readdir(join(this.folder, 'in-use'))) {
      const path = join(this.folder, 'in-use', name);
      if (!isLeft(path)) continue;
      await rm(path, { recursive: true, force: true });
    }
    for (const name of await readdir(join(this.folder, 'unfinished'))) {
      const path = join(this.folder, 'unfinished', name);
      const at = await stat(path).catch(() => undefined);
      if (at !== undefined && Date.now() - at.mtimeMs > ABANDONED_MS) await rm(path, { force: true });
    }
  }
}

/** Whether the holder of these links is dead. Earlier versions identified it by host and process alone. */
function isLeft(path: string): boolean {
  if (existsSync(join(path, LOCK))) return !FileLock.isHeld(join(path, LOCK));
  const [host, pid] = basename(path).split('@');
  return host === encodeURIComponent(hostname()) && !isAlive(Number(pid));
}

function nameOf({ bucket, key, version, size }: RemoteFile): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([bucket, key, version, size]))
    .digest('hex');
  const day = dayOfKey(key);
  // Queries take the day out of the name.
  return `${digest.slice(0, 40)}${day === '' ? '' : `-dt=${day}`}.parquet`;
}

/** The day under which a key lies, YYYY-MM-DD; '' for none. */
export function dayOfKey(key: string): string {
  return /\/dt=(\d{4}-\d{2}-\d{2})\/[^/]*$/.exec(key)?.[1] ?? '';
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}
