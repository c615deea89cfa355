/**
 * The conservation check: the counts of the stages after map must equal map's counts of its captures'
 * records. Each stage counts independently what it reads, tracks and writes, and here the sums are compared
 * before anything of the job is visible. A difference means that rows were lost or duplicated
 * on the way (a truncated shard, a replaced run, a defect in this program), and the
 * job fails rather than show tables that look complete.
 */

import { JobError } from '../../job/context.ts';
import type { Job } from '../../job/jobconfig.ts';
import { WORK_FOLDER } from '../../job/protocol/keys.ts';
import type { Stage, StageResults } from '../../job/protocol/stageresults.ts';
import { accountedFor, type Conservation } from '../../job/summary.ts';
import type { RankedCapture } from '../../job/tasks/maptask.ts';
import type { PublishedFile } from '../../job/tasks/publishtask.ts';
import type { Gained, Tracked } from '../../job/tasks/reduced.ts';
import type { SegmentTuple } from '../../job/tasks/reducetask.ts';
import { FATE_FRAGMENT, FATE_SESSION } from '../../packet/fate.ts';
import type { CaptureRef } from '../../store/capturesource.ts';
import { DAY_TABLES } from '../../table/tables.ts';
import type { Walked } from '../reduce/walk.ts';

/** All rows that a tracker was given. */
export function trackedRows({ packets, outer, joined, orphans }: Tracked): number {
  return packets + outer + joined + orphans;
}

const REMEDY =
  'Something in between was changed from outside or is defective, and no results of this job are shown. ' +
  `Remove ${WORK_FOLDER} in the results folder (in the cloud the prefixes jobs/ and shards/ of the work bucket) and run ` +
  'again: everything is then made again from the captures. If the error remains, please report it with both numbers';

class Ledger {
  private readonly job: string;
  private readonly stage: Stage;
  private readonly task: number | undefined;

  constructor(job: string, stage: Stage, task?: number) {
    this.job = job;
    this.stage = stage;
    this.task = task;
  }

  /** @param one, other the stage, its count, and of what, as in 'map counted 12 packets' */
  equal(one: readonly [string, number, string], other: readonly [string, number, string]): void {
    if (one[1] === other[1]) return;
    const says = ([who, count, what]: readonly [string, number, string]): string =>
      `${who} ${count.toLocaleString('en-US')} ${what}`;
    throw new JobError(`${says(one)}, but ${says(other)}. ${REMEDY}`, this.job, this.stage, this.task);
  }
}

/** Checks that every fragment that map wrote was joined or given up. @throws JobError */
export function checkJoined(job: Job, captures: readonly RankedCapture[]): void {
  let written = 0;
  let joined = 0;
  for (const { fates, fragmentsCompleted, fragmentsIncomplete, copyOf } of captures) {
    if (copyOf === null) written += fates[FATE_FRAGMENT];
    joined += fragmentsCompleted + fragmentsIncomplete;
  }
  new Ledger(job.job, 'balance', 0).equal(
    ['map found', written, 'fragments'],
    ['balance joined or gave up', joined, 'of them'],
  );
}

/**
 * Checks that every row of the segments that an attempt of a reduce task read was tracked, was made before, or is of a
 * copy, and every session written. @throws JobError
 */
export function checkReduced(
  job: Job,
  task: number,
  segments: readonly SegmentTuple[],
  { gained, before, restored }: Walked,
  leftOut: number,
): void {
  let rows = 0;
  for (const [, from, to] of segments) rows += to - from;
  const ledger = new Ledger(job.job, 'reduce', task);
  const name = `reduce task ${task}`;
  ledger.equal(
    [`the segments of ${name} hold`, rows, 'rows'],
    ['it tracked, passed over or left out', trackedRows(gained.tracked) + before + leftOut, 'of them'],
  );
  ledger.equal(
    [`${name} opened`, restored + gained.opened, 'sessions, those included that were open before'],
    ['its runs hold', gained.sessions, 'of them'],
  );
}

/** Checks that the stages have the captures that the job was given, each once. @throws JobError */
export function checkCaptures(job: Job, inputs: readonly CaptureRef[], captures: readonly RankedCapture[]): void {
  const seen = new Set(captures.map(({ capture }) => capture.location));
  let missing = 0;
  for (const { location } of inputs) if (!seen.has(location)) missing++;
  const ledger = new Ledger(job.job, 'commit', 0);
  ledger.equal(['the job was given', inputs.length, 'captures'], ['its stages have', captures.length, 'of them']);
  ledger.equal(
    ['the job was given', inputs.length, 'captures'],
    ['its stages know', inputs.length - missing, 'of them'],
  );
}

/** The results that are compared. */
export interface Reconciled {
  conservation: Conservation;
  captures: readonly RankedCapture[];
  balance: StageResults['balance'];
  /** What all intervals gave, also those of earlier jobs, and the sessions left open at the end. */
  gained: Gained;
  /** All files, also those of earlier jobs. */
  files: readonly PublishedFile[];
}

/** Checks that all stages agree on the captures' records. @throws JobError */
export function checkConserved(job: Job, { conservation, captures, balance, gained, files }: Reconciled): void {
  const ledger = new Ledger(job.job, 'commit', 0);
  ledger.equal(
    ['map read', conservation.read, 'records'],
    ['their fates account for', accountedFor(conservation), 'of them'],
  );
  let innermost = 0;
  for (const { fates, extraRows, copyOf } of captures)
    if (copyOf === null) innermost += fates[FATE_SESSION] + extraRows;
  const { tracked } = gained;
  ledger.equal(
    ['map sent', innermost, 'innermost packets into sessions'],
    ['reduce tracked', tracked.packets, 'of them'],
  );
  ledger.equal(
    ['map wrote', balance.innermostBytes, 'IP bytes of innermost packets'],
    ['reduce tracked', tracked.bytes, 'of them'],
  );
  ledger.equal(
    ['balance joined', balance.joined, 'rows of datagrams and their fragments'],
    ['reduce tracked', tracked.joined, 'of them'],
  );
  ledger.equal(
    ['balance spread', balance.rows, 'rows over partitions'],
    ['reduce tracked or left out', trackedRows(tracked) + balance.copiedRows, 'of them'],
  );
  // What passes from one interval to the next, and from job to job, is in neither's runs.
  ledger.equal(['reduce opened', gained.opened, 'sessions'], ['its runs hold', gained.sessions, 'of them']);
  for (const table of DAY_TABLES) {
    const reducedRows = gained[table];
    let publishedRows = 0;
    for (const file of files) if (file.table === table) publishedRows += file.rows;
    ledger.equal(
      ['reduce wrote', reducedRows, `rows of ${table}`],
      ['publish', publishedRows, `into files of ${table}`],
    );
    if (table === 'packets' && job.config.packets)
      ledger.equal(
        ['reduce tracked', trackedRows(tracked) - tracked.orphans, 'rows in sessions'],
        ['the packets table has', publishedRows, 'rows'],
      );
  }
}

/** Checks that a table written by commit has every row. @throws JobError */
export function checkWritten(job: Job, table: string, given: number, written: number): void {
  new Ledger(job.job, 'commit', 0).equal(
    ['commit had', given, `rows of ${table}`],
    ['the file holds', written, 'of them'],
  );
}
