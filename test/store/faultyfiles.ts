/**
 * File systems with faults for a directory store: calls that fail with a system error, short reads, and a power cut,
 * which loses all that was not synced: bytes of files without an fsync of the file, names without an fsync of their
 * folder.
 */
import type { BigIntStats, Dirent, Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Files, OpenFile } from '../../shared/store/directorystore.ts';

/** An error as Node reports it. */
export function systemError(code: string, syscall: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, path });
}

/** Calls that change something on the disk. */
type Change = 'open' | 'write' | 'mkdir' | 'link' | 'rename' | 'copyfile' | 'unlink' | 'fsync';

/** Decides whether a call fails, and with which error. `n` counts changes, from 1. */
export type Meddler = (n: number, change: Change, path: string) => Error | undefined;

/** Real files with calls that fail. A failed write leaves half of its bytes, as on a full disk. */
export class FaultyFiles implements Files {
  /** Changes requested so far. */
  changes = 0;
  private readonly files: Files;
  private readonly meddler: Meddler;
  private readonly mostRead: number;

  /** @param mostRead most bytes that one read returns */
  constructor(meddler: Meddler, mostRead = Number.POSITIVE_INFINITY, files: Files = fs) {
    this.meddler = meddler;
    this.mostRead = mostRead;
    this.files = files;
  }

  private meddle(change: Change, path: string): void {
    const error = this.meddler(++this.changes, change, path);
    if (error !== undefined) throw error;
  }

  async open(path: string, flags: string): Promise<OpenFile> {
    if (flags !== 'r') this.meddle('open', path);
    const file = await this.files.open(path, flags);
    return {
      stat: () => file.stat(),
      read: (into, at, length, position) => file.read(into, at, Math.min(length, this.mostRead), position),
      writeFile: async (bytes) => {
        try {
          this.meddle('write', path);
        } catch (error) {
          await file.writeFile(bytes.subarray(0, bytes.length >> 1));
          throw error;
        }
        await file.writeFile(bytes);
      },
      sync: async () => {
        this.meddle('fsync', path);
        await file.sync();
      },
      close: () => file.close(),
    };
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.files.readFile(path);
  }

  readdir(path: string, options: { withFileTypes: true }): Promise<Dirent[]> {
    return this.files.readdir(path, options);
  }

  stat(path: string, options: { bigint: true }): Promise<BigIntStats> {
    return this.files.stat(path, options);
  }

  async mkdir(path: string, options: { recursive: true }): Promise<string | undefined> {
    this.meddle('mkdir', path);
    return this.files.mkdir(path, options);
  }

  async link(from: string, to: string): Promise<void> {
    this.meddle('link', to);
    await this.files.link(from, to);
  }

  async rename(from: string, to: string): Promise<void> {
    this.meddle('rename', to);
    await this.files.rename(from, to);
  }

  async copyFile(from: string, to: string): Promise<void> {
    this.meddle('copyfile', to);
    await this.files.copyFile(from, to);
  }

  async rm(path: string, options?: { force?: boolean }): Promise<void> {
    this.meddle('unlink', path);
    await this.files.rm(path, options);
  }
}

interface FileNode {
  kind: 'file';
  bytes: Uint8Array;
  /** The bytes at the last fsync; null before the first. */
  synced: Uint8Array | null;
}

interface FolderNode {
  kind: 'folder';
  entries: Map<string, Node>;
  synced: Map<string, Node>;
}

type Node = FileNode | FolderNode;

const folderNode = (): FolderNode => ({ kind: 'folder', entries: new Map(), synced: new Map() });

/**
 * A file system in memory that loses at a power cut what was not synced. A file whose name was synced but not its bytes
 * is empty afterwards. Files of the real file system can be moved into it; their fsync counts.
 */
export class ForgetfulFiles implements Files {
  private readonly top = folderNode();
  private readonly root: string;
  private readonly syncedOutside = new Set<string>();

  /** @param root absolute path below which files are held here */
  constructor(root: string) {
    this.root = root;
  }

  /** Loses everything that was not synced. */
  powerCut(): void {
    const settle = (folder: FolderNode): void => {
      folder.entries = new Map(folder.synced);
      for (const node of folder.entries.values()) {
        if (node.kind === 'folder') settle(node);
        else node.bytes = node.synced ?? new Uint8Array(0);
      }
    };
    settle(this.top);
  }

  /** Path and bytes of all files. */
  all(): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    const walk = (folder: FolderNode, path: string): void => {
      for (const [name, node] of folder.entries) {
        if (node.kind === 'folder') walk(node, join(path, name));
        else found.set(join(path, name), node.bytes);
      }
    };
    walk(this.top, '');
    return found;
  }

  private inside(path: string): boolean {
    return path === this.root || path.startsWith(`${this.root}/`);
  }

  private find(path: string): Node | undefined {
    let node: Node | undefined = this.top;
    for (const name of path.slice(this.root.length).split('/').filter(Boolean))
      node = node?.kind === 'folder' ? node.entries.get(name) : undefined;
    return node;
  }

  private folderOf(path: string, syscall: string): FolderNode {
    const folder = this.find(dirname(path));
    if (folder?.kind !== 'folder') throw systemError('ENOENT', syscall, path);
    return folder;
  }

  private fileAt(path: string, syscall: string): FileNode {
    const node = this.find(path);
    if (node === undefined) throw systemError('ENOENT', syscall, path);
    if (node.kind !== 'file') throw systemError('EISDIR', syscall, path);
    return node;
  }

  async open(path: string, flags: string): Promise<OpenFile> {
    if (!this.inside(path)) return this.openOutside(path, flags);
    let node = this.find(path);
    if (flags === 'wx') {
      if (node !== undefined) throw systemError('EEXIST', 'open', path);
      node = { kind: 'file', bytes: new Uint8Array(0), synced: null };
      this.folderOf(path, 'open').entries.set(basename(path), node);
    }
    if (node === undefined) throw systemError('ENOENT', 'open', path);
    const opened = node;
    return {
      stat: async () => ({ size: opened.kind === 'file' ? opened.bytes.length : 0 }) as Stats,
      read: async (into, at, length, position) => {
        if (opened.kind !== 'file') throw systemError('EISDIR', 'read', path);
        const bytes = opened.bytes.subarray(position, position + length);
        into.set(bytes, at);
        return { bytesRead: bytes.length };
      },
      writeFile: async (bytes) => {
        if (opened.kind !== 'file') throw systemError('EISDIR', 'write', path);
        opened.bytes = bytes.slice();
      },
      sync: async () => {
        if (opened.kind === 'file') opened.synced = opened.bytes;
        else opened.synced = new Map(opened.entries);
      },
      close: async () => {},
    };
  }

  private async openOutside(path: string, flags: string): Promise<OpenFile> {
    const file = await fs.open(path, flags);
    return {
      stat: () => file.stat(),
      read: (into, at, length, position) => file.read(into, at, length, position),
      writeFile: (bytes) => file.writeFile(bytes),
      sync: async () => void this.syncedOutside.add(path),
      close: () => file.close(),
    };
  }

  async readFile(path: string): Promise<Uint8Array> {
    return this.fileAt(path, 'open').bytes.slice();
  }

  async readdir(path: string): Promise<Dirent[]> {
    const node = this.find(path);
    if (node?.kind !== 'folder') throw systemError('ENOENT', 'scandir', path);
    return [...node.entries].map(([name, { kind }]) => ({ name, isDirectory: () => kind === 'folder' }) as Dirent);
  }

  async stat(path: string): Promise<BigIntStats> {
    const node = this.find(path);
    if (node === undefined) throw systemError('ENOENT', 'stat', path);
    const size = BigInt(node.kind === 'file' ? node.bytes.length : 0);
    return { isFile: () => node.kind === 'file', size, mtimeNs: 0n, mtimeMs: 0n } as BigIntStats;
  }

  async mkdir(path: string): Promise<string | undefined> {
    let first: string | undefined;
    let folder = this.top;
    let at = this.root;
    for (const name of path.slice(this.root.length).split('/').filter(Boolean)) {
      at = join(at, name);
      let next = folder.entries.get(name);
      if (next === undefined) {
        next = folderNode();
        folder.entries.set(name, next);
        first ??= at;
      }
      if (next.kind !== 'folder') throw systemError('ENOTDIR', 'mkdir', path);
      folder = next;
    }
    return first;
  }

  async link(from: string, to: string): Promise<void> {
    const node = this.fileAt(from, 'link');
    const folder = this.folderOf(to, 'link');
    if (folder.entries.has(basename(to))) throw systemError('EEXIST', 'link', to);
    folder.entries.set(basename(to), node);
  }

  async rename(from: string, to: string): Promise<void> {
    const folder = this.folderOf(to, 'rename');
    if (this.inside(from)) {
      folder.entries.set(basename(to), this.fileAt(from, 'rename'));
      this.folderOf(from, 'rename').entries.delete(basename(from));
      return;
    }
    const bytes = new Uint8Array(await fs.readFile(from));
    folder.entries.set(basename(to), { kind: 'file', bytes, synced: this.syncedOutside.has(from) ? bytes : null });
    this.syncedOutside.delete(from);
    await fs.rm(from);
  }

  async copyFile(from: string, to: string): Promise<void> {
    const bytes = new Uint8Array(await fs.readFile(from));
    this.folderOf(to, 'copyfile').entries.set(basename(to), { kind: 'file', bytes, synced: null });
  }

  async rm(path: string, options?: { force?: boolean }): Promise<void> {
    const folder = this.find(dirname(path));
    const there = folder?.kind === 'folder' && folder.entries.delete(basename(path));
    if (!there && options?.force !== true) throw systemError('ENOENT', 'unlink', path);
  }
}
