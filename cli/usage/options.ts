/** Options of a command: Node's parser, with our words for what is wrong. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './usage.ts';

/**
 * Parses the arguments of one command; positional arguments may stand anywhere.
 * @throws UsageError for an unknown option, a missing value or one too many
 */
export function readOptions<T extends NonNullable<ParseArgsConfig['options']>>(
  command: string,
  args: string[],
  options: T,
) {
  try {
    return parseArgs({ args, allowPositionals: true, options });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('ERR_PARSE_ARGS_') !== true) throw error;
    const name = / '(?:-\w, )?(-[^' ]+)/.exec(message)?.[1].replace(/^--(?=\w$)/, '-') ?? 'an option';
    const help = `flowstitch ${command} --help`;
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION')
      throw new UsageError(`${command}: there is no option ${name}; ${help} lists those there are`);
    if (message.includes('does not take')) throw new UsageError(`${command}: ${name} takes no value`);
    throw new UsageError(`${command}: ${name} needs a value; see ${help}`);
  }
}
