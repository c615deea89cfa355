/**
 * The place of a run among others into the same folder of results. Each run has a folder of its own below
 * `.scratch/`, with its scratch, a lock that is held as long as the run lives, and a note that says who it is. By the
 * locks a run knows which others live, wherever they run: one that is doing the same job sends it away, and what
 * dead ones left (scratch, and files they had not finished) is cleared away. Runs come and go one at a time.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { UNFINISHED } from '../store/directorystore.ts';
import { FileLock, Locked } from '../store/filelock.ts';
import { systemWords } from '../store/systemerror.ts';
import { isAlive } from './alive.ts';

/** How long a run waits for others that come or go: they need a moment. */
const WAIT_MS = 30_000;

/** Who a run is, for people. */
interface RunNote {
  job: string;
  pid: number;
  host: string;
  /** As Date.toISOString writes it. */
  since: string;
}

/** Another run does this job at this moment. */
export class JobInProgress extends Error {
  override name = 'JobInProgress';
}

/** The folder of results is not the one any more in which the run began. */
export class PlaceLost extends Error {
  override name = 'PlaceLost';
}

/** What a run needs to know of its folder of results. */
export interface Folders {
  /** Of the results. */
  out: string;
  /** Of the job's own files. */
  work: string;
  /** Folders below `out` that runs write to. */
  written: readonly string[];
}

/** Does something while no run comes or goes. */
export async function alone<T>(work: string, action: () => T | Promise<T>): Promise<T> {
  makeFolders(work);
  const path = join(work, '.lock');
  let lock: FileLock;
  try {
    lock = await FileLock.await(path, WAIT_MS);
  } catch (cause) {
    if (!(cause instanceof Locked)) throw cause;
    throw new Error(
      `${path} stays locked: another run does not get ready, or this file system knows no locks. ` +
        'End that run, or name a folder on another file system with --out',
      { cause },
    );
  }
  try {
    return await action();
  } finally {
    lock.release();
  }
}

/** @throws Error that names the folder which cannot be made, and why */
function makeFolders(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    // Node says ENOENT of every reason for which the first of several folders cannot be made: that one says its own.
    let first = folder;
    while (!existsSync(dirname(first))) first = dirname(first);
    try {
      mkdirSync(first);
    } catch (reason) {
      throw new Error(`cannot make ${first}: ${systemWords(reason)}. Name another folder with --out`, { cause });
    }
    throw cause;
  }
}

export class RunPlace {
  /** Scratch of this run; it goes when the run ends. */
  readonly scratch: string;
  /** Begins the names of files that this run has not finished. */
  readonly owner: string;
  private readonly folders: Folders;
  private readonly lock: FileLock;
  private readonly inode: bigint;

  private constructor(folders: Folders, owner: string) {
    this.folders = folders;
    this.owner = owner;
    this.scratch = join(folders.work, '.scratch', owner);
    mkdirSync(this.scratch, { recursive: true });
    this.lock = FileLock.take(join(this.scratch, 'lock'));
    this.inode = statSync(this.scratch, { bigint: true }).ino;
  }

  /**
   * Takes a place for a run that is to do `job`.
   * @throws JobInProgress when somebody is doing it
   */
  static take(folders: Folders, job: string): Promise<RunPlace> {
    return alone(folders.work, () => {
      const living = clearAfterDead(folders);
      const same = living.find((note) => note?.job === job);
      if (same !== undefined)
        throw new JobInProgress(
          `job ${job} is being done into ${folders.out} at this moment, by process ${same.pid} on ${same.host} since ` +
            `${same.since}: wait for its end, then the same command says what it found`,
        );
      const place = new RunPlace(folders, randomBytes(6).toString('hex'));
      const note: RunNote = { job, pid: process.pid, host: hostname(), since: new Date().toISOString() };
      writeFileSync(join(place.scratch, 'run.json'), `${JSON.stringify(note)}\n`);
      return place;
    });
  }

  /**
   * @param cause what went wrong, which this may explain
   * @throws PlaceLost when the folder was removed, or another has taken its place
   */
  check(cause?: unknown): void {
    let inode: bigint | undefined;
    try {
      inode = statSync(this.scratch, { bigint: true }).ino;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') return;
    }
    if (inode === this.inode) return;
    throw new PlaceLost(
      `${this.folders.out} was removed or replaced while the job was writing to it: what it held is gone. ` +
        'Leave the folder alone and run the same command again',
      { cause },
    );
  }

  /** Leaves the folder of results as if this run had never been in it. */
  leave(): void {
    rmSync(this.scratch, { recursive: true, force: true });
    this.lock.release();
  }
}

/** Clears away what dead runs left. @returns notes of the runs that live; undefined for one whose note cannot be read */
function clearAfterDead({ out, work, written }: Folders): (RunNote | undefined)[] {
  const parent = join(work, '.scratch');
  const living: string[] = [];
  for (const name of namesIn(parent)) {
    const path = join(parent, name);
    if (FileLock.isHeld(join(path, 'lock')) || isOfEarlierVersion(path)) living.push(name);
    // One without a lock died before it had begun.
    else rmSync(path, { recursive: true, force: true });
  }
  for (const folder of written) removeUnfinished(join(out, folder), living);
  return living.map((name) => {
    try {
      return JSON.parse(readFileSync(join(parent, name, 'run.json'), 'utf8')) as RunNote;
    } catch {
      return undefined;
    }
  });
}

/** Earlier versions named a run's folder by its process, and knew of those of their own PID namespace alone. */
function isOfEarlierVersion(path: string): boolean {
  return /^\d{1,10}$/.test(basename(path)) && !existsSync(join(path, 'lock')) && isAlive(Number(basename(path)));
}

function namesIn(folder: string, recursive = false): string[] {
  try {
    return readdirSync(folder, { recursive, encoding: 'utf8' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Removes files that nobody will finish, at every depth. */
function removeUnfinished(folder: string, living: readonly string[]): void {
  for (const name of namesIn(folder, true)) {
    const file = basename(name);
    if (!file.startsWith(UNFINISHED)) continue;
    const ofLiving = living.some((owner) => file.startsWith(`${UNFINISHED}${owner}-`));
    if (!ofLiving) rmSync(join(folder, name), { force: true });
  }
}
