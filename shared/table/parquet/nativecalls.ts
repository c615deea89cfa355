/**
 * Calls into DuckDB run in threads of the addon. If a worker thread is terminated while a call is in progress, the
 * whole process aborts when the addon returns its result. So calls are counted at a gate; to end a thread, its gate is
 * closed first, until no call is in progress. The gate is shared memory: the engine can close that of a worker which is
 * too busy to process messages.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Set in the gate's one word when it is closed; the bits below count the calls in progress. */
const CLOSED = 1 << 30;
/** Milliseconds between two checks of a gate that is still in use. */
const LOOK_MS = 5;

/** Thrown for a call that was not started because its thread is ending. */
export class Stopping extends Error {
  override name = 'Stopping';
}

/** Counts the calls of one thread. */
export class NativeGate {
  readonly memory: SharedArrayBuffer;
  private readonly word: Int32Array;

  /** @param memory of another thread's gate; a new gate by default */
  constructor(memory = new SharedArrayBuffer(4)) {
    this.memory = memory;
    this.word = new Int32Array(memory);
  }

  /** @throws Stopping when the gate is closed */
  enter(): void {
    if ((Atomics.add(this.word, 0, 1) & CLOSED) === 0) return;
    this.leave();
    throw new Stopping('this thread is ending: no new call is started');
  }

  leave(): void {
    Atomics.sub(this.word, 0, 1);
  }

  /** From now on no call is started. */
  close(): void {
    Atomics.or(this.word, 0, CLOSED);
  }

  get callsUnderWay(): number {
    return Atomics.load(this.word, 0) & ~CLOSED;
  }

  /** Closes the gate; resolves when no call is in progress. `whileWaiting` is called repeatedly until then. */
  async closed(whileWaiting: () => void = () => {}): Promise<void> {
    this.close();
    while (this.callsUnderWay > 0) {
      whileWaiting();
      await sleep(LOOK_MS);
    }
  }
}

let gate = new NativeGate();
const connections = new Set<{ interrupt(): void }>();

/** Makes this thread's calls go through a gate that another thread can close; to be called before the first of them. */
export function useGate(memory: SharedArrayBuffer): void {
  gate = new NativeGate(memory);
}

/**
 * Makes calls of the addon, the last of which returns a promise.
 * @throws Stopping when this thread is ending
 */
export async function callNative<T>(call: () => Promise<T>): Promise<T> {
  gate.enter();
  try {
    return await call();
  } finally {
    // The promise is resolved from inside the addon: the call has ended there only after the next turn of the event
    // loop.
    await new Promise((resolve) => setImmediate(resolve));
    gate.leave();
  }
}

/** Makes synchronous calls of the addon. Does nothing when this thread is ending: its end frees everything. */
export function unlessEnding(call: () => void): void {
  try {
    gate.enter();
  } catch (error) {
    if (error instanceof Stopping) return;
    throw error;
  }
  try {
    call();
  } finally {
    gate.leave();
  }
}

/** Registers a connection for `endNativeCalls`, until it is closed. */
export function interruptible(connection: { interrupt(): void }): { forget(): void } {
  connections.add(connection);
  return { forget: () => void connections.delete(connection) };
}

/** Interrupts this thread's calls and starts no more; resolves when the thread can end. */
export function endNativeCalls(): Promise<void> {
  // Repeatedly: a call that has not quite started misses the interrupt.
  return gate.closed(() => {
    for (const connection of connections) connection.interrupt();
  });
}
