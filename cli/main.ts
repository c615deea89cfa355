/** The command line: finds the command and turns errors into sentences and exit codes. */
import { printable } from '../shared/text/printable.ts';
import { onStop, Stopped } from './signals.ts';
import { print, unwritten } from './text/output.ts';
import { HELP, packageVersion, UsageError } from './usage/usage.ts';

type Command = (args: string[]) => Promise<number>;

/** A command of the cloud's. */
function cloud(name: string): Command {
  return async (args) => (await import('./cloud/cloudcommands.ts')).runCloudCommand(name, args);
}

/** Each command's code is loaded when it is asked for: DuckDB and Arrow take longer to load than a help text to print. */
const COMMANDS: Record<string, Command> = {
  run: async (args) => (await import('./commands/run.ts')).run(args),
  sql: async (args) => (await import('./commands/sql.ts')).sql(args),
  inspect: async (args) => (await import('./commands/inspect.ts')).inspect(args),
  submit: cloud('submit'),
  jobs: cloud('jobs'),
  status: cloud('status'),
  cancel: cloud('cancel'),
  resume: cloud('resume'),
  watch: cloud('watch'),
};

/** Runs a command and sets the exit code: 0 well, 1 usage or input/output, 2 done with damage, 130 and 143 stopped. */
export async function main(args: string[]): Promise<void> {
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

async function dispatch([name, ...rest]: string[]): Promise<number> {
  if (name === undefined) {
    process.stderr.write(HELP);
    return 1;
  }
  if (name === 'help' || name === '--help' || name === '-h') {
    print(HELP);
    return 0;
  }
  if (name === '--version' || name === '-v') {
    print(`flowstitch ${packageVersion()}\n`);
    return 0;
  }
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name](rest);
  throw new UsageError(`'${name}' is no command; there are ${Object.keys(COMMANDS).join(', ')}`);
}

/** A reader that closes early (| head) is no error of ours. */
function outliveReaders(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`flowstitch: ${unwritten(error)}\n`);
    process.exit(1);
  });
  // Nor is progress that cannot be written, be it for a full disk: what matters is in the results and the exit code.
  process.stderr.on('error', () => {});
}

/** What is wrong, in the words of whoever noticed. A stack is for those who ask for it. */
function sentence(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  if (process.env.FLOWSTITCH_TRACE !== undefined) return error.stack ?? error.message;
  // Messages may carry the stack of a worker: it begins where lines begin with 'at'.
  const lines = error.message.split('\n');
  const stack = lines.findIndex((line) => /^\s+at /.test(line));
  return (stack < 0 ? lines : lines.slice(0, stack)).map(printable).join('\n');
}
