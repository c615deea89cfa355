/**
 * The place of a run among others into the same results folder. Each run has a folder of its own below
 * `.scratch/`, with its scratch files, a lock that is held as long as the run lives, and a note that identifies it. By
 * the locks a run knows which others are alive, on any machine: it waits while one is doing the same job, and removes
 * what dead ones left (scratch, and unfinished files). Runs start and end one at a time.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { UNFINISHED } from '../store/directorystore.ts';
import { FileLock, Locked } from '../store/filelock.ts';
import { systemWords } from '../store/systemerror.ts';
import { isAlive } from './alive.ts';

/** How long a run waits for others that start or end, milliseconds. */
const WAIT_MS = 30_000;

/** Identifies a run, for people. */
export interface RunNote {
  job: string;
  dataset: string;
  /** The try of the job that it is at; missing until it has begun. */
  trying?: string;
  pid: number;
  host: string;
  /** ISO 8601, as Date.toISOString writes it. */
  since: string;
}

/** What a run is going to do. */
export interface RunWish {
  job: string;
  dataset: string;
  /** Whether it waits for all other runs of the data set, as one does that begins with their results. */
  waits: boolean;
}

const NOTE = 'run.json';

/** Another run, which is waited for. */
export class OtherRun {
  private readonly folder: string;
  private last: RunNote;

  constructor(folder: string, note: RunNote) {
    this.folder = folder;
    this.last = note;
  }

  /** Whether it still runs. */
  get lives(): boolean {
    return FileLock.isHeld(join(this.folder, 'lock'));
  }

  /** Its newest note. */
  get note(): RunNote {
    this.last = noteIn(this.folder) ?? this.last;
    return this.last;
  }
}

/** The results folder is no longer the one in which the run began. */
export class PlaceLost extends Error {
  override name = 'PlaceLost';
}

/** The folders that a run uses. */
export interface Folders {
  /** The results. */
  out: string;
  /** The job's own files. */
  work: string;
  /** Folders below `out` that runs write to. */
  written: readonly string[];
}

/** Runs `action` while no run starts or ends. */
export async function alone<T>(work: string, action: () => T | Promise<T>): Promise<T> {
  makeFolders(work);
  const path = join(work, '.lock');
  let lock: FileLock;
  try {
    lock = await FileLock.await(path, WAIT_MS);
  } catch (cause) {
    if (!(cause instanceof Locked)) throw cause;
    throw new Error(
      `${path} stays locked: another run holds it too long, or this file system does not support locks. ` +
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

/** @throws Error that names the folder that cannot be created, and why */
function makeFolders(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    // For the first of several folders Node reports ENOENT whatever the reason: creating that one alone gives the reason.
    let first = folder;
    while (!existsSync(dirname(first))) first = dirname(first);
    try {
      mkdirSync(first);
    } catch (reason) {
      throw new Error(`cannot create ${first}: ${systemWords(reason)}. Name another folder with --out`, { cause });
    }
    throw cause;
  }
}

export class RunPlace {
  /** Scratch folder of this run; removed when the run ends. */
  readonly scratch: string;
  /** Prefix of the names of files that this run has not finished. */
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
   * Takes a place for a run, unless another one is doing its job, or has to end before.
   * @param wish called while no run starts or ends: what the run is going to do may depend on what others have done
   */
  static take(folders: Folders, wish: () => RunWish | Promise<RunWish>): Promise<RunPlace | OtherRun> {
    return alone(folders.work, async () => {
      const living = clearAfterDead(folders);
      const { job, dataset, waits } = await wish();
      for (const folder of living) {
        const note = noteIn(folder);
        if (note?.job === job || (waits && note?.dataset === dataset)) return new OtherRun(folder, note);
      }
      const place = new RunPlace(folders, randomBytes(6).toString('hex'));
      place.note({ job, dataset, pid: process.pid, host: hostname(), since: new Date().toISOString() });
      return place;
    });
  }

  /**
   * Does something for which nobody else may be writing to the folder, unless there is another run; none starts meanwhile.
   * @returns whether it was done
   */
  whenAlone(action: () => Promise<void>): Promise<boolean> {
    return alone(this.folders.work, async () => {
      if (clearAfterDead(this.folders).some((folder) => folder !== this.scratch)) return false;
      await action();
      return true;
    });
  }

  /** Says which try of the job this run is at. */
  tries(job: string): void {
    const note = noteIn(this.scratch);
    if (note !== undefined) this.note({ ...note, trying: job });
  }

  /** Writes the note. Whoever reads it sees the one before or this one. */
  private note(note: RunNote): void {
    const path = join(this.scratch, NOTE);
    writeFileSync(`${path}.new`, `${JSON.stringify(note)}\n`);
    renameSync(`${path}.new`, path);
  }

  /**
   * @param cause the error that this may explain
   * @throws PlaceLost when the folder was removed or replaced
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
      `${this.folders.out} was removed or replaced while the job was writing to it: its contents are gone. ` +
        'Leave the folder alone and run the same command again',
      { cause },
    );
  }

  /** Removes this run's lock, note and scratch from the results folder. */
  leave(): void {
    rmSync(this.scratch, { recursive: true, force: true });
    this.lock.release();
  }
}

/**
 * Does something to a folder of results for which no run may be at work there; none starts meanwhile.
 * @throws Error that names the run that is at work
 */
export function withoutRuns<T>(folders: Folders, action: () => Promise<T>): Promise<T> {
  return alone(folders.work, async () => {
    const [folder] = clearAfterDead(folders);
    if (folder === undefined) return action();
    const { pid, host } = noteIn(folder) ?? {};
    const who = pid === undefined ? 'a run' : `the run of process ${pid} on ${host}`;
    throw new Error(`${who} is at work in ${folders.out}: do this again when it has ended`);
  });
}

/** The note of a run; undefined when it cannot be read. */
function noteIn(folder: string): RunNote | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, NOTE), 'utf8')) as RunNote;
  } catch {
    return undefined;
  }
}

/** Removes what dead runs left. @returns the folders of the live runs */
function clearAfterDead({ out, work, written }: Folders): string[] {
  const parent = join(work, '.scratch');
  const living: string[] = [];
  for (const name of namesIn(parent)) {
    const path = join(parent, name);
    if (FileLock.isHeld(join(path, 'lock')) || isOfEarlierVersion(path)) living.push(name);
    // A run without a lock died before it began.
    else rmSync(path, { recursive: true, force: true });
  }
  for (const folder of written) removeUnfinished(join(out, folder), living);
  return living.map((name) => join(parent, name));
}

/** Earlier versions named a run's folder by its process, and saw only those of their own PID namespace. */
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

/** Removes unfinished files of dead runs, at every depth. */
function removeUnfinished(folder: string, living: readonly string[]): void {
  for (const name of namesIn(folder, true)) {
    const file = basename(name);
    if (!file.startsWith(UNFINISHED)) continue;
    const ofLiving = living.some((owner) => file.startsWith(`${UNFINISHED}${owner}-`));
    if (!ofLiving) rmSync(join(folder, name), { force: true });
  }
}
