/** The command line: finds the command and turns errors into messages and exit codes. */
import { setFlagsFromString } from 'node:v8';
import { printable } from '../shared/text/printable.ts';
import { COMMANDS, loadCommands } from './commands/index.ts';
import { onStop, Stopped } from './signals.ts';
import { print, unwritten } from './text/output.ts';
import type { Command } from './usage/command.ts';
import { packageVersion, UsageError } from './usage/usage.ts';

/**
 * Threads for calls of the system and of DuckDB: with Node's four, the syncs of small files made other files wait. Nothing
 * has used the pool yet, which is made with its first use.
 */
const POOL_THREADS = 16;

/**
 * Megabytes that a worker thread's heap may have before its first full collection, arrays included. With V8's own choice
 * a run over 1.5 M packets collected 50 times instead of 15, mostly to find that what its threads hold is still held.
 */
const FIRST_HEAP_MB = 64;

/** Runs a command and sets the exit code: 0 done, 1 usage or input/output error, 2 done with damage, 130 and 143 stopped. */
export async function main(args: string[]): Promise<void> {
  process.env.UV_THREADPOOL_SIZE ??= String(POOL_THREADS);
  // Heaps that are made from now on: those of threads, not this one's. Threads cannot be given it by themselves.
  setFlagsFromString(`--initial-old-space-size=${FIRST_HEAP_MB}`);
  outliveReaders();
  // Until the command has its own way to end, and for those that need none; and when it has ended, that stands.
  let done = false;
  onStop((stopped) => (done ? process.exit() : end(stopped)));
  try {
    process.exitCode = await dispatch(args);
  } catch (error) {
    if (error instanceof Stopped) end(error);
    process.exitCode = 1;
    process.stderr.write(`flowstitch: ${sentence(error)}\n`);
  }
  done = true;
}

function end({ exitCode }: Stopped): never {
  process.stderr.write('stopped.\n');
  process.exit(exitCode);
}

async function dispatch([name, ...args]: string[]): Promise<number> {
  if (name === undefined) {
    process.stderr.write(await help([]));
    return 1;
  }
  if (name === 'help' || name === '--help' || name === '-h') {
    print(await help(args));
    return 0;
  }
  if (name === '--version' || name === '-v') {
    print(`flowstitch ${packageVersion()}\n`);
    return 0;
  }
  const command = await commandOf(name);
  const { readCommandLine } = await import('./usage/commandline.ts');
  const asked = readCommandLine(command, args);
  if (!asked.help) return command.run(asked.values, asked.operands, { commands: loadCommands });
  print(await help([name]));
  return 0;
}

/** The list of commands, or the help of the one that is named. */
async function help([name]: string[]): Promise<string> {
  const { commandHelp, programHelp } = await import('./usage/commandline.ts');
  return name === undefined ? programHelp(await loadCommands()) : commandHelp(await commandOf(name));
}

/** @throws UsageError when there is none of that name */
async function commandOf(name: string): Promise<Command> {
  if (Object.hasOwn(COMMANDS, name)) return (await COMMANDS[name]()).COMMAND;
  const { nameLike } = await import('./usage/commandline.ts');
  const names = Object.keys(COMMANDS);
  const meant = nameLike(name, names);
  throw new UsageError(
    `unknown command '${name}'${meant === undefined ? '' : `, did you mean ${meant}?`}; commands are ${names.join(', ')}`,
  );
}

/** A reader that closes early (| head) is not an error. */
function outliveReaders(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`flowstitch: ${unwritten(error)}\n`);
    process.exit(1);
  });
  // Nor is progress that cannot be written, for example to a full disk: what matters is in the results and the exit code.
  process.stderr.on('error', () => {});
}

/** The error's message, without a stack unless it was asked for. */
function sentence(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  if (process.env.FLOWSTITCH_TRACE !== undefined) return error.stack ?? error.message;
  // Messages may carry the stack of a worker: it begins where lines begin with 'at'.
  const lines = error.message.split('\n');
  const stack = lines.findIndex((line) => /^\s+at /.test(line));
  return (stack < 0 ? lines : lines.slice(0, stack)).map(printable).join('\n');
}
