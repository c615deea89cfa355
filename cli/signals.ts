/**
 * Ctrl-C and SIGTERM. The first lets the command end in its own way; the second kills the program at once, by the
 * system's default action, so that it works whatever the program is busy with. So does the first after a time, if the
 * command has not ended by then: a process that exits while its threads work may abort in one of them instead.
 */
import { endNativeCalls } from '../shared/table/parquet/nativecalls.ts';

/** Exit codes of a program ended by a signal, as in shells. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;
const STOP_SIGNALS = Object.keys(EXIT_CODES) as StopSignal[];

/** The command was asked to end. */
export class Stopped extends Error {
  override name = 'Stopped';
  readonly signal: StopSignal;
  readonly exitCode: number;

  constructor(signal: StopSignal) {
    super(`stopped by ${signal}`);
    this.signal = signal;
    this.exitCode = EXIT_CODES[signal];
  }
}

/** Milliseconds that a command has to end in its own way: Docker kills after ten seconds. */
const PATIENCE_MS = 9000;

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

/**
 * Runs `work`, whose signal is aborted with a `Stopped` when it is to end.
 * @param patienceMs milliseconds that it has for that; then the program is killed, as by a second signal
 */
export async function stoppable<T>(
  work: (signal: AbortSignal) => Promise<T>,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  const stop = new AbortController();
  let patience: NodeJS.Timeout | undefined;
  const handler = onStop((stopped) => {
    patience = setTimeout(() => {
      process.stderr.write('stopped at once, in the middle of something that took too long to end.\n');
      // Nobody listens to it any more.
      process.kill(process.pid, stopped.signal);
    }, patienceMs);
    stop.abort(stopped);
  });
  try {
    return await work(stop.signal);
  } finally {
    clearTimeout(patience);
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
