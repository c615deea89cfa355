/**
 * Uploads in virtual time: a bucket of captures that is listed page by page, messages that are handled when they are
 * due, come twice and in any order, and come again when the process that had them died.
 */

import type { JobEntry } from '../../shared/control/start.ts';
import { inputsKey, jobsPrefix } from '../../shared/job/protocol/keys.ts';
import type { TaskMessage } from '../../shared/queue/taskqueue.ts';
import { type ListedCaptures, READY_MARKER } from '../../shared/store/aws/s3list.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import { StoreError } from '../../shared/store/objectstore.ts';
import {
  type LaterMessage,
  onLater,
  onUpload,
  type UploadContext,
  type UploadOutcome,
} from '../../shared/upload/uploads.ts';
import { listWatchedPrefixes } from '../../shared/upload/watchedprefixes.ts';
import { Life, MortalQueue, MortalStore } from '../job/chaos.ts';
import { MemoryStore } from '../job/memorystore.ts';

export const HOME = 'captures-bucket';
/** Time that a page of a listing takes, and a function has for its listing, milliseconds. */
const PAGE_MS = 200;
const FUNCTION_MS = 270_000;
/** Time after which a message comes again that nobody has acknowledged. */
const AGAIN_MS = 30_000;

/** Something to be handled: an event of an object, or a message that was put off; or something that happens by itself. */
type Message = { upload: { bucket: string; key: string } } | LaterMessage;
type Delivery = Message | { act: () => void };

/** What came of a delivery, and when. */
export type Handled = UploadOutcome & { at: number };

export class UploadWorld {
  readonly store = new MemoryStore();
  /** Messages of tasks. */
  readonly sent: TaskMessage[] = [];
  /** Objects of the bucket of captures: content, and time of writing. */
  readonly objects = new Map<string, { text: string; modified: number }>();
  readonly handled: Handled[] = [];
  /** Delays of the messages that were put off, seconds. */
  readonly delays: number[] = [];
  /** Keys of a page, and pages for which one invocation has time; all by default. */
  pageKeys = 1000;
  pagesInTime = Number.POSITIVE_INFINITY;
  /** Virtual milliseconds since 1970. */
  now = Date.UTC(2026, 0, 1);
  /** The next process to handle something. */
  life: Life;
  private readonly next: () => number;
  private readonly due: { at: number; tie: number; delivery: Delivery }[] = [];
  private readonly doubles: boolean;

  /** @param doubles whether each message that is put off comes twice */
  constructor(next: () => number, doubles = false) {
    this.next = next;
    this.doubles = doubles;
    this.life = new Life(() => 0);
  }

  /** Writes an object now. Its event is another matter. */
  put(key: string, text = 'packets'): void {
    this.objects.set(key, { text, modified: this.now });
  }

  /** Brings about an event of an object. @param at when it is handled, by default now */
  event(key: string, at = this.now, bucket = HOME): void {
    this.plan(at, { upload: { bucket, key } });
  }

  /** Something else happens at a time. */
  at(at: number, act: () => void): void {
    this.plan(at, { act });
  }

  /** Handles what is due, in order of time, to the end of all or until a time; of what is due at once, any is the first. */
  async run(until = Number.POSITIVE_INFINITY): Promise<void> {
    while (this.due.length > 0 && this.due[0].at <= until) {
      const { at, delivery } = this.due.shift()!;
      this.now = Math.max(this.now, at);
      if ('act' in delivery) delivery.act();
      else await this.handle(delivery);
    }
  }

  private plan(at: number, delivery: Delivery): void {
    const tie = this.next();
    let [from, to] = [0, this.due.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const other = this.due[middle];
      if (other.at < at || (other.at === at && other.tie <= tie)) from = middle + 1;
      else to = middle;
    }
    this.due.splice(from, 0, { at, tie, delivery });
  }

  private async handle(delivery: Message): Promise<void> {
    const { life } = this;
    try {
      const outcome = await this.outcomeOf(delivery, this.context(life));
      this.handled.push({ ...outcome, at: this.now });
    } catch (error) {
      if (!life.ended) throw error;
      this.plan(this.now + AGAIN_MS, delivery);
      this.life = new Life(() => 0);
    } finally {
      await life.settled();
    }
  }

  private outcomeOf(delivery: Message, context: UploadContext): Promise<UploadOutcome> {
    if (!('upload' in delivery)) return onLater(context, delivery);
    return onUpload(context, delivery.upload.bucket, delivery.upload.key);
  }

  /** What one invocation works with. */
  context(life: Life): UploadContext {
    const deadline = this.now + Math.min(FUNCTION_MS, this.pagesInTime * PAGE_MS);
    const queue = { send: async (messages: readonly TaskMessage[]) => void this.sent.push(...messages) };
    const store = new MortalStore(this.store, life);
    return {
      store,
      queue: new MortalQueue(queue, life),
      home: HOME,
      watched: () => listWatchedPrefixes(store),
      later: (message, delaySeconds) => life.call(async () => this.putOff(message, delaySeconds)),
      list: (_bucket, prefix, options) => life.call(async () => this.list(prefix, options)),
      read: (bucket, key) => life.call(async () => this.read(bucket, key)),
      deadline,
      now: () => this.now,
    };
  }

  private putOff(message: LaterMessage, delaySeconds: number): void {
    if (delaySeconds < 0 || delaySeconds > 900 || !Number.isInteger(delaySeconds))
      throw new RangeError(`SQS takes no delay of ${delaySeconds} s`);
    this.delays.push(delaySeconds);
    const copies = this.doubles ? 2 : 1;
    for (let copy = 0; copy < copies; copy++)
      this.plan(this.now + delaySeconds * 1000 + Math.floor(this.next() * copy * 60_000), message);
  }

  /** As listCaptures does it: one page at least, and no further one behind the deadline. */
  list(
    prefix: string,
    { after = '', deadline = Number.POSITIVE_INFINITY }: { after?: string; deadline?: number },
  ): ListedCaptures {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const captures: CaptureRef[] = [];
    let newest = 0;
    for (let from = 0; from === 0 || from < keys.length; from += this.pageKeys) {
      if (from > 0 && this.now >= deadline) return { captures, newest, next: keys[from - 1], skipped: NOTHING };
      this.now += PAGE_MS;
      for (const key of keys.slice(from, from + this.pageKeys)) {
        const { text, modified } = this.objects.get(key)!;
        if (key.split('/').at(-1) === READY_MARKER) continue;
        const location = `s3://${HOME}/${key}`;
        captures.push({ name: location, location, size: text.length, version: `${modified}-${text}` });
        newest = Math.max(newest, modified);
      }
    }
    return { captures, newest, skipped: NOTHING };
  }

  private read(bucket: string, key: string): Uint8Array {
    const object = this.objects.get(key);
    if (object === undefined) throw new StoreError('missing', key, `there is no s3://${bucket}/${key}`);
    return new TextEncoder().encode(object.text);
  }

  /** Jobs of a data set that were asked for, each with its captures' names. */
  async jobs(dataset: string): Promise<(JobEntry & { names: string[] })[]> {
    const jobs: (JobEntry & { names: string[] })[] = [];
    for await (const { key } of this.store.list(jobsPrefix(dataset))) {
      const entry = (await getJson<JobEntry>(this.store, key))!;
      const captures = (await getJson<CaptureRef[]>(this.store, inputsKey(entry.job)))!;
      jobs.push({ ...entry, names: captures.map(({ name }) => name).sort() });
    }
    return jobs;
  }

  /** Outcomes of a kind. */
  outcomes<K extends UploadOutcome['outcome']>(kind: K): Extract<Handled, { outcome: K }>[] {
    return this.handled.filter(({ outcome }) => outcome === kind) as Extract<Handled, { outcome: K }>[];
  }
}

/** Nothing was skipped. */
export const NOTHING: ListedCaptures['skipped'] = { folders: 0, empty: 0, markers: 0, hidden: 0, results: 0 };
