/**
 * Calls into DuckDB run in threads of the addon. A process that ends while one is in progress would abort when the addon
 * returns its result. So calls are counted; before the end no more are started, and those in progress are interrupted.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two looks at calls in progress. */
const LOOK_MS = 5;

/** Thrown for a call that was not started because the program is ending. */
export class Stopping extends Error {
  override name = 'Stopping';
}

/** Calls in progress. */
let calls = 0;
let ending = false;

/** @throws Stopping when the program is ending */
function enter(): void {
  if (ending) throw new Stopping('the program is ending: no new call is started');
  calls++;
}

const connections = new Set<{ interrupt(): void }>();

/**
 * Makes calls of the addon, the last of which returns a promise.
 * @throws Stopping when the program is ending
 */
export async function callNative<T>(call: () => Promise<T>): Promise<T> {
  enter();
  try {
    return await call();
  } finally {
    // The promise is resolved from inside the addon: the call has ended there only after the next turn of the event
    // loop.
    await new Promise((resolve) => setImmediate(resolve));
    calls--;
  }
}

/** Makes synchronous calls of the addon. Does nothing when the program is ending: its end frees everything. */
export function unlessEnding(call: () => void): void {
  try {
    enter();
  } catch (error) {
    if (error instanceof Stopping) return;
    throw error;
  }
  try {
    call();
  } finally {
    calls--;
  }
}

/** Registers a connection for `endNativeCalls`, until it is closed. */
export function interruptible(connection: { interrupt(): void }): { forget(): void } {
  connections.add(connection);
  return { forget: () => void connections.delete(connection) };
}

/** Interrupts all calls and starts no more; resolves when none is in progress. */
export async function endNativeCalls(): Promise<void> {
  ending = true;
  while (calls > 0) {
    // Repeatedly: a call that has not quite started misses the interrupt.
    for (const connection of connections) connection.interrupt();
    await sleep(LOOK_MS);
  }
}
