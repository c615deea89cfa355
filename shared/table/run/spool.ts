/**
 * Batches of a publish task, copied to a file in the temp directory: DuckDB reads rows in synchronous calls that cannot
 * wait for a store, and a task's rows can exceed memory. The file is unlinked as soon as it is open, so it does not
 * outlive the process.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlannedRead } from './runreads.ts';
import type { RunBatch } from './sessionrun.ts';

/** Batches by run, in a temporary file. */
export class Spool<Batch extends RunBatch> {
  /** Batches of each run that has any, in order of runs, with their byte ranges in the spool; batches in order. */
  readonly runs: Batch[][] = [];
  private readonly file: number;
  private length = 0;
  private lastKey: string | undefined;

  /** @param directory where the file is created; default the system's temp directory */
  constructor(directory: string = tmpdir()) {
    const own = mkdtempSync(join(directory, 'flowstitch-spool-'));
    try {
      this.file = openSync(join(own, 'batches'), 'w+');
    } finally {
      rmSync(own, { recursive: true });
    }
  }

  /** Append the bytes of a planned read; the reads of one run must come one after the other, in order. */
  append(read: PlannedRead<Batch>, bytes: Uint8Array): void {
    if (read.key !== this.lastKey) this.runs.push([]);
    this.lastKey = read.key;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at, bytes.length - at, this.length + at);
    const move = this.length - read.start;
    for (const batch of read.batches)
      this.runs.at(-1)!.push({ ...batch, start: batch.start + move, end: batch.end + move });
    this.length += bytes.length;
  }

  /** The bytes of a batch. */
  read(batch: Batch): Uint8Array {
    const bytes = new Uint8Array(batch.end - batch.start);
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(this.file, bytes, at, bytes.length - at, batch.start + at);
      if (count === 0) throw new Error('the spool file ended early');
      at += count;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.file);
  }
}
