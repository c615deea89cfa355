/**
 * A lock on a file that the system lets go of when its holder dies, however it dies. It holds between processes of one
 * machine whatever container or PID namespace they are in, and between machines where their file system hands locks
 * on (NFS 4 does). Node has no call for it; the SQLite that is part of Node takes such locks (fcntl) for its
 * transactions, and an empty file is an empty database to it.
 */
import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

/** SQLite's code for a file that somebody else has locked. */
const SQLITE_BUSY = 5;
/** Milliseconds between two tries. */
const LOOK_MS = 20;

/** Somebody else holds the lock, or the file system knows no locks: from here they look alike. */
export class Locked extends Error {
  override name = 'Locked';
}

export class FileLock {
  private readonly database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.database = database;
  }

  /**
   * Takes the lock; the file is made when it is not there.
   * @throws Locked; another Error when the file cannot be opened or locked
   */
  static take(path: string): FileLock {
    // The journal would be a file beside it.
    return new FileLock(begin(path, false, 'PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE'));
  }

  /**
   * Takes the lock once nobody else has it.
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

  /** Whether somebody holds the lock; of a file that is not there nobody does. */
  static isHeld(path: string): boolean {
    try {
      // Whoever only reads waits for nobody, makes no file, and is seen by nobody who takes the lock later.
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

/** Node's SQLite, loaded without the warning that older Nodes give of it: whoever sees it can do nothing about it. */
function sqlite(): typeof import('node:sqlite') {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}
