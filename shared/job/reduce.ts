/**
 * The reduce stage: one partition's segments, merged by time, through the session
 * tracker, to runs of sessions and packets. Memory holds the open sessions, the
 * blocks of rows that the merge has open, and one run.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FlowTable } from '../packet/flowtable.ts';
import { SessionDirectory } from '../session/directory.ts';
import { PacketRows } from '../session/packetrows.ts';
import { SessionRows, UID_BYTES } from '../session/sessionrows.ts';
import { SessionTracker } from '../session/tracker.ts';
import { mergeSegments } from '../shard/merge.ts';
import { type ReadRange, readingAhead, type Segment } from '../shard/segment.ts';
import { encodePacketRun, type PacketRunBatch, turnedSessions } from '../table/packetrun.ts';
import { encodeSessionRun } from '../table/sessionrun.ts';
import type { TaskContext } from './context.ts';
import { attemptPrefix } from './keys.ts';
import { batchesOf } from './partition.ts';
import { addTracked, checkReduced, NOTHING_TRACKED } from './reconcile.ts';
import type { Job, LongestSpan, ReduceShard, ReduceSpec, RunPlace, SegmentTuple, StageResults } from './types.ts';
import { PendingWrites } from './writes.ts';

/** Rows of a run. */
const SESSION_RUN_ROWS = 65_536;
const PACKET_RUN_ROWS = 262_144;
/** Uncompleted writes that merging waits for. */
const MOST_WRITES = 2;

export async function runReduce(
  context: TaskContext,
  job: Job,
  task: number,
  spec: ReduceSpec,
  attempt: string,
): Promise<StageResults['reduce']> {
  const { store } = context;
  const prefix = attemptPrefix(job.job, 'reduce', task, attempt);
  const sessionRuns: RunPlace[] = [];
  const packetRuns: RunPlace<PacketRunBatch>[] = [];
  const turned: [string, number][] = [];
  const sessionStarts: number[][] = [];
  const packetStarts: number[][] = [];
  const writes = new PendingWrites();
  let tracked = NOTHING_TRACKED;
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
      const uid = uidText(rows, row);
      if (longest === null || captures > longest.captures || uid < longest.uid) longest = { captures, uid };
    }
    const { bytes, batches, starts } = encodeSessionRun(rows);
    const key = `${prefix}sessions-${sessionRuns.length}.arrow`;
    sessionRuns.push({ key, batches });
    sessionStarts.push(starts);
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
      const { bytes, batches, starts } = encodePacketRun(packetRows, directory);
      for (let row = 0; row < packetRows.length; row++) directory.markFlushed(packetRows.session[row]);
      const key = `${prefix}packets-${packetRuns.length}.arrow`;
      packetRuns.push({ key, batches });
      packetStarts.push(starts);
      packets += packetRows.length;
      writes.add(store.put(key, bytes));
      packetRows.clear();
    };
    const output = job.config.packets ? { rows: packetRows, onFull: flushPackets, directory } : undefined;
    const tracker = new SessionTracker(job.config.sessions, flows, rows, flushSessions, output);
    await mergeSegments(
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
    const { innermost, innermostBytes, outer, joined, orphanFragments } = tracker;
    tracked = addTracked(tracked, {
      packets: innermost,
      bytes: innermostBytes,
      outer,
      joined,
      orphans: orphanFragments,
    });
    opened += tracker.sessionsOpened;
    flushPackets();
    // One by one: as arguments of one call a million of them would not fit on the stack.
    for (const session of turnedSessions(directory.lateFlips, directory)) turned.push(session);
    await rm(scratch, { recursive: true });
  }
  flushSessions();
  await writes.atMost(0);
  checkReduced(job, task, spec, tracked, opened, sessions);
  return {
    sessionRuns,
    packetRuns,
    turned,
    sessionStarts: addCounts(sessionStarts),
    packetStarts: addCounts(packetStarts),
    tracked,
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

/** Sums counts per slot (slot, count, slot, count, ...). */
function addCounts(lists: readonly (readonly number[])[]): number[] {
  const sums = new Map<number, number>();
  for (const list of lists)
    for (let i = 0; i < list.length; i += 2) sums.set(list[i], (sums.get(list[i]) ?? 0) + list[i + 1]);
  return [...sums].sort((a, b) => a[0] - b[0]).flat();
}

function uidText(rows: SessionRows, row: number): string {
  return String.fromCharCode(...rows.uid.subarray(row * UID_BYTES, (row + 1) * UID_BYTES));
}
