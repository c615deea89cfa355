/**
 * The reduce stage: one partition's segments, merged by time, through the session
 * tracker, to runs of sessions and packets. In memory are the open sessions, the
 * blocks of rows that the merge has open, and one run.
 */

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskContext } from '../job/context.ts';
import type { Job } from '../job/jobconfig.ts';
import { attemptPrefix } from '../job/keys.ts';
import { PART_ROWS } from '../job/listparts.ts';
import type { FlippedPart, LongestSpan, ReduceShard, ReduceSpec, SegmentTuple, WrittenRun } from '../job/reducetask.ts';
import type { StageResults } from '../job/stageresults.ts';
import { FlowTable } from '../packet/flow/flowtable.ts';
import { PacketRows } from '../session/rows/packetrows.ts';
import { SessionRows, UID_BYTES } from '../session/rows/sessionrows.ts';
import { uidText } from '../session/rows/uid.ts';
import { SessionDirectory } from '../session/sessiondirectory.ts';
import { SessionTracker } from '../session/tracker.ts';
import { mergeSegments } from '../shard/merge.ts';
import { type ReadRange, readingAhead, type Segment } from '../shard/segment.ts';
import { jsonBytes } from '../store/jsonobject.ts';
import { type FlippedRow, flippedRows } from '../table/run/flippedsessions.ts';
import { encodePacketRun, type PacketRunBatch } from '../table/run/packetrun.ts';
import { encodeSessionRun } from '../table/run/sessionrun.ts';
import { sumStarts } from '../table/window.ts';
import { batchesOf } from './partition.ts';
import { PendingWrites } from './pendingwrites.ts';
import { addTracked, checkReduced, NOTHING_TRACKED } from './reconcile.ts';
import { specOf } from './specs.ts';
import type { StageWork } from './stage.ts';

/** Rows of a run. */
const SESSION_RUN_ROWS = 65_536;
const PACKET_RUN_ROWS = 262_144;
/** Uncompleted writes that merging waits for. */
const MOST_WRITES = 2;

export const reduceStage: StageWork<'reduce'> = { stage: 'reduce', run: runReduce };

async function runReduce(
  context: TaskContext,
  job: Job,
  task: number,
  attempt: string,
): Promise<StageResults['reduce']> {
  const { store } = context;
  const spec = await specOf<ReduceSpec>(store, job.job, 'reduce', task);
  const prefix = attemptPrefix(job.job, 'reduce', task, attempt);
  const sessionRuns: WrittenRun[] = [];
  const packetRuns: WrittenRun<PacketRunBatch>[] = [];
  const turned: FlippedPart[] = [];
  const sessionStarts = new Map<number, number>();
  const packetStarts = new Map<number, number>();
  const writes = new PendingWrites();
  let tracked = NOTHING_TRACKED;
  let leftOut = 0;
  let opened = 0;
  let sessions = 0;
  let packets = 0;
  let spanning = 0;
  let longest: LongestSpan | null = null;

  const rows = new SessionRows(SESSION_RUN_ROWS);
  const flushSessions = (): void => {
    if (rows.length === 0) return;
    for (let row = 0; row < rows.length; row++) {
      const captures = rows.captureCount[row];
      if (captures < 2) continue;
      spanning++;
      if (longest !== null && captures < longest.captures) continue;
      const uid = uidText(rows.uid, row * UID_BYTES);
      if (longest === null || captures > longest.captures || uid < longest.uid) longest = { captures, uid };
    }
    const { bytes, batches, starts } = encodeSessionRun(rows, spec.slotUs);
    const key = `${prefix}sessions-${sessionRuns.length}.arrow`;
    sessionRuns.push({ key, batches });
    sumStarts(sessionStarts, starts);
    sessions += rows.length;
    writes.add(store.put(key, bytes));
    rows.clear();
  };

  for (const [number, group] of spec.groups.entries()) {
    const scratch = join(context.scratch, `group-${number}`);
    await mkdir(scratch);
    const flows = new FlowTable();
    const directory = new SessionDirectory();
    const packetRows = new PacketRows(job.config.packets ? PACKET_RUN_ROWS : 0);
    const flushPackets = (): void => {
      if (packetRows.length === 0) return;
      const { bytes, batches, starts } = encodePacketRun(packetRows, directory, spec.slotUs);
      for (let row = 0; row < packetRows.length; row++) directory.markFlushed(packetRows.session[row]);
      const key = `${prefix}packets-${packetRuns.length}.arrow`;
      packetRuns.push({ key, batches });
      sumStarts(packetStarts, starts);
      packets += packetRows.length;
      writes.add(store.put(key, bytes));
      packetRows.clear();
    };
    const output = job.config.packets ? { rows: packetRows, onFull: flushPackets, directory } : undefined;
    const tracker = new SessionTracker(job.config.sessions, flows, rows, flushSessions, output);
    leftOut += await mergeSegments(
      group.segments.map((tuple) => segmentFrom(context, spec.shards[tuple[0]], tuple)),
      flows,
      (columns, row) => tracker.packet(columns, row, columns.flow[row], columns.capture[row]),
      {
        maxOpenRows: job.config.sizes.openRows,
        scratch,
        between: () => writes.atMost(MOST_WRITES),
      },
    );
    tracker.finish(spec.endUs);
    const { innermost, innermostBytes, outer, joined } = tracker.rowsEntered;
    tracked = addTracked(tracked, {
      packets: innermost,
      bytes: innermostBytes,
      outer,
      joined,
      orphans: tracker.orphanFragments,
    });
    opened += tracker.sessionsOpened;
    flushPackets();
    for (const part of inParts(flippedRows(directory.lateFlips, directory))) {
      const key = `${prefix}turned-${turned.length}.json`;
      turned.push({ key, firstUs: part[0][0], lastUs: part[part.length - 1][0] });
      await store.put(key, jsonBytes(part));
    }
    await rm(scratch, { recursive: true });
  }
  flushSessions();
  await writes.atMost(0);
  checkReduced(job, task, spec, { tracked, leftOut }, opened, sessions);
  return {
    sessionRuns,
    packetRuns,
    turned,
    sessionStarts: inOrder(sessionStarts),
    packetStarts: inOrder(packetStarts),
    tracked,
    leftOut,
    sessions,
    packets,
    spanning,
    longest,
  };
}

function segmentFrom(context: TaskContext, shard: ReduceShard, tuple: SegmentTuple): Segment {
  const read: ReadRange = (start, end) => context.store.get(shard.key, { start, end });
  const segment: Segment = {
    key: shard.key,
    read,
    baseUs: shard.baseUs,
    firstUs: shard.firstUs,
    lastUs: shard.lastUs,
    from: tuple[1],
    to: tuple[2],
    oneBucket: tuple[3] === 1,
    batches: batchesOf(tuple),
    captures: shard.ranks,
  };
  return { ...segment, ...readingAhead(segment, read) };
}

/** Counts per slot, as slot, count, slot, count, ... */
function inOrder(sums: ReadonlyMap<number, number>): number[] {
  return [...sums].sort((a, b) => a[0] - b[0]).flat();
}

function* inParts(rows: Iterable<FlippedRow>): Generator<FlippedRow[]> {
  let part: FlippedRow[] = [];
  for (const row of rows) {
    part.push(row);
    if (part.length < PART_ROWS) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}
