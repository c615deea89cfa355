/**
 * The map stage: captures to shards. Each capture is streamed once; a shard holds
 * whole captures, or a piece of one, so that its records can be put in the order
 * of captures without knowing those of other tasks.
 */

import { AnomalyLog, type AnomalyRow } from '../../capture/anomaly.ts';
import type { CaptureFacts } from '../../capture/facts.ts';
import { readCapture } from '../../capture/read.ts';
import type { TaskContext } from '../../job/context.ts';
import { faultOf, soundOrDiscarded } from '../../job/fault.ts';
import { type Job, shardingDigest } from '../../job/jobconfig.ts';
import { shardGroupPrefix, shardSummaryKey } from '../../job/keys.ts';
import { PART_ROWS, PartsWriter } from '../../job/listparts.ts';
import type {
  CaptureOutcome,
  FragmentPlace,
  MapSpec,
  MapSummary,
  PlannedCapture,
  ShardPlace,
} from '../../job/maptask.ts';
import { compareCaptures } from '../../job/rank.ts';
import type { StageResults } from '../../job/stageresults.ts';
import { META_LEVELS, PacketColumns } from '../../packet/columns.ts';
import { PacketDecoder } from '../../packet/decode.ts';
import { FATE_SESSION, FATES } from '../../packet/fate.ts';
import { FlowTable } from '../../packet/flow/flowtable.ts';
import { byDepth, sortedFragmentOrder } from '../../packet/fragment/fragmentorder.ts';
import { FragmentColumns } from '../../packet/fragmentcolumns.ts';
import { RecordDigest } from '../../packet/recorddigest.ts';
import { encodeFragments } from '../../shard/fragmentfile.ts';
import { ShardWriter } from '../../shard/shardwriter.ts';
import type { CaptureSource } from '../../store/capturesource.ts';
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import { StoreError } from '../../store/objectstore.ts';
import { isMachineFault } from '../../store/systemerror.ts';
import { PendingWrites } from '../pendingwrites.ts';
import { specOf } from '../specs.ts';
import type { StageWork } from '../stage.ts';
import { unreadableFacts } from '../unreadable.ts';
import { CarefulReading } from './carefulreading.ts';
import { ReadingAhead } from './readahead.ts';

/** Rows that one record can add beyond the bound of a shard. */
const SPARE_ROWS = 64;
/** Rows that are digested at once: few enough to be in a processor's cache still. */
const DIGEST_ROWS = 1024;
/** Fragments kept before they are written. */
const FRAGMENT_ROWS = 100_000;
/** Uncompleted writes that reading waits for. */
const MOST_WRITES = 2;

export const mapStage: StageWork<'map'> = { stage: 'map', run: runMap, release: releaseWorkspaces };

/** One attempt at a map task. */
async function runMap(context: TaskContext, job: Job, task: number, attempt: string): Promise<StageResults['map']> {
  const spec = await specOf<MapSpec>(context.store, job.job, 'map', task);
  const prefix = shardGroupPrefix(shardingDigest(job.config), spec.group);
  const shared = shardSummaryKey(prefix);
  const known = await soundOrDiscarded<MapSummary>(context.store, shared, context.onDamaged);
  if (known !== undefined) return result(shared, known, true);
  const careful = await CarefulReading.begin(context.store, job.job, task, context.receives ?? 1);
  // Whoever reads with care reads one capture at a time: then it is known which one was fatal.
  const source = careful === null ? new ReadingAhead(context.captures, spec.captures) : context.captures;
  const mapper = new Mapper(context, job, `${prefix}${attempt}/`, source);
  let summary: MapSummary;
  try {
    for (const [number, capture] of spec.captures.entries()) {
      if (careful?.leavesOut(number)) {
        await mapper.read({ ...capture, refused: GIVEN_UP });
        continue;
      }
      await careful?.before(number);
      context.onCapture?.(capture.name);
      await mapper.read(capture);
    }
    await careful?.before(null);
    summary = await mapper.finish();
  } catch (error) {
    // A full disk is not the doing of the capture that was being read.
    if (faultOf(error) !== null) await careful?.forget();
    throw error;
  }
  // Other jobs may use these shards only if they hold all that the captures' versions promise.
  if (summary.captures.every((outcome) => outcome.failure === null)) {
    if (await context.store.putIfAbsent(shared, jsonBytes(summary))) return result(shared, summary, false);
    return result(shared, (await getJson<MapSummary>(context.store, shared)) ?? summary, false);
  }
  const own = `${prefix}${attempt}/summary.json`;
  await context.store.put(own, jsonBytes(summary));
  return result(own, summary, false);
}

function result(key: string, summary: MapSummary, reused: boolean): StageResults['map'] {
  let records = 0;
  for (const { facts } of summary.captures) records += facts.records;
  return { summary: key, captures: summary.captures.length, records, reused };
}

/** What a map task works in: a hundred megabytes that the next task of this process can use again. */
class Workspace {
  readonly columns = new PacketColumns(1 << 16);
  readonly flows = new FlowTable();
  readonly fragments = new FragmentColumns(1024);
  readonly writer = new ShardWriter();
}

const spareWorkspaces: Workspace[] = [];

/** Gives the memory of ended map tasks back, for tasks of other stages. */
function releaseWorkspaces(): void {
  spareWorkspaces.length = 0;
}

class Mapper {
  private readonly context: TaskContext;
  private readonly job: Job;
  private readonly prefix: string;
  private readonly source: Pick<CaptureSource, 'stream'>;
  private readonly workspace: Workspace;
  private readonly columns: PacketColumns;
  private readonly flows: FlowTable;
  private readonly fragments: FragmentColumns;
  private readonly anomalies = new AnomalyLog();
  private readonly anomalyParts: PartsWriter<AnomalyRow>;
  private readonly decoder: PacketDecoder;
  private readonly writer: ShardWriter;
  private readonly outcomes: CaptureOutcome[] = [];
  private readonly shards: ShardPlace[] = [];
  private readonly fragmentFiles: FragmentPlace[] = [];
  private innermostBytes = 0;
  private readonly writes = new PendingWrites();
  /** First row, and first fragment, of the capture that is being read. */
  private captureRow = 0;
  private captureFragment = 0;
  /** Rows, and fragments, that its digest has seen. */
  private digestedRow = 0;
  private digestedFragment = 0;
  private digest = new RecordDigest();

  constructor(context: TaskContext, job: Job, prefix: string, source: Pick<CaptureSource, 'stream'>) {
    this.context = context;
    this.job = job;
    this.prefix = prefix;
    this.source = source;
    this.workspace = spareWorkspaces.pop() ?? new Workspace();
    this.columns = this.workspace.columns;
    this.flows = this.workspace.flows;
    this.fragments = this.workspace.fragments;
    // A task that failed half-way may have left rows.
    this.columns.length = 0;
    this.flows.clear();
    this.fragments.clear();
    this.decoder = new PacketDecoder(job.config.decode, this.columns, this.flows, this.fragments, this.anomalies);
    this.writer = this.workspace.writer;
    this.anomalyParts = new PartsWriter(context.store, `${prefix}anomalies-`);
  }

  /** Reads one capture to its end, or to where it cannot be read. */
  async read(capture: PlannedCapture): Promise<void> {
    const { columns, decoder, fragments } = this;
    const number = this.outcomes.length;
    const fates = new Float64Array(FATES.length);
    let extraRows = 0;
    const limit = this.job.config.sizes.shardRows - SPARE_ROWS;
    this.anomalies.capture = decoder.capture = number;
    this.captureRow = this.digestedRow = columns.length;
    this.captureFragment = this.digestedFragment = fragments.length;
    this.digest = new RecordDigest();
    const sink = {
      record: (
        bytes: Uint8Array,
        start: number,
        capLen: number,
        origLen: number,
        us: number,
        ns: number,
        linkType: number,
        offset: number,
      ): void => {
        const row = columns.length;
        const fate = decoder.packet(bytes, start, capLen, origLen, us, ns, linkType, offset);
        fates[fate]++;
        const rows = columns.length - row;
        if (rows > 1 || (rows === 1 && fate !== FATE_SESSION)) extraRows += extraInnermost(columns, row, fate);
        if (columns.length - this.digestedRow >= DIGEST_ROWS) this.takeDigest();
        if (columns.length >= limit) this.spill();
        if (fragments.length >= FRAGMENT_ROWS) this.flushFragments();
      },
    };
    let facts: CaptureFacts | undefined;
    let failure: CaptureOutcome['failure'] = null;
    try {
      if (capture.refused !== undefined) failure = capture.refused;
      else failure = await this.changed(capture);
      if (failure === null)
        facts = await readCapture(this.paced(capture), sink, this.anomalies, {
          reopen: () => this.paced(capture),
          bounds: this.job.config.compression,
        });
      failure ??= await this.changed(capture);
    } catch (error) {
      if (!(error instanceof UnreadableCapture)) throw error;
      failure = failureOf(error);
    }
    if (failure !== null) {
      this.anomalies.anomaly(failure.reason, -1, 0, 0, failure.detail);
      facts = undefined;
    }
    this.takeDigest();
    if (facts === undefined) {
      facts = unreadableFacts();
      for (const count of fates) facts.records += count;
    }
    this.outcomes.push({
      capture,
      facts,
      fates: Array.from(fates),
      extraRows,
      digest: failure === null ? this.digest.finish(fates) : null,
      failure,
    });
    if (this.anomalies.rows.length >= PART_ROWS) await this.anomalyParts.add(this.anomalies.finish());
  }

  /** Writes what is left. */
  async finish(): Promise<MapSummary> {
    this.flushRows(this.columns.length);
    this.captureFragment = this.fragments.length;
    this.flushFragments();
    await this.writes.atMost(0);
    spareWorkspaces.push(this.workspace);
    const anomalyParts = await this.anomalyParts.end();
    return {
      captures: this.outcomes,
      shards: this.shards,
      fragments: this.fragmentFiles,
      innermostBytes: this.innermostBytes,
      anomalies: this.anomalies.rows,
      ...(anomalyParts.length > 0 && { anomalyParts }),
    };
  }

  /** The capture's bytes, no faster than shards can be written. */
  private async *paced(capture: PlannedCapture): AsyncIterable<Uint8Array> {
    for await (const chunk of this.bytes(capture)) {
      this.context.signal?.throwIfAborted();
      await this.writes.atMost(MOST_WRITES);
      yield chunk;
    }
  }

  /** The capture's bytes; an error in reading them is told from every other error of the task. */
  private async *bytes(capture: PlannedCapture): AsyncIterable<Uint8Array> {
    try {
      yield* this.source.stream(capture);
    } catch (error) {
      // What another attempt may mend is not the capture's doing.
      if ((error instanceof StoreError && error.reason === 'io') || isMachineFault(error)) throw error;
      throw new UnreadableCapture(error);
    }
  }

  private async changed(capture: PlannedCapture): Promise<typeof CHANGED | null> {
    const { captures } = this.context;
    if (captures.version === undefined) return null;
    try {
      const version = await captures.version(capture);
      if (version === undefined) return GONE;
      return version === capture.version ? null : CHANGED;
    } catch (error) {
      if (isMachineFault(error)) throw error;
      throw new UnreadableCapture(error);
    }
  }

  private takeDigest(): void {
    const { columns, flows, fragments, digestedRow, digestedFragment } = this;
    this.digest.records(columns, flows, digestedRow, columns.length, fragments, digestedFragment, fragments.length);
    this.digestedRow = columns.length;
    this.digestedFragment = fragments.length;
  }

  /** The columns are full in the middle of a capture: write the captures before it, or else its rows so far. */
  private spill(): void {
    this.takeDigest();
    if (this.captureRow === 0) {
      this.flushRows(this.columns.length);
    } else {
      const kept = this.columns.length - this.captureRow;
      this.flushRows(this.captureRow, kept);
    }
    this.captureRow = 0;
    this.digestedRow = this.columns.length;
  }

  /** Writes the first `rows` rows as a shard and keeps the `kept` rows behind them. */
  private flushRows(rows: number, kept = 0): void {
    const { columns, flows } = this;
    if (rows === 0) return;
    const captures = capturesOf(columns.capture, rows);
    this.innermostBytes += innermostBytes(columns, rows);
    const { sharding, sizes } = this.job.config;
    const { bytes, index } = this.writer.write(columns, rows, flows, sharding, this.localRanks(), sizes.batchRows);
    const key = `${this.prefix}${String(this.shards.length).padStart(5, '0')}.arrow`;
    this.shards.push({ ...index, key, captures });
    this.writes.add(this.context.store.put(key, bytes));
    columns.keepRows(rows, kept);
    if (kept === 0) flows.clear();
  }

  /** Writes the fragments: those of whole captures, whose ranks are known, apart from those of the capture being read. */
  private flushFragments(): void {
    this.takeDigest();
    this.writeFragments(0, this.captureFragment);
    this.writeFragments(this.captureFragment, this.fragments.length);
    this.fragments.clear();
    this.captureFragment = this.digestedFragment = 0;
  }

  private writeFragments(from: number, to: number): void {
    if (from === to) return;
    const order = sortedFragmentOrder(this.fragments, from, to, this.localRanks());
    for (const { depth, order: rows } of byDepth(this.fragments, order)) {
      const { bytes, batches } = encodeFragments(this.fragments, rows);
      const key = `${this.prefix}fragments-${String(this.fragmentFiles.length).padStart(5, '0')}.arrow`;
      this.fragmentFiles.push({ key, depth, bytes: bytes.length, rows: rows.length, batches });
      this.writes.add(this.context.store.put(key, bytes));
    }
  }

  /** Place of each capture read so far in the order of captures; the one being read comes last. */
  private localRanks(): Uint32Array {
    const order = this.outcomes.map((_, number) => number);
    order.sort((a, b) => compareCaptures(this.outcomes[a], this.outcomes[b]));
    const ranks = new Uint32Array(this.outcomes.length + 1);
    for (const [rank, number] of order.entries()) ranks[number] = rank;
    ranks[this.outcomes.length] = this.outcomes.length;
    return ranks;
  }
}

/** Innermost packets of one record among rows from `row` on, but for the one that its fate tells of. */
function extraInnermost({ meta, length }: PacketColumns, row: number, fate: number): number {
  let innermost = 0;
  for (let at = row; at < length; at++) if ((meta[at] & META_LEVELS) === 0) innermost++;
  return Math.max(0, innermost - (fate === FATE_SESSION ? 1 : 0));
}

/** IP bytes of the innermost packets among the first rows. */
function innermostBytes({ meta, ipLen }: PacketColumns, rows: number): number {
  let bytes = 0;
  for (let row = 0; row < rows; row++) if ((meta[row] & META_LEVELS) === 0) bytes += ipLen[row];
  return bytes;
}

/** The capture's bytes cannot be had: it is lost, the task is not. */
class UnreadableCapture extends Error {
  override name = 'UnreadableCapture';

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Why a capture cannot be read, as tables and the summary name it. */
function failureOf(error: UnreadableCapture): { reason: string; detail: string } {
  const { cause, message } = error;
  if (!(cause instanceof StoreError)) return { reason: 'unreadable_object', detail: message };
  if (cause.reason === 'missing') return GONE;
  if (cause.reason === 'changed') return CHANGED;
  return { reason: 'capture_refused', detail: message };
}

const GIVEN_UP = {
  reason: 'capture_given_up',
  detail: 'every attempt that came to this capture failed or died there; flowstitch inspect shows what it holds',
};

const GONE = {
  reason: 'capture_gone',
  detail: 'the capture was removed while the job ran; run the job again with those that are there',
};

const CHANGED = {
  reason: 'capture_changed',
  detail: 'the capture was written to while the job ran; run the job again when it is at rest',
};

function capturesOf(column: Uint32Array, rows: number): number[] {
  let last = -1;
  const seen = new Set<number>();
  for (let row = 0; row < rows; row++)
    if (column[row] !== last) {
      last = column[row];
      seen.add(last);
    }
  return [...seen].sort((a, b) => a - b);
}
