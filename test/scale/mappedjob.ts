/** A large job after its map stage, for the stages behind: what these read of it is made when they ask, and what they write is counted. */

import { CLOUD_SIZES } from '../../shared/job/jobconfig.ts';
import { doneKey, jobKey, listKey } from '../../shared/job/protocol/keys.ts';
import { RELEASE } from '../../shared/job/revisions.ts';
import type { MapSpec, MapSummary, PlannedCapture, ShardPlace } from '../../shared/job/tasks/maptask.ts';
import { FATE_SESSION, FATES } from '../../shared/packet/fate.ts';
import { failedOutcome } from '../../shared/stage/unreadable.ts';
import { jsonBytes } from '../../shared/store/jsonobject.ts';
import type { ByteRange } from '../../shared/store/objectstore.ts';
import { plainConfig } from '../job/harness.ts';
import { MemoryStore } from '../job/memorystore.ts';

/** How large a job is. */
export interface ScaleShape {
  captures: number;
  capturesOfTask: number;
  shardsOfTask: number;
  packetsOfCapture: number;
  /** Sensors that capture at the same time. */
  sensors: number;
  /** Seconds of packet time from the first packet to the last. */
  seconds: number;
  buckets: number;
  /** Share of all rows that one bucket has, beside its part of the others. */
  elephant: number;
}

/** Objects of one kind. */
export interface Counted {
  objects: number;
  bytes: number;
  largest: number;
}

const JOB = 'j';
/** 2026-01-01, in microseconds. */
const BEGIN_US = 1_767_225_600_000_000;
/** Bytes of a record in a shard. */
const RECORD_BYTES = 14;

export class MappedJob extends MemoryStore {
  readonly shape: ScaleShape;
  readonly mapTasks: number;
  /** Objects written and read by the kind of their keys: numbers in names are left out. */
  readonly written = new Map<string, Counted>();
  readonly read = new Map<string, Counted>();

  constructor(shape: ScaleShape) {
    super();
    this.shape = shape;
    this.mapTasks = Math.ceil(shape.captures / shape.capturesOfTask);
    const config = plainConfig();
    config.sharding = { ...config.sharding, buckets: shape.buckets };
    config.sizes = CLOUD_SIZES;
    this.objects.set(jobKey(JOB), jsonBytes({ job: JOB, software: RELEASE, config }));
    this.objects.set(listKey(JOB, 'map'), jsonBytes({ tasks: this.mapTasks, specs: 'specs/map-' }));
    this.objects.set(listKey(JOB, 'balance'), jsonBytes({ tasks: 1, specs: null }));
  }

  override async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    const bytes = this.made(key) ?? (await super.get(key, range));
    count(this.read, key, bytes.length);
    return bytes;
  }

  override async put(key: string, bytes: Uint8Array): Promise<void> {
    count(this.written, key, bytes.length);
    // The large ones are not kept: they would count as memory of the stage.
    if (!/\d\.json$/.test(key)) await super.put(key, bytes);
  }

  override async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    count(this.written, key, bytes.length);
    return super.putIfAbsent(key, bytes);
  }

  private made(key: string): Uint8Array | undefined {
    const number = Number(/(\d+)(\.json)?$/.exec(key)?.[1]);
    if (key.startsWith('specs/map-')) return jsonBytes(this.spec(number));
    if (key.startsWith('summaries/')) return jsonBytes(this.summary(number));
    if (key !== doneKey(JOB, 'map', number)) return undefined;
    const result = {
      summary: `summaries/${number}.json`,
      captures: this.shape.capturesOfTask,
      records: 0,
      reused: false,
    };
    return jsonBytes({ ok: true, attempt: 'a', seconds: 1, cpuSeconds: 1, result });
  }

  private spec(task: number): MapSpec {
    const { captures, capturesOfTask } = this.shape;
    const first = task * capturesOfTask;
    const length = Math.min(capturesOfTask, captures - first);
    return { captures: Array.from({ length }, (_, at) => this.capture(first + at)), group: `group-${task}` };
  }

  private times(number: number): { firstUs: number; lastUs: number } {
    const { captures, sensors, seconds } = this.shape;
    // Captures of a moment are neighbours.
    const turns = Math.ceil(captures / sensors);
    const lengthUs = Math.floor((seconds * 1e6) / turns);
    const firstUs = BEGIN_US + Math.floor(number / sensors) * lengthUs + (number % sensors);
    return { firstUs, lastUs: firstUs + lengthUs };
  }

  private capture(number: number): PlannedCapture {
    const sensor = number % this.shape.sensors;
    const name = `s3://captures-of-our-company/site-a/sensor-${sensor}/2026/11/30/interface0-${String(number).padStart(12, '0')}.pcap`;
    const { firstUs } = this.times(number);
    const version = String(number).padStart(32, 'e');
    return { name, location: name, size: 150_000_000, version, headUs: firstUs, headDigest: version.slice(16) };
  }

  private summary(task: number): MapSummary {
    const { captures } = this.spec(task);
    const { shardsOfTask, packetsOfCapture, capturesOfTask } = this.shape;
    const outcomes = captures.map((capture, at) => {
      const outcome = failedOutcome(capture);
      const { firstUs, lastUs } = this.times(task * capturesOfTask + at);
      const fates = FATES.map((_, fate) => (fate === FATE_SESSION ? packetsOfCapture : 0));
      const facts = {
        ...outcome.facts,
        status: 'complete' as const,
        records: packetsOfCapture,
        firstUs,
        firstNs: 0,
        lastUs,
        lastNs: 0,
      };
      return { ...outcome, facts, fates, digest: capture.version, failure: null };
    });
    const rows = Math.floor((captures.length * packetsOfCapture) / shardsOfTask);
    const shards = Array.from({ length: shardsOfTask }, (_, at): ShardPlace => {
      const held = captures
        .map((_, number) => number)
        .filter((number) => Math.floor((number * shardsOfTask) / captures.length) === at);
      const { firstUs } = this.times(task * capturesOfTask + (held[0] ?? 0));
      const { lastUs } = this.times(task * capturesOfTask + (held.at(-1) ?? 0));
      const index = this.index(rows, task);
      return {
        ...index,
        key: `shards/0123456789abcdef/${String(task).padStart(32, '0')}/shard-${at}.arrow`,
        baseUs: firstUs,
        firstUs,
        lastUs,
        captures: held.flatMap((number) => [number, Math.floor(rows / held.length)]),
      };
    });
    return { captures: outcomes, shards, fragments: [], innermostBytes: captures.map(() => 1e8), anomalies: [] };
  }

  /** Batches as ShardWriter cuts them. */
  private index(rows: number, task: number): Pick<ShardPlace, 'rows' | 'bytes' | 'batches' | 'buckets'> {
    const { buckets, elephant } = this.shape;
    const { batchRows } = CLOUD_SIZES;
    const firstRows: number[] = [];
    const batches: ShardPlace['batches'] = [];
    let pending = 0;
    let row = 0;
    let start = 1234;
    const emit = (to: number): void => {
      const end = start + (to - pending) * RECORD_BYTES;
      batches.push({
        start,
        end,
        crc: (Math.imul(to, 0x9e3779b1) ^ task) >>> 0,
        firstRow: pending,
        rows: to - pending,
      });
      start = end;
      pending = to;
    };
    const ordinary = (rows * (1 - elephant)) / buckets;
    for (let bucket = 0; bucket < buckets; bucket++) {
      firstRows.push(bucket, row);
      const to =
        bucket === buckets - 1 ? rows : Math.floor((bucket + 1) * ordinary + (bucket >= 77 ? rows * elephant : 0));
      if (to - pending > 65_536) {
        if (row > pending) emit(row);
        while (to - pending > 65_536) emit(pending + 65_536);
      }
      row = to;
      if (row - pending >= batchRows) emit(row);
    }
    if (pending < rows) emit(rows);
    return { rows, bytes: start, batches, buckets: firstRows };
  }
}

function count(kinds: Map<string, Counted>, key: string, bytes: number): void {
  const kind = key.replace(/-[0-9a-f]{8,}/, '').replace(/\d+/g, 'N');
  const { objects, bytes: before, largest } = kinds.get(kind) ?? { objects: 0, bytes: 0, largest: 0 };
  kinds.set(kind, { objects: objects + 1, bytes: before + bytes, largest: Math.max(largest, bytes) });
}
