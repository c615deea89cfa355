/**
 * A command of the command line: one file in cli/commands/ with its operands, options, help texts and code.
 * Parser, help, completion and docs/commands.md are derived from that.
 */
import type { Options, OptionValues } from '../../shared/job/options/optiondescription.ts';

/** Headings of the list of commands, in its order. */
export const GROUPS = {
  local: 'On this machine',
  cloud: 'In the cloud, on the pipeline that npm run deploy creates',
  other: 'Other',
} as const;

/** The arguments besides the options. */
export interface Operands {
  /** For the usage line: 'JOB', '[s3://BUCKET/PREFIX]', 'FILE|FOLDER|GLOB ...'. */
  usage: string;
  least: 0 | 1;
  most: number;
  /** The message, after the command's name, where there are too few or too many. */
  wanted: string;
  /** Whether they are files, which shells complete. */
  files?: true;
  /** The words that it can be, where they can be listed. */
  choices?: readonly string[];
}

export interface Command<T extends Options = Options> {
  name: string;
  group: keyof typeof GROUPS;
  operands: Operands;
  /** Required options, for the usage line: '--out FOLDER'. */
  needs?: string;
  /** What it does, in a few words: its line in the list of commands. */
  summary: string;
  /** Paragraphs. */
  description: readonly string[];
  options: T;
  /** Paragraphs after the options. */
  notes?: readonly string[];
  /** What to type after 'flowstitch', and what it does. */
  examples: readonly (readonly [line: string, meaning: string])[];
  /** Where there are others than 0 for success and 1 for an error. */
  exitCodes?: readonly (readonly [codes: string, meaning: string])[];
  /**
   * Imports the AWS SDK, DuckDB and Arrow only when they are needed, with import(), since help and completion load
   * the files of all commands; everything else as usual.
   * @returns the exit code
   */
  run(values: OptionValues<T>, operands: string[], program: ProgramParts): Promise<number>;
}

/** What the program provides to commands. */
export interface ProgramParts {
  /** Loads all commands, in the order of the help. */
  commands(): Promise<Command[]>;
}

/** A command whose values have the types of its options. */
export function defineCommand<const T extends Options>(command: Command<T>): Command<T> {
  return command;
}

/** The usage line, without the program's name. */
export function usageLine({ name, operands, needs }: Command): string {
  return [name, operands.usage, needs].filter((part) => part).join(' ');
}

/** `--json`, of every command that prints a result. */
export const JSON_OPTION = { json: { meaning: 'print JSON' } } as const satisfies Options;
