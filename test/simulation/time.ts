/**
 * Virtual time. Everything that takes time in a simulation is an event of this
 * clock; it does them one after another in order of their times, and the next one
 * only when all that follows from the last has come to rest. So a run is the same
 * each time it is made, and an hour of it takes no longer than the work in it.
 */

interface Event {
  at: number;
  /** Events of one time happen in the order in which they were asked for. */
  order: number;
  action: () => void;
}

/** When simulated time begins, milliseconds since 1970. */
export const EPOCH = Date.UTC(2026, 0, 1);

export class VirtualTime {
  /** Milliseconds since 1970. */
  now = EPOCH;
  /** Events that have happened. */
  events = 0;
  /** A binary heap: no event is earlier than the one at half its index. */
  private readonly heap: Event[] = [];
  private asked = 0;

  /** @param ms how long from now, milliseconds, 0 or more */
  after(ms: number, action: () => void): void {
    const event = { at: this.now + ms, order: this.asked++, action };
    const { heap } = this;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!earlier(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /**
   * Lets time pass until `over`, or until nothing more would happen.
   * @throws what an event throws
   */
  run(over: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          const event = over() ? undefined : this.take();
          if (event === undefined) {
            resolve();
            return;
          }
          this.now = event.at;
          this.events++;
          event.action();
        } catch (error) {
          reject(error);
          return;
        }
        // A tick that is asked for among the promises' jobs comes when all of these are done.
        queueMicrotask(next);
      };
      const next = (): void => process.nextTick(step);
      next();
    });
  }

  private take(): Event | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1], heap[child])) child++;
      if (!earlier(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
