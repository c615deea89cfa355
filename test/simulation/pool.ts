/**
 * What feeds a function from a queue: as many invocations at once as it may have,
 * each with one message, which goes when the function returns and comes again when
 * it throws or dies.
 */
import type { TaskMessage } from '../../shared/queue/taskqueue.ts';
import { MOST_RECEIVES } from '../../shared/stage/functionneeds.ts';
import { Process, type Surroundings } from './process.ts';
import type { SimQueue } from './queues.ts';
import type { Requests } from './services.ts';

/** Milliseconds for which a function holds its message, renewed thrice in that time; and wait before another try, per receive. */
const LEASE_MS = 90_000;
const RETRY_MS = 5_000;

export interface PoolOptions {
  surroundings: Surroundings;
  queue: SimQueue;
  /** Where messages go that nobody could answer; they stay where they are, if there is none. */
  dead?: SimQueue;
  /** Invocations at once, at most. */
  most: number;
  /** Milliseconds for which a message stays hidden behind a process that died without a lease; a lease's, unless said. */
  hiddenMs?: number;
  requests: Requests;
  version(): string;
  handle(process: Process, message: TaskMessage, receives: number): Promise<void>;
  /** Told of errors that made a message come again. */
  failed(error: unknown): void;
}

export class Pool {
  /** Invocations so far. */
  deliveries = 0;
  /** Those that died. */
  deaths = 0;
  private readonly options: PoolOptions;
  private running = 0;

  constructor(options: PoolOptions) {
    this.options = options;
    options.queue.arrived = () => this.feed();
  }

  private feed(): void {
    const { queue, dead, most } = this.options;
    while (this.running < most) {
      const message = queue.receive();
      if (message === undefined) return;
      if (dead !== undefined && message.receives > MOST_RECEIVES) {
        queue.remove(message);
        dead.send({ ...message, receives: 0 });
        continue;
      }
      void this.invoke(message);
    }
  }

  private async invoke(message: ReturnType<SimQueue['receive']> & {}): Promise<void> {
    const { surroundings, queue, hiddenMs, requests, version, handle, failed } = this.options;
    const { time, next, faults } = surroundings;
    const { receives } = message;
    this.running++;
    this.deliveries++;
    requests.deliver += 2;
    const over = (): void => {
      this.running--;
      requests.hold += 1 + Math.floor((time.now - process.startedAt) / (LEASE_MS / 3));
      this.feed();
    };
    const process = new Process(surroundings, version(), () => {
      this.deaths++;
      queue.release(message, hiddenMs ?? LEASE_MS * (2 / 3 + next() / 3));
      over();
    });
    await process.sleep(5 + 400 * next() ** 4);
    try {
      await handle(process, message.body, receives);
      process.end();
      if (next() < faults.notRemoved) queue.release(message, LEASE_MS * next());
      else queue.remove(message);
    } catch (error) {
      process.end();
      failed(error);
      queue.release(message, RETRY_MS * receives);
    }
    over();
  }
}
