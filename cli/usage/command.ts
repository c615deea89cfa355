/**
 * A command of the command line: one file in cli/commands/ that says what it takes, what its help tells and what it
 * does. Parser, help, completion and docs/commands.md follow from that.
 */
import type { Options, OptionValues } from '../../shared/job/optiondescription.ts';

/** Headings of the list of commands, in its order. */
export const GROUPS = {
  local: 'On this machine',
  cloud: 'In the cloud, on the pipeline that npm run deploy makes',
  other: 'Other',
} as const;

/** What stands on the line beside the options. */
export interface Operands {
  /** As the usage line has it: 'JOB', '[s3://BUCKET/PREFIX]', 'FILE|FOLDER|GLOB ...'. */
  usage: string;
  least: 0 | 1;
  most: number;
  /** What is said, behind the command's name, where there are too few or too many. */
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
  /** Options that are never left out, as the usage line has them: '--out FOLDER'. */
  needs?: string;
  /** What it does, in a few words: its line in the list of commands. */
  summary: string;
  /** Paragraphs. */
  description: readonly string[];
  options: T;
  /** Paragraphs behind the options. */
  notes?: readonly string[];
  /** What is typed behind 'flowstitch', and what it does. */
  examples: readonly (readonly [line: string, meaning: string])[];
  /** Where they are more than 0 for well done and 1 for an error. */
  exitCodes?: readonly (readonly [codes: string, meaning: string])[];
  /**
   * What the code loads beyond AWS's SDK, DuckDB and Arrow it imports as usual; those only when they are needed, with
   * import(), for help and completion load the files of all commands.
   * @returns the exit code
   */
  run(values: OptionValues<T>, operands: string[], program: ProgramParts): Promise<number>;
}

/** What a command may ask of the program. */
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

/** `--json`, of every command that has an answer to print. */
export const JSON_OPTION = { json: { meaning: 'print JSON' } } as const satisfies Options;
