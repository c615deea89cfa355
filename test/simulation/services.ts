/** Store and queue as a process reaches them: the project's interfaces over the simulated services, each request counted. */
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Job } from '../../shared/job/jobconfig.ts';
import { RELEASE } from '../../shared/job/revisions.ts';
import { SqsQueue } from '../../shared/queue/sqs.ts';
import { jsonBytes, parseJson } from '../../shared/store/jsonobject.ts';
import { type ObjectHead, type ObjectStore, StoreError } from '../../shared/store/objectstore.ts';
import { type Bucket, PAGE } from './bucket.ts';
import type { Process } from './process.ts';
import { QUEUE_URLS, type Queues, type SentEntry } from './queues.ts';

/** Requests by kind, as AWS charges for them. */
export interface Requests {
  get: number;
  head: number;
  list: number;
  put: number;
  delete: number;
  /** To queues: sending, up to ten messages each. */
  send: number;
  /** To queues, by what feeds functions: a receive and a removal for each delivery. */
  deliver: number;
  /** To queues, by functions that hold a message. */
  hold: number;
}

export function noRequests(): Requests {
  return { get: 0, head: 0, list: 0, put: 0, delete: 0, send: 0, deliver: 0, hold: 0 };
}

/** All kinds. */
export const KINDS = Object.keys(noRequests()) as (keyof Requests)[];

const JOB_FILE = 'job.json';
/** One error for all objects that are not there: they are asked for a hundred thousand times. */
const MISSING = new StoreError('missing', '', 'there is no such object');

/**
 * A bucket as a process sees it. Which version of the software it runs is a constant of the code; so that two
 * versions can meet here, a job's file keeps the name of the deployment that wrote it, and the process reads its
 * own deployment's name as its constant, and another's as it is.
 */
export function storeOf(bucket: Bucket<Process>, process: Process, requests: Requests): ObjectStore {
  const read = (key: string): Uint8Array => {
    const bytes = bucket.get(key);
    if (bytes === undefined) throw MISSING;
    return key.endsWith(JOB_FILE) ? renamed(bytes, process.version, RELEASE) : bytes;
  };
  const written = (key: string, bytes: Uint8Array): Uint8Array =>
    key.endsWith(JOB_FILE) ? renamed(bytes, RELEASE, process.version) : bytes;
  return {
    list: (prefix) => new Listing(bucket, process, requests, prefix),
    head: (key) => {
      requests.head++;
      return process.call(() => bucket.head(key));
    },
    get: (key, range) => {
      requests.get++;
      return process.call(() => (range === undefined ? read(key) : read(key).subarray(range.start, range.end)));
    },
    put: (key, bytes) => {
      requests.put++;
      return process.call(() => bucket.put(key, written(key, bytes), process));
    },
    putIfAbsent: (key, bytes) => {
      requests.put++;
      const { next, faults } = process.surroundings;
      // The answer to a write that won was lost, and the request sent again: it meets its own object.
      const losesToItself = next() < faults.lostAnswer;
      return process.call(() => bucket.putIfAbsent(key, written(key, bytes), process) && !losesToItself);
    },
    putFile: () => Promise.reject(new Error('the simulation has no files')),
    remove: (keys) => {
      requests.delete += Math.ceil(keys.length / PAGE);
      const removals = keys.map((key) => () => bucket.remove(key, process));
      return keys.length === 0 ? Promise.resolve() : process.call(() => undefined, removals);
    },
  };
}

const renamings = new WeakMap<Uint8Array, Map<string, Uint8Array>>();

function renamed(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const known = renamings.get(bytes) ?? new Map<string, Uint8Array>();
  renamings.set(bytes, known);
  let answer = known.get(from);
  if (answer === undefined) {
    const job = parseJson<Job>('job.json', bytes);
    answer = job.software === from ? jsonBytes({ ...job, software: to }) : bytes;
    known.set(from, answer);
  }
  return answer;
}

/**
 * A listing, page by page. Heads that are at hand are given without a promise each: most of what a simulated job
 * does is to count keys.
 */
class Listing implements AsyncIterable<ObjectHead>, AsyncIterator<ObjectHead> {
  private readonly bucket: Bucket<Process>;
  private readonly process: Process;
  private readonly requests: Requests;
  private readonly prefix: string;
  private page: ObjectHead[] = [];
  private at = 0;
  private more = true;
  private readonly result: { done: false; value: ObjectHead } = { done: false, value: undefined as never };
  private readonly ready = Promise.resolve(this.result);

  constructor(bucket: Bucket<Process>, process: Process, requests: Requests, prefix: string) {
    this.bucket = bucket;
    this.process = process;
    this.requests = requests;
    this.prefix = prefix;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<ObjectHead, undefined>> {
    if (this.at === this.page.length) return this.turn();
    this.result.value = this.page[this.at++];
    return this.ready;
  }

  private async turn(): Promise<IteratorResult<ObjectHead, undefined>> {
    if (!this.more) return { done: true, value: undefined };
    const after = this.page.at(-1)?.key;
    this.requests.list++;
    this.page = await this.process.call(() => this.bucket.page(this.prefix, after));
    this.at = 0;
    this.more = this.page.length === PAGE;
    if (this.page.length === 0) return { done: true, value: undefined };
    return { done: false, value: this.page[this.at++] };
  }
}

/** The project's own queue over a client that reaches the simulated queues. */
export function queueOf(queues: Queues, process: Process, requests: Requests): SqsQueue {
  const client = {
    send: ({ input }: { input: { QueueUrl: string; Entries: SentEntry[] } }) => {
      requests.send++;
      return process.call(() => {
        queues.accept(input.QueueUrl, input.Entries);
        return {};
      });
    },
  };
  return new SqsQueue(client as unknown as SQSClient, QUEUE_URLS);
}
