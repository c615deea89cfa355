/**
 * Calls into DuckDB run beside JavaScript, in threads of the addon. Where the JavaScript of a thread is ended while one
 * is under way the whole process aborts: the addon hands its answer to somebody who is gone. So calls are counted at a gate,
 * and whoever is to end a thread closes its gate and waits until no call is under way. The gate is shared memory: the
 * engine can close that of a worker which is too busy to hear it.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Set in the gate's one word when it is closed; the bits below count the calls under way. */
const CLOSED = 1 << 30;
/** Milliseconds between two looks at a gate that is not free yet. */
const LOOK_MS = 5;

/** A call that was not begun since its thread is to end. */
export class Stopping extends Error {
  override name = 'Stopping';
}

/** Counts the calls of one thread. */
export class NativeGate {
  readonly memory: SharedArrayBuffer;
  private readonly word: Int32Array;

  /** @param memory that of the gate of another thread; a gate of its own without it */
  constructor(memory = new SharedArrayBuffer(4)) {
    this.memory = memory;
    this.word = new Int32Array(memory);
  }

  /** @throws Stopping when the gate is closed */
  enter(): void {
    if ((Atomics.add(this.word, 0, 1) & CLOSED) === 0) return;
    this.leave();
    throw new Stopping('this thread is to end: nothing new is begun');
  }

  leave(): void {
    Atomics.sub(this.word, 0, 1);
  }

  /** From now on no call begins. */
  close(): void {
    Atomics.or(this.word, 0, CLOSED);
  }

  get callsUnderWay(): number {
    return Atomics.load(this.word, 0) & ~CLOSED;
  }

  /** Closes the gate; resolves when no call is under way. `whileWaiting` is done over and over until then. */
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

/** Makes this thread's calls go through a gate that another thread can close; before the first of them. */
export function useGate(memory: SharedArrayBuffer): void {
  gate = new NativeGate(memory);
}

/**
 * Makes calls of the addon, the last of which answers with a promise.
 * @throws Stopping when this thread is to end
 */
export async function callNative<T>(call: () => Promise<T>): Promise<T> {
  gate.enter();
  try {
    return await call();
  } finally {
    // The answer comes from the midst of the addon: only when the event loop has gone on has the call ended there too.
    await new Promise((resolve) => setImmediate(resolve));
    gate.leave();
  }
}

/** Makes calls of the addon that answer at once. When this thread is to end nothing is done: its end frees everything. */
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

/** Makes a connection's calls known to `endNativeCalls`, until it is closed. */
export function interruptible(connection: { interrupt(): void }): { forget(): void } {
  connections.add(connection);
  return { forget: () => void connections.delete(connection) };
}

/** Interrupts what this thread has under way and begins nothing more; resolves when the thread can end. */
export function endNativeCalls(): Promise<void> {
  // Over and over: a call that is only about to begin does not hear it.
  return gate.closed(() => {
    for (const connection of connections) connection.interrupt();
  });
}
