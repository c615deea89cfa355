/**
 * Task queue within one process, for the embedded engine. A message that was delivered `maxReceives` times without an
 * acknowledgement goes to the dead letters, as with SQS's redrive policy.
 */
import type { Delivery, TaskMessage, TaskQueue } from './taskqueue.ts';

export class InProcessQueue implements TaskQueue {
  private waiting: { message: TaskMessage; receives: number }[] = [];
  private head = 0;
  private inHands = 0;
  readonly maxReceives: number;
  /** Dead letters. */
  readonly dead: TaskMessage[] = [];

  constructor(maxReceives = 5) {
    this.maxReceives = maxReceives;
  }

  async send(messages: readonly TaskMessage[]): Promise<void> {
    for (const message of messages) this.waiting.push({ message, receives: 0 });
  }

  /** Messages waiting to be received. */
  get depth(): number {
    return this.waiting.length - this.head;
  }

  /** Messages delivered and neither acknowledged nor released yet. */
  get inFlight(): number {
    return this.inHands;
  }

  /** The next message, undefined if none is waiting. */
  receive(): Delivery | undefined {
    if (this.head === this.waiting.length) return undefined;
    const entry = this.waiting[this.head++];
    if (this.head > 1024 && this.head * 2 > this.waiting.length) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
    entry.receives++;
    this.inHands++;
    let settled = false;
    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      this.inHands--;
      return true;
    };
    return {
      message: entry.message,
      receives: entry.receives,
      acknowledge: () => {
        settle();
      },
      release: () => {
        if (!settle()) return;
        if (entry.receives >= this.maxReceives) this.dead.push(entry.message);
        else this.waiting.push(entry);
      },
    };
  }
}
