/**
 * One partition's way through the intervals of a job: takes packets in time order, and writes what each interval gave at
 * its end. The end of an interval is one object, written after all that it names: an attempt that begins later goes on
 * behind the last one.
 */
import type { TaskContext } from '../../job/context.ts';
import type { Job } from '../../job/jobconfig.ts';
import { intervalEndKey } from '../../job/protocol/keys.ts';
import { PART_ROWS } from '../../job/protocol/listparts.ts';
import type { Carried, IntervalEnd } from '../../job/tasks/interval.ts';
import {
  addGained,
  type FlippedPart,
  type Gained,
  type LongestSpan,
  NOTHING_GAINED,
  type Tracked,
  type WrittenRun,
} from '../../job/tasks/reduced.ts';
import type { ReduceSpec } from '../../job/tasks/reducetask.ts';
import { FlowTable } from '../../packet/flow/flowtable.ts';
import { encodeCarry } from '../../session/carry/encodecarry.ts';
import { restoreCarry } from '../../session/carry/restorecarry.ts';
import { PacketRows } from '../../session/rows/packetrows.ts';
import { SessionRows, UID_BYTES } from '../../session/rows/sessionrows.ts';
import { uidText } from '../../session/rows/uid.ts';
import { SessionDirectory } from '../../session/sessiondirectory.ts';
import { SessionTracker } from '../../session/tracker.ts';
import type { Borders } from '../../shard/merge.ts';
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import { type FlippedRow, flippedRows } from '../../table/run/flippedsessions.ts';
import { encodePacketRun, type PacketRunBatch } from '../../table/run/packetrun.ts';
import { encodeSessionRun } from '../../table/run/sessionrun.ts';
import { slotLength, sumStarts } from '../../table/window.ts';
import { PendingWrites } from '../pendingwrites.ts';
import type { CaptureNames } from './capturenames.ts';

/** Rows of a run. */
const SESSION_RUN_ROWS = 65_536;
const PACKET_RUN_ROWS = 262_144;
/** Uncompleted writes that merging waits for. */
const MOST_WRITES = 2;

const NOT_TRACKED: Tracked = { packets: 0, bytes: 0, outer: 0, joined: 0, orphans: 0 };

/** What one attempt has done, in all the intervals that it walked. */
export interface Walked {
  gained: Gained;
  /** Rows before the first interval, which was made before. */
  before: number;
  /** Sessions that were open where the attempt began. */
  restored: number;
}

export class IntervalWalk implements Borders {
  /** Numbers and parts of the sessions that flipped, of the intervals of this attempt. */
  readonly turned: { interval: number; part: FlippedPart }[] = [];
  readonly flows = new FlowTable();
  private readonly context: TaskContext;
  private readonly job: Job;
  private readonly task: number;
  private readonly prefix: string;
  private readonly spec: ReduceSpec;
  private readonly names: CaptureNames;
  private readonly rows = new SessionRows(SESSION_RUN_ROWS);
  private readonly packetRows: PacketRows;
  private readonly directory = new SessionDirectory();
  private readonly tracker: SessionTracker;
  private readonly writes = new PendingWrites();
  /** The interval that is being walked, as a number of spec.intervals; behind the last one the sessions left open. */
  private at: number;
  private end: IntervalEnd;
  private starts = new Map<number, number>();
  private packetStarts = new Map<number, number>();
  /** Tracked up to the last border. */
  private trackedBefore: Tracked = NOT_TRACKED;
  private openedBefore = 0;
  /** Runs written so far, of both kinds. */
  private sessionRuns = 0;
  private packetRuns = 0;
  private readonly walked = { before: 0, restored: 0, gained: NOTHING_GAINED };
  private beganAt = performance.now();
  private longestMs = 0;

  /**
   * @param prefix where this attempt writes, and no other
   * @param at how many of the intervals have ended before
   */
  constructor(
    context: TaskContext,
    job: Job,
    task: number,
    prefix: string,
    spec: ReduceSpec,
    names: CaptureNames,
    at: number,
  ) {
    this.context = context;
    this.job = job;
    this.task = task;
    this.prefix = prefix;
    this.spec = spec;
    this.names = names;
    this.at = at;
    this.end = emptyEnd(spec.shards);
    this.packetRows = new PacketRows(job.config.packets ? PACKET_RUN_ROWS : 0);
    const { packetRows, directory } = this;
    const output = job.config.packets ? { rows: packetRows, onFull: () => this.flushPackets(), directory } : undefined;
    this.tracker = new SessionTracker(job.config.sessions, this.flows, this.rows, () => this.flushSessions(), output);
  }

  /** Where the attempt begins: packets before have been tracked. */
  get fromUs(): number {
    const { intervals } = this.spec;
    return intervals[this.at]?.fromUs ?? intervals.at(-1)?.toUs ?? 0;
  }

  /** End of the interval that is being walked. */
  get nextUs(): number {
    return this.spec.intervals[this.at]?.toUs ?? Number.POSITIVE_INFINITY;
  }

  /** Opens the sessions that were open where the attempt begins. */
  async restore(carried: readonly Carried[], rankOf: (identity: string) => number): Promise<void> {
    const { fromBucket, toBucket } = this.spec;
    for (const { key, place } of carried) {
      const read = (start: number, end: number): Promise<Uint8Array> => this.context.store.get(key, { start, end });
      this.walked.restored += await restoreCarry({ key, place, read }, fromBucket, toBucket, this.tracker, rankOf);
    }
  }

  /** What takes the rows of the merge. */
  emitter(): (columns: Parameters<SessionTracker['packet']>[0], row: number) => void {
    const { tracker, walked, fromUs } = this;
    return (columns, row) => {
      if (columns.us[row] < fromUs) walked.before++;
      else tracker.packet(columns, row, columns.flow[row], columns.capture[row]);
    };
  }

  /** Waits for writes that must not pile up. */
  async pause(): Promise<void> {
    await this.writes.atMost(MOST_WRITES);
  }

  /** The end of the interval that is being walked. */
  async cross(): Promise<void> {
    const interval = this.spec.intervals[this.at];
    this.tracker.endBefore(interval.toUs);
    this.flushSessions();
    this.flushPackets();
    await this.writeTurned();
    this.end.carry = await this.writeCarry();
    await this.writeEnd();
    const now = performance.now();
    this.longestMs = Math.max(this.longestMs, now - this.beganAt);
    this.beganAt = now;
  }

  /** How far the attempt is, for people. */
  get progress(): string {
    return `${this.at} of ${this.spec.intervals.length} intervals are done`;
  }

  /** Milliseconds that the next interval may take, by those so far. */
  get needsMs(): number {
    return 1.5 * this.longestMs;
  }

  /** Ends the intervals that no packet is behind, and all sessions with the input. */
  async finish(): Promise<Walked> {
    while (this.at < this.spec.intervals.length) await this.cross();
    const { openSessions } = this.tracker;
    this.tracker.finish(this.spec.endUs);
    this.flushSessions();
    if (openSessions > 0 && this.end.sessionRuns.length === 0) throw new Error('open sessions vanished');
    await this.writeEnd();
    return this.walked;
  }

  private get slotUs(): number {
    const { intervals, firstUs } = this.spec;
    // Those that are still open began in any of the intervals; of an interval the slots depend on it alone.
    const { fromUs, toUs } = intervals[this.at] ?? { fromUs: firstUs, toUs: this.spec.endUs };
    return slotLength(Math.max(fromUs, firstUs), toUs);
  }

  private flushSessions(): void {
    const { rows } = this;
    if (rows.length === 0) return;
    let spanning = 0;
    let longest: LongestSpan | null = null;
    for (let row = 0; row < rows.length; row++) {
      const captures = rows.captureCount[row];
      if (captures < 2) continue;
      spanning++;
      if (longest !== null && captures < longest.captures) continue;
      const uid = uidText(rows.uid, row * UID_BYTES);
      if (longest === null || captures > longest.captures || uid < longest.uid) longest = { captures, uid };
    }
    const { bytes, batches, starts } = encodeSessionRun(rows, this.slotUs);
    this.write(this.end.sessionRuns, `sessions-${this.sessionRuns++}.arrow`, bytes, batches);
    sumStarts(this.starts, starts);
    this.gain({ sessions: rows.length, spanning, longest });
    rows.clear();
  }

  private flushPackets(): void {
    const { packetRows, directory } = this;
    if (packetRows.length === 0) return;
    const { bytes, batches, starts } = encodePacketRun(packetRows, directory, this.slotUs);
    for (let row = 0; row < packetRows.length; row++) directory.markFlushed(packetRows.session[row]);
    this.write<PacketRunBatch>(this.end.packetRuns, `packets-${this.packetRuns++}.arrow`, bytes, batches);
    sumStarts(this.packetStarts, starts);
    this.gain({ packets: packetRows.length });
    packetRows.clear();
  }

  private gain(more: Partial<Gained>): void {
    this.end.gained = addGained(this.end.gained, { ...NOTHING_GAINED, ...more });
  }

  private write<Batch extends WrittenRun['batches'][number]>(
    runs: WrittenRun<Batch>[],
    name: string,
    bytes: Uint8Array,
    batches: Batch[],
  ): void {
    const key = `${this.prefix}${name}`;
    runs.push({ key, batches });
    this.writes.add(this.context.store.put(key, bytes));
  }

  private async writeTurned(): Promise<void> {
    const { lateFlips } = this.directory;
    if (lateFlips.length === 0) return;
    for (const part of inParts(flippedRows(lateFlips, this.directory))) {
      const key = `${this.prefix}turned-${this.turned.length}.json`;
      const place = { key, firstUs: part[0][0], lastUs: part[part.length - 1][0] };
      this.end.turned.push(place);
      this.turned.push({ interval: this.spec.first + this.at, part: place });
      await this.context.store.put(key, jsonBytes(part));
    }
    lateFlips.length = 0;
  }

  private async writeCarry(): Promise<Carried | null> {
    const { tracker, names, prefix, at, spec } = this;
    if (tracker.openSessions === 0) return null;
    const { fromBucket, toBucket } = spec;
    const key = `${prefix}carry-${spec.first + at}`;
    await names.need(...spec.ranks);
    const pieces = encodeCarry(tracker, spec.intervals[at].toUs, this.job.config.sharding, (rank) =>
      names.nameOf(rank),
    );
    const some: Uint8Array[] = [];
    for (let piece = pieces.next(); ; piece = pieces.next()) {
      if (piece.done) {
        this.writes.add(this.context.store.put(key, Buffer.concat(some)));
        return { key, fromBucket, toBucket, place: piece.value };
      }
      some.push(piece.value);
    }
  }

  /** Writes the end, once all that it names is there, and begins the next interval. */
  private async writeEnd(): Promise<void> {
    const { end, job, task, spec } = this;
    await this.writes.atMost(0);
    const tracked = this.trackedNow();
    const { sessionsOpened } = this.tracker;
    this.gain({ tracked: subtract(tracked, this.trackedBefore), opened: sessionsOpened - this.openedBefore });
    this.trackedBefore = tracked;
    this.openedBefore = sessionsOpened;
    end.sessionStarts = inOrder(this.starts);
    end.packetStarts = inOrder(this.packetStarts);
    end.slotUs = this.slotUs;
    const key = intervalEndKey(job.job, task, spec.first + this.at);
    const bytes = jsonBytes(end);
    if (!(await this.context.store.putIfAbsent(key, bytes))) {
      const there = await getJson<IntervalEnd>(this.context.store, key);
      if (there?.plan !== spec.shards) await this.context.store.put(key, bytes);
    }
    this.walked.gained = addGained(this.walked.gained, end.gained);
    this.end = emptyEnd(spec.shards);
    this.starts = new Map();
    this.packetStarts = new Map();
    this.at++;
  }

  private trackedNow(): Tracked {
    const { rowsEntered, orphanFragments } = this.tracker;
    const { innermost, innermostBytes, outer, joined } = rowsEntered;
    return { packets: innermost, bytes: innermostBytes, outer, joined, orphans: orphanFragments };
  }
}

function emptyEnd(plan: string): IntervalEnd {
  return {
    plan,
    carry: null,
    sessionRuns: [],
    packetRuns: [],
    turned: [],
    sessionStarts: [],
    packetStarts: [],
    slotUs: 0,
    gained: NOTHING_GAINED,
  };
}

function subtract(a: Tracked, b: Tracked): Tracked {
  return {
    packets: a.packets - b.packets,
    bytes: a.bytes - b.bytes,
    outer: a.outer - b.outer,
    joined: a.joined - b.joined,
    orphans: a.orphans - b.orphans,
  };
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
