/**
 * What an option is called, takes and means, in one place: the parser of arguments, help texts, shell completion,
 * docs/commands.md and the check of options in JSON follow from it.
 */
export interface OptionDescription {
  /** What stands for its value in help texts, such as FOLDER; an option without one is a switch. */
  readonly value?: string;
  /** What it does: a phrase of a help text. */
  readonly meaning: string;
  /** What holds when it is not given, as it is typed or in words. */
  readonly default?: string;
  /** The values that it takes, where they can be listed. */
  readonly choices?: readonly string[];
  /** Heading of the help under which it stands; with the others when it has none. */
  readonly group?: string;
  /** In JSON its value may be a number. */
  readonly numeric?: true;
}

/** Options by their names without dashes; a name of one letter is typed with one dash. */
export type Options = Readonly<Record<string, OptionDescription>>;

/** What was given of options: text, or true for a switch. */
export type OptionValues<T extends Options> = {
  [Name in keyof T]?: T[Name] extends { readonly value: string } ? string : boolean;
};

/** An option as it is typed: --out, -n. */
export function optionFlag(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
