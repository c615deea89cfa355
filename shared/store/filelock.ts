/**
 * A lock on a file that the system releases when its holder dies, however it dies. It works between processes of one
 * machine in any container or PID namespace, and between machines whose file system supports it (NFS 4 does). Node has
 * no call for it; Node's built-in SQLite takes such locks (fcntl) for its transactions, and treats an empty file as an
 * empty database.
 */
import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

/** SQLite's code for a file that is locked by another. */
const SQLITE_BUSY = 5;
/** Milliseconds between two attempts. */
const LOOK_MS = 20;

/** Another process holds the lock, or the file system does not support locks: the two cannot be distinguished. */
export class Locked extends Error {
  override name = 'Locked';
}

export class FileLock {
  private readonly database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.database = database;
  }

  /**
   * Takes the lock; creates the file if it does not exist.
   * @throws Locked; another Error when the file cannot be opened or locked
   */
  static take(path: string): FileLock {
    // Otherwise the journal would be a file next to it.
    return new FileLock(begin(path, false, 'PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE'));
  }

  /**
   * Waits for the lock and takes it.
   * @throws Locked when that takes longer than `ms`; else as `take`
   */
  static async await(path: string, ms: number): Promise<FileLock> {
    const until = performance.now() + ms;
    for (;;) {
      try {
        return FileLock.take(path);
      } catch (error) {
        if (!(error instanceof Locked) || performance.now() >= until) throw error;
      }
      await sleep(LOOK_MS);
    }
  }

  /** Whether the lock is held; false for a file that does not exist. */
  static isHeld(path: string): boolean {
    try {
      // A reader waits for no one, creates no file, and does not block a process that takes the lock later.
      begin(path, true, 'SELECT count(*) FROM sqlite_schema').close();
      return false;
    } catch (error) {
      if (error instanceof Locked) return true;
      if (existsSync(path)) throw error;
      return false;
    }
  }

  release(): void {
    this.database.close();
  }
}

/** Opens a file and takes the locks of a statement. */
function begin(path: string, readOnly: boolean, statement: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new (sqlite().DatabaseSync)(path, { readOnly });
    database.exec(statement);
    return database;
  } catch (cause) {
    database?.close();
    if ((cause as { errcode?: number }).errcode === SQLITE_BUSY) throw new Locked(`${path} is locked`, { cause });
    throw new Error(`cannot lock ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Node's SQLite, loaded without the warning of older Node versions, which users can do nothing about. */
function sqlite(): typeof import('node:sqlite') {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}
