/**
 * Object store in a directory: a key is a path below the root. Only plain keys
 * are taken (letters, digits, `.`, `_`, `=`, `-` and `/`, no segment that begins
 * with a dot), so that no key can name a place outside the root.
 *
 * An object is on the disk, and so is its name's folder, before anybody is told that it is written: what a
 * power cut leaves is an object as it was or as it is, never a name without its bytes (fsync(2), rename(2)).
 */
import { randomBytes } from 'node:crypto';
import type { BigIntStats, Dirent, Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ByteRange, type ObjectHead, type ObjectStore, StoreError } from './objectstore.ts';
import { systemCode, systemWords } from './systemerror.ts';

/** An open file, as far as the store uses it. */
export interface OpenFile {
  stat(): Promise<Stats>;
  read(into: Uint8Array, at: number, length: number, position: number): Promise<{ bytesRead: number }>;
  writeFile(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The calls of node:fs/promises that the store uses: what a test replaces to have them fail. */
export interface Files {
  open(path: string, flags: string): Promise<OpenFile>;
  readFile(path: string): Promise<Uint8Array>;
  readdir(path: string, options: { withFileTypes: true }): Promise<Dirent[]>;
  stat(path: string, options: { bigint: true }): Promise<BigIntStats>;
  mkdir(path: string, options: { recursive: true }): Promise<string | undefined>;
  link(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  copyFile(from: string, to: string): Promise<void>;
  rm(path: string, options?: { force?: boolean }): Promise<void>;
}

const PLAIN_KEY = /^[A-Za-z0-9_=-][A-Za-z0-9._=-]*(\/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*$/;
/** Unfinished files carry this prefix; a key cannot, so they are never listed nor read. */
export const UNFINISHED = '.unfinished-';

/** Somebody who writes to a directory beside others. */
export interface StoreWriter {
  /** Begins the names of files that it has not finished: who finds them can tell whether somebody will. */
  name: string;
  /** A folder without which nothing is written: one that was removed is not to come back with a part of what it held. */
  presence: string;
}

/** Codes with which the system says that there is nothing of that name. */
const NOTHING_THERE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR']);
/** Codes that stay however often one tries. */
const FOR_GOOD: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG']);

/** Folders of which it is remembered that they are on the disk. */
const MOST_DURABLE = 10_000;

export class DirectoryStore implements ObjectStore {
  readonly root: string;
  private readonly writer: StoreWriter | undefined;
  private readonly files: Files;
  /** Folders whose names this store has put on the disk. */
  private readonly durable = new Set<string>();

  /**
   * @param root absolute path of the directory; made when the first object is written
   * @param writer whose unfinished files are to be known as such
   */
  constructor(root: string, writer?: StoreWriter, files: Files = fs) {
    this.root = root;
    this.writer = writer;
    this.files = files;
  }

  /**
   * The file that holds an object.
   * @throws StoreError 'refused' for a key that is not plain
   */
  path(key: string): string {
    if (!PLAIN_KEY.test(key))
      throw new StoreError('refused', key, `'${key}' is no plain key: only letters, digits and . _ = - / are taken`);
    return join(this.root, ...key.split('/'));
  }

  async *list(prefix: string): AsyncIterable<ObjectHead> {
    const cut = prefix.lastIndexOf('/');
    const folder = prefix.slice(0, cut + 1);
    if (folder !== '') this.path(folder.slice(0, -1));
    yield* this.walk(folder, prefix);
  }

  private async *walk(folder: string, prefix: string): AsyncIterable<ObjectHead> {
    let entries: Dirent[];
    try {
      entries = await this.files.readdir(join(this.root, folder), { withFileTypes: true });
    } catch (error) {
      if (NOTHING_THERE.has(systemCode(error))) return;
      throw failure('list', folder, join(this.root, folder), error);
    }
    // A folder sorts as its name with a slash, so that keys come in byte order over all levels.
    const named = entries
      .filter((entry) => !entry.name.startsWith('.'))
      .map((entry) => ({ entry, sortName: entry.isDirectory() ? `${entry.name}/` : entry.name }))
      .sort((a, b) => (a.sortName < b.sortName ? -1 : 1));
    for (const { entry, sortName } of named) {
      const key = folder + sortName;
      if (entry.isDirectory()) {
        if (key.startsWith(prefix) || prefix.startsWith(key)) yield* this.walk(key, prefix);
      } else if (key.startsWith(prefix)) {
        const head = await this.head(key);
        if (head !== undefined) yield head;
      }
    }
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    const path = this.path(key);
    try {
      const at = await this.files.stat(path, { bigint: true });
      if (!at.isFile()) return undefined;
      return { key, size: Number(at.size), version: `${at.size}-${at.mtimeNs}`, modified: Number(at.mtimeMs) };
    } catch (error) {
      if (NOTHING_THERE.has(systemCode(error))) return undefined;
      throw failure('read', key, path, error);
    }
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    const path = this.path(key);
    try {
      return range === undefined ? await this.files.readFile(path) : await this.part(key, path, range);
    } catch (error) {
      if (NOTHING_THERE.has(systemCode(error)))
        throw new StoreError('missing', key, `no object ${key} in ${this.root}`, error);
      throw failure('read', key, path, error);
    }
  }

  private async part(key: string, path: string, range: ByteRange): Promise<Uint8Array> {
    const file = await this.files.open(path, 'r');
    try {
      const { size } = await file.stat();
      const length = Math.max(0, Math.min(range.end, size) - range.start);
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(bytes, filled, length - filled, range.start + filled);
        if (bytesRead === 0) throw new StoreError('changed', key, `${path} became shorter while it was read`);
        filled += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const path = this.path(key);
    await this.writing(key, path, async (unfinished) => {
      await this.write(unfinished, bytes);
      await this.files.rename(unfinished, path);
    });
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    const path = this.path(key);
    return this.writing(key, path, async (unfinished) => {
      await this.write(unfinished, bytes);
      try {
        // A hard link is the one call that both fails on an existing name and shows the file whole.
        await this.files.link(unfinished, path);
        return true;
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error;
        return false;
      } finally {
        await this.files.rm(unfinished, { force: true });
      }
    });
  }

  async putFile(key: string, source: string): Promise<number> {
    const path = this.path(key);
    return this.writing(key, path, async (unfinished) => {
      const size = await this.syncFile(source);
      try {
        await this.files.rename(source, path);
      } catch (error) {
        if (systemCode(error) !== 'EXDEV') throw error;
        await this.files.copyFile(source, unfinished);
        await this.syncFile(unfinished);
        await this.files.rename(unfinished, path);
        await this.files.rm(source);
      }
      return size;
    });
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const path = this.path(key);
      try {
        await this.files.rm(path, { force: true });
      } catch (error) {
        throw failure('remove', key, path, error);
      }
    }
  }

  /** Makes an object by way of an unfinished file in its folder, of which nothing stays behind when that fails. */
  private async writing<T>(key: string, path: string, make: (unfinished: string) => Promise<T>): Promise<T> {
    const folder = dirname(path);
    const writer = this.writer === undefined ? '' : `${this.writer.name}-`;
    const unfinished = join(folder, UNFINISHED + writer + randomBytes(8).toString('hex'));
    try {
      await this.makeFolder(folder);
      const made = await make(unfinished);
      await this.syncFolder(folder);
      return made;
    } catch (error) {
      await this.files.rm(unfinished, { force: true }).catch(() => undefined);
      throw failure('write', key, path, error);
    }
  }

  private async write(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.files.open(path, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Puts a file's bytes on the disk. @returns its size */
  private async syncFile(path: string): Promise<number> {
    const file = await this.files.open(path, 'r+');
    try {
      await file.sync();
      return (await file.stat()).size;
    } finally {
      await file.close();
    }
  }

  /** Makes a folder whose name is on the disk. That it is there says nothing: whoever made it may not have come to that. */
  private async makeFolder(folder: string): Promise<void> {
    if (this.writer !== undefined) await this.files.stat(this.writer.presence, { bigint: true });
    const first = await this.files.mkdir(folder, { recursive: true });
    if (first !== undefined)
      for (const known of this.durable) if (known.length >= first.length) this.durable.delete(known);
    const path: string[] = [];
    for (let at = folder; at.length > this.root.length && !this.durable.has(at); at = dirname(at)) path.push(at);
    if (first !== undefined) for (let at = this.root; at.length >= first.length; at = dirname(at)) path.push(at);
    for (const at of path) await this.syncFolder(dirname(at));
    if (this.durable.size > MOST_DURABLE) this.durable.clear();
    for (const at of path) this.durable.add(at);
  }

  private async syncFolder(folder: string): Promise<void> {
    const file = await this.files.open(folder, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

function failure(doing: string, key: string, path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const reason = FOR_GOOD.has(systemCode(error)) ? 'refused' : 'io';
  return new StoreError(reason, key, `cannot ${doing} ${path}: ${systemWords(error)}`, error);
}
