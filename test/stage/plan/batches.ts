/** A data set to which captures are added batch by batch: each job is planned and mapped, no more. */
import { runTask } from '../../../shared/control/task.ts';
import type { TaskContext } from '../../../shared/job/context.ts';
import { writeInputs } from '../../../shared/job/inputs.ts';
import { type JobConfig, shardingDigest } from '../../../shared/job/jobconfig.ts';
import { jobKey, joinedPrefix, knownPrefix, listKey } from '../../../shared/job/protocol/keys.ts';
import type { StageResults } from '../../../shared/job/protocol/stageresults.ts';
import { stageResults } from '../../../shared/job/protocol/taskends.ts';
import { RELEASE } from '../../../shared/job/revisions.ts';
import { groupsIn, type MapSpec } from '../../../shared/job/tasks/maptask.ts';
import type { TaskMessage } from '../../../shared/queue/taskqueue.ts';
import { specsOf } from '../../../shared/stage/specs.ts';
import { workOf } from '../../../shared/stage/works.ts';
import type { CaptureRef } from '../../../shared/store/capturesource.ts';
import { getJson, jsonBytes } from '../../../shared/store/jsonobject.ts';
import type { ByteRange, ObjectHead } from '../../../shared/store/objectstore.ts';
import { plainConfig } from '../../job/harness.ts';
import { MemoryStore } from '../../job/memorystore.ts';
import type { SmallCaptures } from './smallcaptures.ts';

/** A store in memory that counts its requests. */
export class CountingStore extends MemoryStore {
  requests: Record<'get' | 'put' | 'head' | 'list' | 'remove', number> = {
    get: 0,
    put: 0,
    head: 0,
    list: 0,
    remove: 0,
  };
  bytesRead = 0;
  bytesWritten = 0;

  override list(prefix: string): AsyncIterable<ObjectHead> {
    this.requests.list++;
    return super.list(prefix);
  }

  override head(key: string): Promise<ObjectHead | undefined> {
    this.requests.head++;
    return super.head(key);
  }

  override async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    this.requests.get++;
    const bytes = await super.get(key, range);
    this.bytesRead += bytes.length;
    return bytes;
  }

  override put(key: string, bytes: Uint8Array): Promise<void> {
    this.requests.put++;
    this.bytesWritten += bytes.length;
    return super.put(key, bytes);
  }

  override putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    this.requests.put++;
    this.bytesWritten += bytes.length;
    return super.putIfAbsent(key, bytes);
  }

  override remove(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) this.requests.remove++;
    return super.remove(keys);
  }
}

/** What a job planned and mapped. */
export interface Batch {
  /** Requests of plan and their sum; heads of captures are not among them. */
  requests: CountingStore['requests'];
  sum: number;
  bytesRead: number;
  bytesWritten: number;
  /** Names of the captures whose heads were read, and whose packets were. */
  heads: string[];
  mapped: string[];
  /** Specifications and results of the map tasks. */
  specs: MapSpec[];
  results: StageResults['map'][];
  /** Requests of all map tasks. */
  mapRequests: number;
}

export class Batches {
  readonly store = new CountingStore();
  readonly captures: SmallCaptures;
  readonly config: JobConfig;
  readonly damaged: string[] = [];
  private jobs = 0;

  constructor(captures: SmallCaptures, config: Partial<JobConfig> = {}) {
    this.captures = captures;
    this.config = { ...plainConfig(), ...config };
  }

  /** A job over some captures. */
  async run(refs: readonly CaptureRef[], more: Partial<TaskContext> = {}): Promise<Batch> {
    const { store, captures, config } = this;
    const job = `job${this.jobs++}`;
    await writeInputs(store, job, refs);
    await store.putIfAbsent(jobKey(job), jsonBytes({ job, software: RELEASE, config }));
    await store.putIfAbsent(listKey(job, 'plan'), jsonBytes({ tasks: 1, specs: null }));
    const sent: TaskMessage[] = [];
    const queue = { send: async (messages: readonly TaskMessage[]) => void sent.push(...messages) };
    const onDamaged = (words: string) => void this.damaged.push(words);
    const context = { store, results: store, captures, queue, scratch: '', duckdbMemory: '', onDamaged, ...more };
    captures.read.length = 0;
    this.reset();
    await runTask(context, { job, stage: 'plan', task: 0 }, workOf);
    const { requests, bytesRead, bytesWritten } = store;
    const heads = captures.read.splice(0);
    this.reset();
    for (const message of sent.filter(({ stage }) => stage === 'map')) await runTask(context, message, workOf);
    const mapRequests = sumOf(store.requests);
    const mapped = captures.read.splice(0);
    const results = (await stageResults(store, job, 'map')) as StageResults['map'][];
    const specOf = await specsOf<MapSpec>(store, job, 'map');
    const specs = await Promise.all(results.map((_, task) => specOf(task)));
    const counted = { requests, sum: sumOf(requests), bytesRead, bytesWritten };
    return { ...counted, heads, mapped, specs, results, mapRequests };
  }

  /** Names of captures as the summaries of a job's map tasks have them, which must be those of its specifications. */
  async summarised({ results }: Batch): Promise<string[][]> {
    const names: string[][] = [];
    for (const { summary } of results) {
      const groups = groupsIn((await getJson(this.store, summary))!);
      names.push(groups.flatMap(({ captures }) => captures.map(({ capture }) => capture.name)));
    }
    return names;
  }

  /** Keys of what is known of the data set. */
  known(): string[] {
    return [...this.store.objects.keys()].filter((key) => key.startsWith(knownPrefix(this.config.dataset)));
  }

  /** Keys of joined summaries. */
  joined(): string[] {
    const prefix = joinedPrefix(shardingDigest(this.config));
    return [...this.store.objects.keys()].filter((key) => key.startsWith(prefix));
  }

  private reset(): void {
    this.store.requests = { get: 0, put: 0, head: 0, list: 0, remove: 0 };
    this.store.bytesRead = 0;
    this.store.bytesWritten = 0;
  }
}

function sumOf(requests: CountingStore['requests']): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0);
}
