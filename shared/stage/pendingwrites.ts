/** Writes in the background while a task reads: they may fail at any time, and the task gets the error, once, where it waits. */

export class PendingWrites {
  private readonly pending: Promise<unknown>[] = [];

  add(write: Promise<unknown>): void {
    // The error is thrown by the waits below; until then it must not count as unhandled and end the process.
    write.catch(() => {});
    this.pending.push(write);
  }

  /** Waits until at most `count` writes are under way. @throws the first error of a write */
  async atMost(count: number): Promise<void> {
    while (this.pending.length > count) await this.pending.shift();
  }

  /** Waits until all have ended, successful or not: then their files may be removed. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.pending);
  }
}
