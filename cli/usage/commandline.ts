/**
 * Connects a command's description to Commander, which parses arguments and lays out help. Error messages are
 * our own.
 */
import { CommanderError, Help, Option, Command as Parser } from 'commander';
import {
  type Options,
  type OptionValues,
  optionFlag,
  optionFlags,
} from '../../shared/job/options/optiondescription.ts';
import { type Command, GROUPS, usageLine } from './command.ts';
import { UsageError } from './usage.ts';

const PROGRAM = 'flowstitch';
/** Columns of help where it is not shown on a terminal, and the most that are used of a wide one. */
const HELP_WIDTH = 100;
/** Below this Commander's columns leave too little for words. */
const LEAST_HELP_WIDTH = 80;

/** Columns of help on the terminal there is. */
export function helpWidth(columns: number | undefined = process.stdout.columns): number {
  return Math.max(LEAST_HELP_WIDTH, Math.min(columns || HELP_WIDTH, HELP_WIDTH));
}

/** A parsed argument list. */
export type Asked<T extends Options> = { help: true } | { help: false; values: OptionValues<T>; operands: string[] };

/**
 * Parses the arguments of a command; options and operands may be in any order, and `--` ends the options.
 * @throws UsageError for an unknown option, a missing value or one too many, and operands that are too few or too many
 */
export function readCommandLine<T extends Options>(command: Command<T>, args: readonly string[]): Asked<T> {
  const parser = parserOf(command as Command)
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  const spoken = args.map((arg, number) => (isComment(arg) ? standIn(number) : arg));
  const meant = (arg: string): string => args[spoken.indexOf(arg)] ?? arg;
  try {
    parser.parse(spoken, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return { help: true };
    throw usageError(command as Command, error);
  }
  const values: Record<string, string | boolean> = {};
  for (const option of parser.options) {
    const parsed: unknown = parser.getOptionValue(option.attributeName());
    const value = typeof parsed === 'string' ? meant(parsed) : parsed;
    const name = option.name();
    if (typeof value === 'string') {
      // Commander takes any next argument as the value, even an option: a value that looks like one, and not like a number, needs a `=`.
      if (
        /^-[^0-9]/.test(value) &&
        optionFlags(name, command.options[name]).includes(args[args.lastIndexOf(value) - 1])
      )
        throw noValue(command, name);
      values[name] = value;
    } else if (value === true) values[name] = true;
  }
  const { least, most, wanted } = command.operands;
  if (parser.args.length < least || parser.args.length > most) throw new UsageError(`${command.name}: ${wanted}`);
  return { help: false, values: values as OptionValues<T>, operands: parser.args.map(meant) };
}

/** Two dashes and a blank among what follows begin a comment of SQL, and no option: before a `=` options have no blanks. */
const isComment = (arg: string): boolean => /^--[^\s=]*\s/.test(arg);

/** What Commander is given in place of such an argument; no argument of a process holds a zero. */
const standIn = (number: number): string => `\0${number}`;

/** The help of one command. */
export function commandHelp(command: Command, width = helpWidth()): string {
  const { examples, exitCodes = [], notes = [] } = command;
  const wrap = (text: string): string => new Help().boxWrap(text, width);
  const parts = [
    parserOf(command)
      .configureOutput({ getOutHelpWidth: () => width })
      .helpInformation(),
  ];
  for (const note of notes) parts.push(`${wrap(note)}\n`);
  const lines = examples.map(([line, meaning]) => `  ${PROGRAM} ${line}\n      ${meaning}\n`);
  if (lines.length > 0) parts.push(`Examples:\n${lines.join('')}`);
  if (exitCodes.length > 0) parts.push(`Exit codes:\n${listText(exitCodes, width)}`);
  return parts.join('\n');
}

/** The list of commands. */
export function programHelp(commands: readonly Command[], width = helpWidth()): string {
  const groups = Object.entries(GROUPS).map(([group, heading]) => {
    const members = commands.filter((command) => command.group === group);
    return `${heading}:\n${listText(
      members.map((command) => [usageLine(command), command.summary]),
      width,
    )}`;
  });
  return (
    `${PROGRAM}: sessions from packet captures, correct across file borders\n\n` +
    `Usage: ${PROGRAM} COMMAND ...\n       ${PROGRAM} COMMAND --help     options, defaults and examples of a command\n` +
    `       ${PROGRAM} --version\n\n${groups.join('\n')}`
  );
}

/** Terms and their meanings, one below the other. */
function listText(items: readonly (readonly [term: string, meaning: string])[], width: number): string {
  const help = new Help();
  help.prepareContext({ helpWidth: width });
  const widest = Math.max(...items.map(([term]) => term.length));
  return items.map(([term, meaning]) => `${help.formatItem(term, widest, meaning, help)}\n`).join('');
}

/** The name that a wrong one may have meant. */
export function nameLike(name: string, names: readonly string[]): string | undefined {
  const parser = new Parser().exitOverride().configureOutput({ writeErr: () => {} });
  for (const known of names) parser.command(known);
  try {
    parser.parse([name], { from: 'user' });
  } catch (error) {
    return suggestionIn((error as Error).message);
  }
  return undefined;
}

function parserOf(command: Command): Parser {
  const { name, operands, needs, description, options } = command;
  const parser = new Parser(`${PROGRAM} ${name}`)
    .usage([operands.usage, needs, '[options]'].filter((part) => part).join(' '))
    .description(description.join('\n\n'))
    .argument('[operands...]')
    .helpOption('-h, --help', 'show this help');
  for (const [option, described] of Object.entries(options)) {
    const { value, meaning, choices, default: without, group } = described;
    const facts = [
      ...(choices === undefined ? [] : [choices.join(' | ')]),
      ...(without === undefined ? [] : [`default: ${without}`]),
    ];
    const flags = `${optionFlags(option, described).join(', ')}${value === undefined ? '' : ` <${value}>`}`;
    const parsed = new Option(flags, `${meaning}${facts.length === 0 ? '' : ` (${facts.join('; ')})`}`);
    if (described.repeatable)
      parsed.argParser((given: string, before: string | undefined) =>
        before === undefined ? given : `${before},${given}`,
      );
    parser.addOption(group === undefined ? parsed : parsed.helpGroup(`${group}:`));
  }
  return parser;
}

function usageError(command: Command, { code, message }: CommanderError): UsageError {
  const flag = /'(?:-\w, )?(-[^' =]*)/.exec(message)?.[1] ?? 'an option';
  if (code !== 'commander.unknownOption') return noValue(command, flag.replace(/^-+/, ''));
  if (Object.hasOwn(command.options, flag.slice(2)) && message.includes(`'${flag}=`))
    return new UsageError(`${command.name}: ${flag} takes no value`);
  const meant = suggestionIn(message);
  return new UsageError(
    `${command.name}: unknown option ${flag}${meant === undefined ? '' : `, did you mean ${meant}?`}; ${PROGRAM} ${command.name} --help lists the options`,
  );
}

function noValue({ name: command }: Pick<Command, 'name'>, option: string): UsageError {
  return new UsageError(`${command}: ${optionFlag(option)} needs a value; see ${PROGRAM} ${command} --help`);
}

/** Commander says '(Did you mean --packets?)', or 'one of --a, --b?'. */
function suggestionIn(message: string): string | undefined {
  return /\(Did you mean (?:one of )?(.*)\?\)/.exec(message)?.[1];
}
