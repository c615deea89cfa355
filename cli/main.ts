/** The command line: finds the command and turns errors into sentences and exit codes. */
import { inspect } from './inspect.ts';
import { run } from './run.ts';
import { sql } from './sql.ts';
import { HELP, UsageError } from './usage.ts';

const COMMANDS: Record<string, (args: string[]) => Promise<number>> = { run, sql, inspect };

/** Runs a command and sets the exit code: 0 well, 1 usage or input/output, 2 done with damage. */
export async function main(args: string[]): Promise<void> {
  const [name, ...rest] = args;
  // A reader that closes early (| head) is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
      (name === undefined ? process.stderr : process.stdout).write(HELP);
      process.exitCode = name === undefined ? 1 : 0;
      return;
    }
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined) throw new UsageError(`'${name}' is no command; there are ${Object.keys(COMMANDS).join(', ')}`);
    process.exitCode = await command(rest);
  } catch (error) {
    process.exitCode = 1;
    const known = error instanceof UsageError || (error as NodeJS.ErrnoException).code !== undefined;
    const text = error instanceof Error ? (known || process.env.FLOWSTITCH_STACK === undefined ? error.message : error.stack) : error;
    process.stderr.write(`flowstitch: ${text}\n`);
  }
}
