/**
 * What can go wrong around a job: a process that dies before or after its k-th call
 * of store or queue, and a queue that delivers twice and in any order.
 */
import { setImmediate } from 'node:timers/promises';
import type { TaskMessage, TaskQueue } from '../../shared/queue/taskqueue.ts';
import type { ByteRange, ObjectHead, ObjectStore } from '../../shared/store/objectstore.ts';
import { pick } from './harness.ts';

/** The process died here. */
export class Crash extends Error {
  override name = 'Crash';
}

/** One process's life: counts its calls and ends at one of them. Afterwards no call does anything. */
export class Life {
  /** Calls begun. */
  calls = 0;
  private readonly diesAt: number;
  private readonly when: 'before' | 'after';
  private readonly next: () => number;
  private dead = false;
  private readonly underWay = new Set<Promise<unknown>>();

  /**
   * @param next draws how long each call takes: calls that are under way together end in any order,
   *   and those that a process did not wait for are lost with it
   * @param diesAt number of the fatal call, from 1; infinity for a life without end
   */
  constructor(next: () => number, diesAt = Number.POSITIVE_INFINITY, when: 'before' | 'after' = 'before') {
    this.next = next;
    this.diesAt = diesAt;
    this.when = when;
  }

  get ended(): boolean {
    return this.dead;
  }

  /** Does a call, unless the process is dead or dies of it. `cut` is what a call that dies "before" has done by then. */
  async call<T>(action: () => Promise<T>, cut?: () => Promise<void>): Promise<T> {
    this.enter();
    const fatal = ++this.calls === this.diesAt;
    if (fatal && this.when === 'before') {
      this.dead = true;
      await cut?.();
      throw new Crash(`before call ${this.calls}`);
    }
    const result = this.late(action);
    this.underWay.add(result);
    try {
      return await result;
    } finally {
      this.underWay.delete(result);
      // An answer that is an error is an answer too.
      if (fatal) this.dead = true;
      this.enter();
    }
  }

  private async late<T>(action: () => Promise<T>): Promise<T> {
    for (let turns = Math.floor(this.next() * 6); turns > 0; turns--) await setImmediate();
    this.enter();
    return action();
  }

  /** The process dies now, for a reason that lies outside the calls. */
  kill(): void {
    this.dead = true;
  }

  /** Resolves when the calls that were under way as the process died have come to their end. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.underWay]);
  }

  private enter(): void {
    if (this.dead) throw new Crash(`at call ${this.calls}`);
  }
}

/** A store as a process sees it while it lives. */
export class MortalStore implements ObjectStore {
  private readonly store: ObjectStore;
  private readonly life: Life;

  constructor(store: ObjectStore, life: Life) {
    this.store = store;
    this.life = life;
  }

  async *list(prefix: string): AsyncIterable<ObjectHead> {
    yield* await this.life.call(async () => {
      const heads: ObjectHead[] = [];
      for await (const head of this.store.list(prefix)) heads.push(head);
      return heads;
    });
  }

  head(key: string): Promise<ObjectHead | undefined> {
    return this.life.call(() => this.store.head(key));
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array> {
    return this.life.call(() => this.store.get(key, range));
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    return this.life.call(() => this.store.put(key, bytes));
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    return this.life.call(() => this.store.putIfAbsent(key, bytes));
  }

  putFile(key: string, path: string): Promise<number> {
    return this.life.call(() => this.store.putFile(key, path));
  }

  remove(keys: readonly string[]): Promise<void> {
    return this.life.call(() => this.store.remove(keys));
  }
}

/** A queue as a process sees it while it lives: messages travel in batches of ten, so a crash can lose the later ones. */
export class MortalQueue implements TaskQueue {
  private readonly queue: TaskQueue;
  private readonly life: Life;

  constructor(queue: TaskQueue, life: Life) {
    this.queue = queue;
    this.life = life;
  }

  send(messages: readonly TaskMessage[]): Promise<void> {
    const half = messages.slice(0, Math.floor(messages.length / 2));
    return this.life.call(
      () => this.queue.send(messages),
      () => this.queue.send(half),
    );
  }
}

/** A queue that gives every message out twice, in any order, and again when it was not acknowledged. */
export class DoublingQueue implements TaskQueue {
  /** Messages that wait. */
  readonly waiting: TaskMessage[] = [];
  private readonly next: () => number;

  constructor(next: () => number) {
    this.next = next;
  }

  async send(messages: readonly TaskMessage[]): Promise<void> {
    for (const message of messages) this.waiting.push(message, message);
  }

  /** Takes a message out, any of them; undefined when none waits. */
  receive(): TaskMessage | undefined {
    if (this.waiting.length === 0) return undefined;
    const message = pick(this.next, this.waiting);
    this.waiting.splice(this.waiting.indexOf(message), 1);
    return message;
  }
}
