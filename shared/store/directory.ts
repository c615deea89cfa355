/**
 * Object store in a directory: a key is a path below the root. Only plain keys
 * are taken (letters, digits, `.`, `_`, `=`, `-` and `/`, no segment that begins
 * with a dot), so that no key can name a place outside the root.
 */
import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { access, copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ByteRange, type ObjectHead, type ObjectStore, StoreError } from './objectstore.ts';

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

function errno(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

export class DirectoryStore implements ObjectStore {
  readonly root: string;
  private readonly writer: StoreWriter | undefined;

  /**
   * @param root absolute path of the directory; made when the first object is written
   * @param writer whose unfinished files are to be known as such
   */
  constructor(root: string, writer?: StoreWriter) {
    this.root = root;
    this.writer = writer;
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
      entries = await readdir(join(this.root, folder), { withFileTypes: true });
    } catch (error) {
      if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return;
      throw new StoreError('io', folder, `cannot list ${join(this.root, folder)}: ${String(error)}`, error);
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
    try {
      const at = await stat(this.path(key), { bigint: true });
      if (!at.isFile()) return undefined;
      return { key, size: Number(at.size), version: `${at.size}-${at.mtimeNs}`, modified: Number(at.mtimeMs) };
    } catch (error) {
      if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    const path = this.path(key);
    try {
      if (range === undefined) return await readFile(path);
      const file = await open(path, 'r');
      try {
        const size = (await file.stat()).size;
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
    } catch (error) {
      if (errno(error) === 'ENOENT' || errno(error) === 'EISDIR' || errno(error) === 'ENOTDIR')
        throw new StoreError('missing', key, `no object ${key} in ${this.root}`, error);
      throw error;
    }
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const unfinished = await this.unfinished(key);
    try {
      await writeFile(unfinished, bytes);
      await rename(unfinished, this.path(key));
    } catch (error) {
      // On a full disk above all nothing may stay behind.
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    const path = this.path(key);
    const unfinished = await this.unfinished(key);
    try {
      await writeFile(unfinished, bytes);
      // A hard link is the one call that both fails on an existing name and shows the file whole.
      await link(unfinished, path);
      return true;
    } catch (error) {
      if (errno(error) === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(unfinished, { force: true });
    }
  }

  async putFile(key: string, path: string): Promise<number> {
    const target = this.path(key);
    await this.makeFolder(dirname(target));
    const { size } = await stat(path);
    try {
      await rename(path, target);
    } catch (error) {
      if (errno(error) !== 'EXDEV') throw error;
      const unfinished = await this.unfinished(key);
      try {
        await copyFile(path, unfinished);
        await rename(unfinished, target);
      } catch (copyError) {
        await rm(unfinished, { force: true });
        throw copyError;
      }
      await rm(path);
    }
    return size;
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await rm(this.path(key), { force: true });
  }

  private async unfinished(key: string): Promise<string> {
    const folder = dirname(this.path(key));
    await this.makeFolder(folder);
    const writer = this.writer === undefined ? '' : `${this.writer.name}-`;
    return join(folder, UNFINISHED + writer + randomBytes(8).toString('hex'));
  }

  private async makeFolder(folder: string): Promise<void> {
    if (this.writer !== undefined) await access(this.writer.presence);
    await mkdir(folder, { recursive: true });
  }
}
