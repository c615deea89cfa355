/**
 * Writes of small files at the same time. A file of a few rows goes between this thread and DuckDB's many times for a
 * few milliseconds of work: where a day has a file, and there are years of them, most of the time was spent waiting.
 * Each file has a connection of its own; they come out in order, with the same bytes.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DuckDBLimits } from './parquet/duckdb.ts';

/** Files that are written at once. */
const MOST_FILES = 4;
/** Rows of all of them: a larger file is written alone, and takes the memory that it took alone. */
const MOST_ROWS = 16_384;

interface UnderWay<File> {
  rows: number;
  connection: DuckDBConnection | undefined;
  written: Promise<File>;
}

export class FilesAtOnce<File> {
  private readonly limits: DuckDBLimits;
  private readonly underWay: UnderWay<File>[] = [];
  private readonly free: (DuckDBConnection | undefined)[] = [undefined];

  constructor(limits: DuckDBLimits = {}) {
    this.limits = limits;
  }

  /**
   * Starts a file, behind those that must have ended before.
   * @param rows that it has at most
   * @returns the files that have ended, in the order in which they were started
   */
  async *write(rows: number, write: (limits: DuckDBLimits) => Promise<File>): AsyncGenerator<File> {
    while (!this.hasRoom(rows)) yield await this.first();
    const connection = await this.connection();
    const written = write({ ...this.limits, connection });
    // The error is thrown where the file is waited for.
    written.catch(() => {});
    this.underWay.push({ rows, connection, written });
  }

  /** The files that are still under way. */
  async *rest(): AsyncGenerator<File> {
    while (this.underWay.length > 0) yield await this.first();
  }

  /** Resolves when nothing is written any more, whether it succeeded or not. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.underWay.map(({ written }) => written));
  }

  private hasRoom(rows: number): boolean {
    const { underWay, limits } = this;
    if (underWay.length === 0) return true;
    // Without an instance to connect to, each file has an instance of its own.
    if (limits.writer === undefined || underWay.length === MOST_FILES) return false;
    return underWay.reduce((sum, file) => sum + file.rows, rows) <= MOST_ROWS;
  }

  private async first(): Promise<File> {
    const { connection, written } = this.underWay[0];
    const file = await written;
    this.underWay.shift();
    this.free.push(connection);
    return file;
  }

  private async connection(): Promise<DuckDBConnection | undefined> {
    if (this.free.length > 0) return this.free.pop();
    return this.limits.writer!.another();
  }
}
