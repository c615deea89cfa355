/**
 * Planning the publish stage: which windows of session start time become files, which files share a task, and which
 * parts of the reduce tasks' runs each task reads. Reduce results are added one at a time: only sums
 * per time slot and the places of runs are kept.
 */

import type { Job } from '../job/jobconfig.ts';
import type { PublishSpec } from '../job/publishtask.ts';
import type { FlippedPart, WrittenRun } from '../job/reducetask.ts';
import type { StageResults } from '../job/stageresults.ts';
import type { PacketRunBatch } from '../table/run/packetrun.ts';
import type { RunBatch } from '../table/run/sessionrun.ts';
import { planWindows, sumStarts, type Window } from '../table/window.ts';

/** Most windows of one task: many small days share one task, and with it one DuckDB, and yet there are tasks for all workers. */
const MOST_WINDOWS = 125;

/** Packet rows that take about the bytes of a session row: their files hold so many times more. */
const PACKETS_FOR_A_SESSION = 4;

export class PublishPlan {
  private readonly job: Job;
  private readonly slotUs: number;
  private readonly sessions = new TablePlan<RunBatch>();
  private readonly packets = new TablePlan<PacketRunBatch>();

  /** @param slotUs length of the slots by which starts are counted */
  constructor(job: Job, slotUs: number) {
    this.job = job;
    this.slotUs = slotUs;
  }

  /** Adds the result of a reduce task; in order of tasks. */
  add({ sessionRuns, sessionStarts, packetRuns, packetStarts, turned }: StageResults['reduce']): void {
    this.sessions.add(sessionRuns, sessionStarts, []);
    this.packets.add(packetRuns, packetStarts, turned);
  }

  /** All publish tasks of the job. */
  specs(): PublishSpec[] {
    const { fileRows } = this.job.config.sizes;
    return [
      ...this.sessions.specs('sessions', fileRows, this.slotUs),
      ...this.packets.specs('packets', fileRows * PACKETS_FOR_A_SESSION, this.slotUs),
    ];
  }
}

class TablePlan<Batch extends RunBatch> {
  private readonly sums = new Map<number, number>();
  private readonly runs: WrittenRun<Batch>[] = [];
  private readonly turned: FlippedPart[] = [];

  add(runs: readonly WrittenRun<Batch>[], starts: readonly number[], turned: readonly FlippedPart[]): void {
    for (const run of runs) this.runs.push(run);
    for (const part of turned) this.turned.push(part);
    sumStarts(this.sums, starts);
  }

  specs(table: PublishSpec['table'], mostRows: number, slotUs: number): PublishSpec[] {
    const specs = grouped(planWindows(this.sums, mostRows, slotUs), mostRows).map((windows): PublishSpec => {
      return { table, windows, mostRows, runs: [], turned: [] };
    });
    const find = finder(specs);
    for (const { key, batches } of this.runs)
      for (const batch of batches)
        for (const { runs } of find(batch)) {
          const last = runs.at(-1);
          if (last?.key === key) last.batches.push(batch);
          else runs.push({ key, batches: [batch] });
        }
    for (const part of this.turned) for (const { turned } of find(part)) turned.push(part.key);
    // A slot that is cut by time may have pieces without starts.
    return specs.filter(({ runs }) => runs.length > 0);
  }
}

/** Neighbouring windows with at most `rows` rows together. */
function grouped(windows: readonly Window[], rows: number): Window[][] {
  const groups: Window[][] = [];
  let sum = 0;
  for (const window of windows) {
    const last = groups.at(-1);
    if (last === undefined || sum + window.rows > rows || last.length === MOST_WINDOWS) {
      groups.push([window]);
      sum = window.rows;
    } else {
      last.push(window);
      sum += window.rows;
    }
  }
  return groups;
}

/** Finds those of some tasks, which stand in order of time, whose windows meet [firstUs, lastUs]. */
function finder(specs: readonly PublishSpec[]): (of: { firstUs: number; lastUs: number }) => Iterable<PublishSpec> {
  const ends = specs.map(({ windows }) => windows[windows.length - 1].toUs);
  return function* ({ firstUs, lastUs }) {
    let low = 0;
    for (let high = ends.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (ends[middle] <= firstUs) low = middle + 1;
      else high = middle;
    }
    for (; low < specs.length && specs[low].windows[0].fromUs <= lastUs; low++) yield specs[low];
  };
}
