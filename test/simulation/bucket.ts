/**
 * A bucket as it is, behind all that may happen on the way to it: every change is
 * one step, and whoever watches is told of it. Keys are kept by folder, in order,
 * so that listing one costs what it gives.
 */
import type { ObjectHead } from '../../shared/store/objectstore.ts';

/** Keys that one answer to a listing holds, as S3's. */
export const PAGE = 1000;

/** What lies in a folder: objects, and folders with '/' at the end of their names, by name. */
interface Folder {
  path: string;
  names: string[];
  /** Beside each name: the object's head, or null for a folder. */
  heads: (ObjectHead | null)[];
  folders: number;
}

/** Told of every change. `by` is whatever the writer calls itself. */
export interface BucketWatcher<By> {
  /** @param won false when a conditional write found the key taken, and nothing changed */
  written(key: string, bytes: Uint8Array, won: boolean, by: By): void;
  removed(key: string, bytes: Uint8Array, by: By): void;
}

export class Bucket<By> {
  private readonly objects = new Map<string, Uint8Array>();
  private readonly folders = new Map<string, Folder>();
  private readonly now: () => number;
  private readonly watcher: BucketWatcher<By>;
  private writes = 0;

  constructor(now: () => number, watcher: BucketWatcher<By>) {
    this.now = now;
    this.watcher = watcher;
    this.folders.set('', { path: '', names: [], heads: [], folders: 0 });
  }

  get(key: string): Uint8Array | undefined {
    return this.objects.get(key);
  }

  head(key: string): ObjectHead | undefined {
    if (!this.objects.has(key)) return undefined;
    const folder = this.folderOf(key);
    return folder.heads[lowerBound(folder.names, key.slice(folder.path.length))] ?? undefined;
  }

  put(key: string, bytes: Uint8Array, by: By): void {
    const version = String(++this.writes);
    const head = { key, size: bytes.length, version, modified: this.now() };
    const folder = this.folderOf(key);
    const name = key.slice(folder.path.length);
    if (this.objects.has(key)) folder.heads[lowerBound(folder.names, name)] = head;
    else insert(folder, name, head);
    this.objects.set(key, bytes);
    this.watcher.written(key, bytes, true, by);
  }

  /** @returns false when the key was taken */
  putIfAbsent(key: string, bytes: Uint8Array, by: By): boolean {
    if (this.objects.has(key)) {
      this.watcher.written(key, bytes, false, by);
      return false;
    }
    this.put(key, bytes, by);
    return true;
  }

  remove(key: string, by: By): void {
    const bytes = this.objects.get(key);
    if (bytes === undefined) return;
    this.drop(key);
    this.watcher.removed(key, bytes, by);
  }

  /** Removes everything with a prefix, as a rule on the bucket does: nobody is told. */
  expire(prefix: string): void {
    for (const key of [...this.objects.keys()]) if (key.startsWith(prefix)) this.drop(key);
  }

  private drop(key: string): void {
    this.objects.delete(key);
    const folder = this.folderOf(key);
    const at = lowerBound(folder.names, key.slice(folder.path.length));
    folder.names.splice(at, 1);
    folder.heads.splice(at, 1);
  }

  /** One answer to a listing: the first keys with the prefix behind `after`, in order, PAGE at most. */
  page(prefix: string, after = ''): ObjectHead[] {
    const path = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const folder = this.folders.get(path);
    if (folder === undefined) return [];
    if (prefix === path && folder.folders === 0 && after === '')
      return folder.heads.slice(0, PAGE) as (ObjectHead | null)[] as ObjectHead[];
    const heads: ObjectHead[] = [];
    this.collect(folder, prefix, after, heads);
    return heads;
  }

  private collect(folder: Folder, prefix: string, after: string, heads: ObjectHead[]): void {
    for (let at = 0; at < folder.names.length && heads.length < PAGE; at++) {
      const key = folder.path + folder.names[at];
      const head = folder.heads[at];
      if (head !== null) {
        if (key > after && key.startsWith(prefix)) heads.push(head);
      } else if ((key > after || after.startsWith(key)) && (key.startsWith(prefix) || prefix.startsWith(key))) {
        this.collect(this.folders.get(key)!, prefix, after, heads);
      }
    }
  }

  private folderOf(key: string): Folder {
    const path = key.slice(0, key.lastIndexOf('/', key.length - 2) + 1);
    const known = this.folders.get(path);
    if (known !== undefined) return known;
    const folder: Folder = { path, names: [], heads: [], folders: 0 };
    this.folders.set(path, folder);
    const parent = this.folderOf(path);
    insert(parent, path.slice(parent.path.length), null);
    parent.folders++;
    return folder;
  }
}

function insert(folder: Folder, name: string, head: ObjectHead | null): void {
  const { names, heads } = folder;
  if (names.length === 0 || names[names.length - 1] < name) {
    names.push(name);
    heads.push(head);
    return;
  }
  const at = lowerBound(names, name);
  names.splice(at, 0, name);
  heads.splice(at, 0, head);
}

/** The first index whose name is not before `name`. */
function lowerBound(names: readonly string[], name: string): number {
  let from = 0;
  let to = names.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (names[middle] < name) from = middle + 1;
    else to = middle;
  }
  return from;
}
