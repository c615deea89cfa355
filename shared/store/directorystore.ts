/**
 * Object store in a directory: a key is a path below the root. Only plain keys are accepted (letters, digits, `.`, `_`,
 * `=`, `-` and `/`, no segment that begins with a dot), so that no key can name a path outside the root.
 *
 * An object and its folder's entry are synced to disk before a write returns: after a power cut an object is as it was
 * before or after, never a name without its bytes (fsync(2), rename(2)).
 */
import { randomBytes } from 'node:crypto';
import type { BigIntStats, Dirent, Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ByteRange, type ObjectHead, type ObjectStore, StoreError } from './objectstore.ts';
import { systemCode, systemWords } from './systemerror.ts';

/** The calls of an open file that the store uses. */
export interface OpenFile {
  stat(): Promise<Stats>;
  read(into: Uint8Array, at: number, length: number, position: number): Promise<{ bytesRead: number }>;
  writeFile(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The calls of node:fs/promises that the store uses; tests replace them to make them fail. */
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
/** Prefix of unfinished files; no key can have it, so they are never listed or read. */
export const UNFINISHED = '.unfinished-';

/** One of several writers to a directory. */
export interface StoreWriter {
  /** Part of the names of its unfinished files: tells others whether their writer still runs. */
  name: string;
  /**
   * A folder that must exist for anything to be written: a removed one must not come back with a part of its contents.
   */
  presence: string;
}

/** System error codes for a name that does not exist. */
const NOTHING_THERE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR']);
/** System error codes that no retry can help. */
const FOR_GOOD: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG']);

/** Most folders that are remembered as synced. */
const MOST_DURABLE = 10_000;

/** A sync of a folder under way, and the one behind it, if anybody waits for that. */
interface FolderSync {
  running: Promise<void>;
  next: Promise<void> | undefined;
}

export class DirectoryStore implements ObjectStore {
  readonly root: string;
  private readonly writer: StoreWriter | undefined;
  private readonly files: Files;
  /** Folders whose entries this store has synced. */
  private readonly durable = new Set<string>();
  /** Folders that are being synced. */
  private readonly syncs = new Map<string, FolderSync>();

  /**
   * @param root absolute path of the directory; made when the first object is written
   * @param writer whose name unfinished files carry
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
      throw new StoreError(
        'refused',
        key,
        `'${key}' is not a valid key: only letters, digits and . _ = - / are allowed`,
      );
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
        // A hard link is the only call that fails on an existing name and makes the complete file visible at once.
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

  /** Writes an object by way of an unfinished file in its folder, which is removed on failure. */
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

  /** Syncs a file's bytes to disk. @returns its size */
  private async syncFile(path: string): Promise<number> {
    const file = await this.files.open(path, 'r+');
    try {
      await file.sync();
      return (await file.stat()).size;
    } finally {
      await file.close();
    }
  }

  /**
   * Creates a folder and syncs its entry. One that exists already is synced too: its creator may have died before it
   * did so.
   */
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

  /** Syncs a folder's entries as they are now. Calls that come while a sync of it is running share the next one. */
  private syncFolder(folder: string): Promise<void> {
    const at = this.syncs.get(folder);
    if (at === undefined) return this.beginSync(folder);
    at.next ??= at.running.then(() => this.beginSync(folder));
    return at.next;
  }

  private beginSync(folder: string): Promise<void> {
    const sync = this.sync(folder);
    const at: FolderSync = { running: sync.catch(() => {}), next: undefined };
    this.syncs.set(folder, at);
    void at.running.then(() => {
      if (this.syncs.get(folder) === at && at.next === undefined) this.syncs.delete(folder);
    });
    return sync;
  }

  private async sync(folder: string): Promise<void> {
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
