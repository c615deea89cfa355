/** The options of flowstitch run: their help, and what they mean. */
import { availableParallelism } from 'node:os';
import {
  DEFAULT_DATASET,
  JOB_OPTIONS,
  JOB_OPTIONS_HELP,
  type JobOptions,
  jobOptions,
  TIMEOUTS_HELP,
} from '../../shared/job/options.ts';
import { wholeNumber } from '../../shared/job/optionvalues.ts';
import { readOptions } from './options.ts';
import { UsageError } from './usage.ts';

export const RUN_HELP = `flowstitch run FILE|FOLDER|GLOB ... --out FOLDER

Turns captures (pcap, pcapng; plain, or in gzip or zstd) into tables of sessions. Folders are
read to their bottom; names that begin with a dot are passed over, other things that are no files are named.

  --out FOLDER        where the tables go; running again with the same folder goes on, or maps only what is new
  --dataset NAME      name of the data set (default: ${DEFAULT_DATASET})
${JOB_OPTIONS_HELP}  --workers N         worker threads (default: one a processor)
  --json              print the summary as JSON
  --quiet             no progress

Timeouts as 500ms, 90s, 5m or 1h; Zeek's unless given:
${TIMEOUTS_HELP}
Exit codes: 0 all was read; 1 usage or input/output; 2 finished, but some capture was damaged or
unreadable; 130 or 143 stopped by Ctrl-C or SIGTERM, and the same command goes on from there.
`;

/** What a caller of run asks for. */
export interface RunOptions extends JobOptions {
  /** Files, folders and globs. */
  inputs: string[];
  out: string;
  workers: number;
  json: boolean;
  quiet: boolean;
}

/**
 * The arguments of run.
 * @returns 'help' when help is asked for
 * @throws UsageError, OptionError
 */
export function readRunOptions(args: string[]): RunOptions | 'help' {
  const { values, positionals } = readOptions('run', args, {
    ...JOB_OPTIONS,
    out: { type: 'string' },
    workers: { type: 'string' },
    json: { type: 'boolean' },
    quiet: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) return 'help';
  if (positionals.length === 0) throw new UsageError('run: which captures? Name files, folders or globs');
  if (!values.out) throw new UsageError('run: where to? Name a folder with --out');
  const options = jobOptions(values);
  return {
    ...options,
    inputs: positionals,
    out: values.out,
    workers: wholeNumber(values.workers, '--workers', 1, 256) ?? availableParallelism(),
    json: values.json ?? false,
    quiet: values.quiet ?? false,
  };
}
