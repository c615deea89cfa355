/**
 * Opening DuckDB: one in-memory instance for a writer, one for queries. Extensions are neither fetched nor loaded: the
 * Parquet code is built in, and a Lambda function must not download more.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { callNative, interruptible, unlessEnding } from './nativecalls.ts';

/**
 * Without them DuckDB takes the time zone from TZ and the calendar from the locale: `ts > now()` would depend on the
 * machine, and so would years.
 */
const SAME_EVERYWHERE = ["SET TimeZone = 'UTC'", "SET Calendar = 'gregorian'"];

/** Limits of an instance. */
export interface DuckDBLimits {
  /**
   * Memory limit of DuckDB's buffers, in DuckDB's notation; default '256MB'. Beyond it DuckDB spills to the temp
   * directory.
   */
  memoryLimit?: string;
  /** Existing directory where intermediate results may spill; default the system's. */
  tempDirectory?: string;
  /** An open instance to write with, instead of a new one; its owner closes it. */
  writer?: OpenDuckDB;
  /** The connection of `writer` to write with, its first by default: one file at a time. */
  connection?: DuckDBConnection;
  /** Threads, default 1: with one thread the bytes of a Parquet file depend on its rows alone. */
  threads?: number;
}

/** An open instance with a connection; `close` frees it and all connections. Calls of a connection go through `callNative`. */
export interface OpenDuckDB {
  readonly connection: DuckDBConnection;
  /** A further connection, for calls at the same time. */
  another(): Promise<DuckDBConnection>;
  close(): void;
}

/**
 * Open an in-memory instance. Safe in worker threads: every call creates an instance with a temp directory of its own,
 * because instances that share one would write the same file names and a query could read the files there.
 */
export async function openDuckDB(limits: DuckDBLimits = {}): Promise<OpenDuckDB> {
  const temp = mkdtempSync(join(resolve(limits.tempDirectory ?? tmpdir()), 'flowstitch-duckdb-'));
  const removeTemp = (): void => {
    process.off('exit', removeTemp);
    rmSync(temp, { recursive: true, force: true });
  };
  // A program that is stopped does not close what it has opened.
  if (isMainThread) process.on('exit', removeTemp);
  let instance: DuckDBInstance | undefined;
  try {
    const settings = {
      threads: String(limits.threads ?? 1),
      memory_limit: limits.memoryLimit ?? '256MB',
      temp_directory: temp,
      // Lambda functions have no HOME, and DuckDB refuses some statements without one.
      home_directory: temp,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
      preserve_insertion_order: 'true',
    };
    const opened = await callNative(() => DuckDBInstance.create(':memory:', settings));
    instance = opened;
    const open: { connection: DuckDBConnection; known: { forget(): void } }[] = [];
    const another = async (): Promise<DuckDBConnection> => {
      const connection = await callNative(() => opened.connect());
      for (const setting of SAME_EVERYWHERE) await callNative(() => connection.run(setting));
      open.push({ connection, known: interruptible(connection) });
      return connection;
    };
    return {
      connection: await another(),
      another,
      close(): void {
        for (const { known } of open) known.forget();
        unlessEnding(() => {
          for (const { connection } of open) connection.closeSync();
          opened.closeSync();
        });
        removeTemp();
      },
    };
  } catch (cause) {
    unlessEnding(() => instance?.closeSync());
    removeTemp();
    throw cause;
  }
}
