/**
 * Anomalies in the order of their table, however many there are: rows are added in any order, grouped into runs of
 * neighbouring ranks, and returned run by run, sorted. Up to MEMORY_ROWS stay in memory; more go to files on scratch,
 * one a run. A capture's anomalies are bounded by name (AnomalyLog), so a run of RUN_RANKS captures is bounded too.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnomalyRow } from '../capture/anomaly.ts';

/** Neighbouring ranks that are sorted together. */
const RUN_RANKS = 32;
/** Rows in memory before they go to scratch. */
const MEMORY_ROWS = 50_000;

export class AnomalySort {
  private readonly folder: string;
  private readonly most: number;
  /** Rows in memory by run, each in order of arrival. */
  private readonly runs = new Map<number, AnomalyRow[]>();
  private readonly spilled = new Set<number>();
  private held = 0;
  /** Rows added so far. */
  rows = 0;

  /** @param directory where the files are created */
  constructor(directory: string = tmpdir(), most = MEMORY_ROWS) {
    this.folder = mkdtempSync(join(directory, 'flowstitch-anomalies-'));
    this.most = most;
  }

  /** Adds a row; `capture` is the rank. */
  add(row: AnomalyRow): void {
    const number = Math.floor(row.capture / RUN_RANKS);
    const run = this.runs.get(number);
    if (run === undefined) this.runs.set(number, [row]);
    else run.push(row);
    this.rows++;
    if (++this.held >= this.most) this.spill();
  }

  /** All rows in order of (rank, offset, name); equal ones in order of arrival. Can be read once. */
  *sorted(): Generator<AnomalyRow> {
    for (const number of [...new Set([...this.spilled, ...this.runs.keys()])].sort((a, b) => a - b)) {
      const rows: AnomalyRow[] = [];
      const path = this.path(number);
      if (this.spilled.has(number))
        for (const line of readFileSync(path, 'utf8').split('\n')) if (line !== '') rows.push(JSON.parse(line));
      for (const row of this.runs.get(number) ?? []) rows.push(row);
      this.runs.delete(number);
      rows.sort(
        (a, b) => a.capture - b.capture || a.offset - b.offset || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
      );
      yield* rows;
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private path(run: number): string {
    return join(this.folder, String(run));
  }

  private spill(): void {
    for (const [number, rows] of this.runs) {
      appendFileSync(this.path(number), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      this.spilled.add(number);
    }
    this.runs.clear();
    this.held = 0;
  }
}
