/**
 * Ctrl-C and SIGTERM. The first lets the command end in its own way; the second kills the program at once, by the
 * system's default action, so that it works whatever the program is busy with.
 */
import { endNativeCalls } from '../shared/table/parquet/nativecalls.ts';

/** Exit codes of a program ended by a signal, as in shells. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;
const STOP_SIGNALS = Object.keys(EXIT_CODES) as StopSignal[];

/** The command was asked to end. */
export class Stopped extends Error {
  override name = 'Stopped';
  readonly exitCode: number;

  constructor(signal: StopSignal) {
    super(`stopped by ${signal}`);
    this.exitCode = EXIT_CODES[signal];
  }
}

type Handler = (stopped: Stopped) => void;
/** The last one is called. */
const handlers: Handler[] = [];

/** Exit code of the signal that came. */
let stoppedCode = EXIT_CODES.SIGINT as number;

/** The exit code of a program that was asked to end and did. */
export function exitCodeOfStop(): number {
  return stoppedCode;
}

function onSignal(signal: StopSignal): void {
  stoppedCode = EXIT_CODES[signal];
  const asked = handlers.at(-1);
  // Without listeners a signal has its own effect again.
  handlers.length = 0;
  unlisten();
  asked?.(new Stopped(signal));
}

function unlisten(): void {
  for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
}

/** Calls `handler` at the first signal, unless a later handler is there. */
export function onStop(handler: Handler): { release(): void } {
  if (handlers.length === 0) for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  handlers.push(handler);
  return {
    release: () => {
      const at = handlers.lastIndexOf(handler);
      if (at < 0) return;
      handlers.splice(at, 1);
      if (handlers.length === 0) unlisten();
    },
  };
}

/** Runs `work`, whose signal is aborted with a `Stopped` when it is to end. */
export async function stoppable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const handler = onStop((stopped) => stop.abort(stopped));
  try {
    return await work(stop.signal);
  } finally {
    handler.release();
  }
}

/**
 * Runs work without side effects, such as a query: it is interrupted when the program is to end.
 * @throws Stopped; the program is then to end
 */
export function interruptibly<T>(work: () => Promise<T>): Promise<T> {
  return stoppable(async (signal) => {
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => void endNativeCalls().then(() => reject(signal.reason)));
    });
    try {
      return await Promise.race([work(), stopped]);
    } catch (error) {
      // Interrupted work has an error of its own.
      return signal.aborted ? await stopped : Promise.reject(error);
    }
  });
}
