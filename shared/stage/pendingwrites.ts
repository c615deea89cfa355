/** Writes that go on while a task reads: they may fail at any time, and the task must hear of it, once, where it waits. */

export class PendingWrites {
  private readonly pending: Promise<unknown>[] = [];

  add(write: Promise<unknown>): void {
    // Whoever waits below gets the error; until then it must not count as unhandled and end the process.
    write.catch(() => {});
    this.pending.push(write);
  }

  /** Waits until at most `count` writes are under way. @throws the first error of a write */
  async atMost(count: number): Promise<void> {
    while (this.pending.length > count) await this.pending.shift();
  }

  /** Waits until none is under way any more, however they end: what they read may be removed then. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.pending);
  }
}
