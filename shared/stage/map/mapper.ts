/** Reads the captures of a map task one after another: each record is decoded, counted by its fate, and passed to the output. */
import { AnomalyLog, type AnomalyRow, type AnomalySink } from '../../capture/anomaly.ts';
import type { CaptureFacts } from '../../capture/facts.ts';
import { readCapture } from '../../capture/read.ts';
import type { RecordSink } from '../../capture/recordsink.ts';
import { needsScreen, type Screen, TimeSurvey } from '../../capture/screen.ts';
import type { TaskContext } from '../../job/context.ts';
import type { Job } from '../../job/jobconfig.ts';
import { PART_ROWS, PartsWriter } from '../../job/protocol/listparts.ts';
import type { CaptureOutcome, MapSummary, PlannedCapture } from '../../job/tasks/maptask.ts';
import { META_LEVELS, type PacketColumns } from '../../packet/columns.ts';
import type { PacketDecoder } from '../../packet/decode.ts';
import { FATE_FRAGMENT, FATE_SESSION, FATES, fateOf } from '../../packet/fate.ts';
import { decoderOf, FORGOTTEN } from '../../packet/forgettingdecoder.ts';
import { UndecodedCounts } from '../../packet/undecoded.ts';
import type { CaptureSource } from '../../store/capturesource.ts';
import { PendingWrites } from '../pendingwrites.ts';
import { unreadableFacts } from '../unreadable.ts';
import { CaptureBytes, failureOf, UnreadableCapture } from './capturebytes.ts';
import { CaptureDigest } from './capturedigest.ts';
import { ShardOutput } from './shardoutput.ts';
import { leaveWorkspace, takeWorkspace } from './workspace.ts';

/** Rows that one record can add beyond the limit of a shard. */
const SPARE_ROWS = 64;
/** Rows that are digested at once: few enough to still be in the processor's cache. */
const DIGEST_ROWS = 1024;
/** Fragments kept before they are written. */
const FRAGMENT_ROWS = 100_000;
const IMPLAUSIBLE = fateOf('implausible_after_damage');

export class Mapper {
  private readonly job: Job;
  private readonly workspace = takeWorkspace();
  private readonly anomalies = new AnomalyLog();
  private readonly anomalyParts: PartsWriter<AnomalyRow>;
  private readonly decoder: PacketDecoder;
  private readonly writes = new PendingWrites();
  private readonly bytes: CaptureBytes;
  private readonly digest: CaptureDigest;
  private readonly output: ShardOutput;
  private readonly undecoded = new UndecodedCounts();
  private readonly outcomes: CaptureOutcome[] = [];
  private readonly screens: ReadonlyMap<number, Screen>;
  /** Screens of captures that should have been read with one. */
  readonly missed = new Map<number, Screen>();

  /** @param screens by the number of the capture. @param prefix of all keys written. @param source of the captures' bytes */
  constructor(
    context: TaskContext,
    job: Job,
    prefix: string,
    source: Pick<CaptureSource, 'stream'>,
    screens: ReadonlyMap<number, Screen>,
  ) {
    this.screens = screens;
    const { workspace, writes, outcomes } = this;
    const { columns, flows, fragments } = workspace;
    const { store, captures, signal } = context;
    this.job = job;
    this.decoder = decoderOf(job.config.decode, columns, flows, fragments, this.anomalies);
    this.anomalyParts = new PartsWriter(store, `${prefix}anomalies-`);
    this.bytes = new CaptureBytes(source, captures, writes, signal);
    this.digest = new CaptureDigest(workspace);
    this.output = new ShardOutput(workspace, job.config, store, prefix, outcomes, writes);
  }

  /** Reads one capture to its end, or as far as it can be read. */
  async read(capture: PlannedCapture): Promise<void> {
    const { decoder, digest, output, undecoded } = this;
    const { columns, fragments } = this.workspace;
    const number = this.outcomes.length;
    const fates = new Float64Array(FATES.length);
    let extraRows = 0;
    let forgotten = 0;
    const limit = this.job.config.sizes.shardRows - SPARE_ROWS;
    this.anomalies.capture = decoder.capture = number;
    output.beginCapture();
    digest.begin();
    const screen = this.screens.get(number);
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
        if (screen !== undefined && !screen.plausible(us, ns, offset)) {
          fates[IMPLAUSIBLE]++;
          this.anomalies.anomaly(FATES[IMPLAUSIBLE], us, ns, offset, '');
          digest.undecoded(bytes, start, capLen, origLen, us, ns, linkType);
          return;
        }
        const row = columns.length;
        const fate = decoder.packet(bytes, start, capLen, origLen, us, ns, linkType, offset);
        if (fate === FORGOTTEN) {
          forgotten++;
          digest.undecoded(bytes, start, capLen, origLen, us, ns, linkType);
          return;
        }
        fates[fate]++;
        if (fate !== FATE_SESSION && fate !== FATE_FRAGMENT) {
          digest.undecoded(bytes, start, capLen, origLen, us, ns, linkType);
          decoder.countUndecoded(undecoded, fate);
        }
        const rows = columns.length - row;
        if (rows > 1 || (rows === 1 && fate !== FATE_SESSION)) extraRows += extraInnermost(columns, row, fate);
        if (columns.length - digest.nextRow >= DIGEST_ROWS) digest.take();
        if (columns.length >= limit) {
          digest.take();
          output.spillRows();
          digest.moved();
        }
        if (fragments.length >= FRAGMENT_ROWS) {
          digest.take();
          output.spillFragments();
          digest.moved();
        }
      },
    };
    let facts: CaptureFacts | undefined;
    let failure: CaptureOutcome['failure'] = null;
    try {
      if (capture.refused !== undefined) failure = capture.refused;
      else failure = await this.bytes.changed(capture);
      if (failure === null) facts = await this.records(capture, sink, this.anomalies);
      if (facts !== undefined && screen !== undefined) facts = screen.within(facts);
      else if (facts !== undefined && needsScreen(facts)) {
        const survey = new TimeSurvey();
        await this.records(capture, survey, { anomaly() {} });
        this.missed.set(number, survey.screen(facts));
      }
      failure ??= await this.bytes.changed(capture);
    } catch (error) {
      if (!(error instanceof UnreadableCapture)) throw error;
      failure = failureOf(error);
    }
    if (failure !== null) {
      this.anomalies.anomaly(failure.reason, -1, 0, 0, failure.detail);
      facts = undefined;
    }
    digest.take();
    if (facts === undefined) {
      facts = unreadableFacts();
      for (const count of fates) facts.records += count;
      facts.records += forgotten;
    }
    this.outcomes.push({
      capture,
      facts,
      fates: Array.from(fates),
      undecoded: undecoded.take(),
      extraRows,
      ...(forgotten > 0 && { forgotten }),
      digest: failure === null ? digest.finish(fates) : null,
      failure,
    });
    if (this.anomalies.rows.length >= PART_ROWS) await this.anomalyParts.add(this.anomalies.finish());
  }

  private records(capture: PlannedCapture, sink: RecordSink, anomalies: AnomalySink): Promise<CaptureFacts> {
    return readCapture(this.bytes.stream(capture), sink, anomalies, {
      reopen: () => this.bytes.stream(capture),
      bounds: this.job.config.compression,
    });
  }

  /** Ends it without a result: all is read again, and written over. */
  async abandon(): Promise<void> {
    await this.writes.atMost(0);
    leaveWorkspace(this.workspace);
  }

  /** Writes what is left. */
  async finish(): Promise<MapSummary> {
    const { output } = this;
    output.finish();
    await this.writes.atMost(0);
    leaveWorkspace(this.workspace);
    const anomalyParts = await this.anomalyParts.end();
    return {
      captures: this.outcomes,
      shards: output.shards,
      fragments: output.fragments,
      innermostBytes: output.innermostBytes,
      anomalies: this.anomalies.rows,
      ...(anomalyParts.length > 0 && { anomalyParts }),
    };
  }
}

/** Innermost packets of one record among rows from `row` on, besides the one counted by its fate. */
function extraInnermost({ meta, length }: PacketColumns, row: number, fate: number): number {
  let innermost = 0;
  for (let at = row; at < length; at++) if ((meta[at] & META_LEVELS) === 0) innermost++;
  return Math.max(0, innermost - (fate === FATE_SESSION ? 1 : 0));
}
