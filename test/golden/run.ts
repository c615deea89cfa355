/** Jobs over the golden captures, and the digests of each stage's output. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnomalyRow } from '../../shared/capture/anomaly.ts';
import { startJob } from '../../shared/control/start.ts';
import type { JobConfig } from '../../shared/job/jobconfig.ts';
import { intervalEndsPrefix } from '../../shared/job/protocol/keys.ts';
import { readListed, readParts } from '../../shared/job/protocol/listparts.ts';
import type { StageResults } from '../../shared/job/protocol/stageresults.ts';
import { stageResults } from '../../shared/job/protocol/taskends.ts';
import type { IntervalEnd } from '../../shared/job/tasks/interval.ts';
import type { AnomalyPlaces, MapSpec, MapSummary, RankedCapture } from '../../shared/job/tasks/maptask.ts';
import type { ReduceSpec } from '../../shared/job/tasks/reducetask.ts';
import { InProcessQueue } from '../../shared/queue/inprocess.ts';
import type { CaptureRef, CaptureSource } from '../../shared/store/capturesource.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import { ROW_GROUP_ROWS } from '../../shared/table/parquet/parquetfile.ts';
import { plainConfig, temporaryFolder, Workplace } from '../job/harness.ts';
import { MemoryStore } from '../job/memorystore.ts';
import { type GoldenCapture, goldenCaptures } from './captures.ts';
import { addArrow, addParquet, Parts } from './digest.ts';

/** Small sizes, so that every boundary is crossed. */
const SIZES = {
  taskBytes: 700_000,
  shardRows: 6000,
  batchRows: 512,
  partitionRows: 12_000,
  openRows: 4000,
  intervalRows: 10_000,
  fileRows: 4000,
};

/** Jobs and their captures: one with everything, and others with further options. */
const JOBS: [name: string, config: JobConfig, captures: RegExp][] = [
  ['plain', plainConfig({ dataset: 'golden', packets: true, sizes: SIZES }), /./],
  [
    'keys',
    plainConfig({
      dataset: 'golden',
      decode: { keyVlan: true, keyVni: true },
      sharding: { buckets: 64, seed: 9, by: '2tuple' },
      keepCopies: true,
    }),
    /^tunnels|^conversations|^kind: VLAN|^copy/,
  ],
];

/** Digests of a stage's output, by part. */
export type Digests = Record<string, string>;

export interface Golden {
  /** Digest of the captures themselves. */
  inputs: string;
  mapping: Digests;
  tracking: Digests;
  publishing: Digests;
  /** What the captures cover. */
  touched: {
    fates: Set<string>;
    linkTypes: Set<string>;
    anomalies: Set<string>;
    columns: Map<string, Set<string>>;
  };
}

class MadeCaptures implements CaptureSource {
  private readonly bytes: ReadonlyMap<string, Uint8Array>;

  constructor(captures: readonly GoldenCapture[]) {
    this.bytes = new Map(captures.map(({ name, bytes }) => [name, bytes]));
  }

  async *stream({ name }: CaptureRef, limit = Number.POSITIVE_INFINITY): AsyncIterable<Uint8Array> {
    yield this.bytes.get(name)!.slice(0, limit);
  }
}

/** Runs all jobs. Takes some seconds. */
export async function golden(): Promise<Golden> {
  const captures = goldenCaptures();
  const inputs = createHash('sha256');
  for (const { name, bytes } of captures) inputs.update(`${name} ${bytes.length} `).update(bytes);
  const stages = { mapping: new Parts(), tracking: new Parts(), publishing: new Parts() };
  const touched: Golden['touched'] = {
    fates: new Set(),
    linkTypes: new Set(),
    anomalies: new Set(),
    columns: new Map(),
  };
  for (const [name, config, wanted] of JOBS) {
    using folder = temporaryFolder();
    const place = new Workplace(folder.path);
    const store = new MemoryStore();
    place.store = store;
    const some = captures.filter((capture) => wanted.test(capture.name));
    place.captures = new MadeCaptures(some);
    const refs = some.map(({ name: at, bytes }) => ({ name: at, location: at, size: bytes.length, version: '1' }));
    const queue = new InProcessQueue();
    const { job } = await startJob(store, queue, config, refs);
    await place.drain(queue, () => 0);
    const run = new Stages(store, job.job, name, touched);
    await run.mapping(stages.mapping);
    await run.tracking(stages.tracking);
    await run.publishing(stages.publishing, folder.path);
  }
  return {
    inputs: inputs.digest('hex').slice(0, 16),
    mapping: stages.mapping.digests(),
    tracking: stages.tracking.digests(),
    publishing: stages.publishing.digests(),
    touched,
  };
}

async function allOf<T>(parts: AsyncIterable<T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const part of parts) all.push(...part);
  return all;
}

/** Reads the output of one job's stages. */
class Stages {
  private readonly store: MemoryStore;
  private readonly job: string;
  private readonly name: string;
  private readonly touched: Golden['touched'];

  constructor(store: MemoryStore, job: string, name: string, touched: Golden['touched']) {
    this.store = store;
    this.job = job;
    this.name = name;
    this.touched = touched;
  }

  /**
   * JSON without values that differ from run to run: keys contain random numbers, and positions depend on compressed
   * sizes.
   */
  private plainly(value: unknown, varying: ReadonlySet<string> = VARYING): unknown {
    if (Array.isArray(value)) return value.map((member) => this.plainly(member, varying));
    if (typeof value === 'string')
      return value.replaceAll(this.job, 'JOB').replaceAll(/[0-9a-f]{12,}(?=\/|-)|(?<=-|\/)[0-9a-f]{12,}/g, 'RANDOM');
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .map(([name, member]) => [name, varying.has(name) ? name : this.plainly(member, varying)]),
    );
  }

  private async json<T>(key: string): Promise<T> {
    return (await getJson<T>(this.store, key))!;
  }

  private async arrow(parts: Parts, name: string, key: string): Promise<void> {
    addArrow(parts, `${this.name} ${name}`, await this.store.get(key));
  }

  async mapping(parts: Parts): Promise<void> {
    const [plan] = (await stageResults(this.store, this.job, 'plan')) as StageResults['plan'][];
    for (let task = 0; task < plan.tasks; task++)
      parts.addJson(`${this.name} tasks`, this.plainly(await this.json<MapSpec>(`${plan.specs}${task}.json`)));
    const results = (await stageResults(this.store, this.job, 'map')) as StageResults['map'][];
    for (const result of results) {
      parts.addJson(`${this.name} results of map`, this.plainly(result));
      const summary = await this.json<MapSummary>(result.summary);
      this.touch(summary);
      // The other members of the summary, besides those digested below.
      const { captures: _, shards: _s, fragments: _f, anomalies: _a, ...totals } = summary;
      parts.addJson(`${this.name} summaries`, [Object.keys(summary).sort(), totals]);
      for (const { capture, ...outcome } of summary.captures)
        parts.addJson(`${this.name} capture ${capture.name}`, this.plainly({ capture, ...outcome }, NOTHING));
      for (const anomaly of summary.anomalies)
        parts.addJson(`${this.name} capture ${summary.captures[anomaly.capture].capture.name}`, anomaly);
      for (const shard of summary.shards) {
        parts.addJson(`${this.name} shards: index`, this.plainly(shard));
        await this.arrow(parts, 'shards', shard.key);
      }
      for (const { key, depth, rows, batches } of summary.fragments) {
        parts.addJson(`${this.name} fragments: index`, { depth, rows, batches: batches.length });
        await this.arrow(parts, 'fragments', key);
      }
    }
  }

  private touch({ captures, anomalies }: MapSummary): void {
    for (const { facts } of captures) for (const type of facts.linkTypes) this.touched.linkTypes.add(String(type));
    for (const { name } of anomalies) this.touched.anomalies.add(name);
  }

  async tracking(parts: Parts): Promise<void> {
    const [balance] = (await stageResults(this.store, this.job, 'balance')) as StageResults['balance'][];
    parts.addJson(`${this.name} results of balance`, this.plainly(balance));
    const captures = await allOf(readListed<RankedCapture>(this.store, balance.captures));
    for (const { capture, fates, fragmentsCompleted, fragmentsIncomplete } of captures) {
      parts.addJson(`${this.name} order of captures`, [capture.name, fragmentsCompleted, fragmentsIncomplete]);
      for (const [fate, count] of fates.entries()) if (count > 0) this.touched.fates.add(String(fate));
    }
    const places = await this.json<AnomalyPlaces>(balance.anomalies);
    parts.addJson(`${this.name} ranks`, places.ranks);
    for (const row of await allOf(readParts<AnomalyRow>(this.store, places.parts))) {
      parts.addJson(`${this.name} anomalies`, row);
      this.touched.anomalies.add(row.name);
    }
    const prefix = balance.specs.slice(0, balance.specs.lastIndexOf('/') + 1);
    for (let at = 0; this.store.objects.has(`${prefix}datagrams-${at}.arrow`); at++)
      await this.arrow(parts, 'datagrams', `${prefix}datagrams-${at}.arrow`);
    for (let task = 0; task < balance.partitions; task++) {
      const spec = await this.json<ReduceSpec>(`${balance.specs}${task}.json`);
      // Of each batch its place and checksum vary with the compression; its first row and its rows do not.
      for (const segment of spec.segments)
        for (let at = 4; at < segment.length; at += 5) segment[at] = segment[at + 1] = segment[at + 2] = 0;
      parts.addJson(`${this.name} partitions`, this.plainly(spec));
      if (task === 0) parts.addJson(`${this.name} shards of partitions`, this.plainly(await this.json(spec.shards)));
    }
    for (const [task, result] of (
      (await stageResults(this.store, this.job, 'reduce')) as StageResults['reduce'][]
    ).entries()) {
      parts.addJson(`${this.name} results of reduce`, this.plainly(result));
      for await (const { key } of this.store.list(intervalEndsPrefix(this.job, task))) {
        const end = await this.json<IntervalEnd>(key);
        parts.addJson(`${this.name} ends of intervals`, this.plainly(end));
        for (const { key } of end.sessionRuns) await this.arrow(parts, 'runs of sessions', key);
        for (const { key } of end.packetRuns) await this.arrow(parts, 'runs of packets', key);
      }
    }
  }

  async publishing(parts: Parts, folder: string): Promise<void> {
    for (const result of (await stageResults(this.store, this.job, 'publish')) as StageResults['publish'][])
      parts.addJson(`${this.name} results of publish`, this.plainly(result));
    // So many rows no golden file has.
    parts.addJson(`${this.name} row groups`, ROW_GROUP_ROWS);
    const [commit] = (await stageResults(this.store, this.job, 'commit')) as StageResults['commit'][];
    const { files } = await this.json<{ files: Record<string, string[]> }>(commit.summary);
    for (const [table, keys] of Object.entries(files))
      for (const key of keys) {
        parts.addJson(`${this.name} names of files`, this.plainly(key));
        await addParquet(parts, `${this.name} ${table}`, readFileSync(join(folder, key)), this.touched.columns);
      }
  }
}

/** Members whose values depend on the version of the compression libraries. */
const VARYING = new Set(['crc', 'bytes', 'start', 'end', 'crc', 'shuffleBytes']);

const NOTHING: ReadonlySet<string> = new Set();
