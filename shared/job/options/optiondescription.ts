/**
 * Descriptions of options: name, value and meaning. The argument parser, help texts, shell completion,
 * docs/commands.md and the check of options in JSON are derived from them.
 */
export interface OptionDescription {
  /** Placeholder of its value in help texts, such as FOLDER; an option without one is a switch. */
  readonly value?: string;
  /** What it does: a phrase for the help text. Of a TIME or SIZE it or the heading says what a bare number is. */
  readonly meaning: string;
  /** A letter that it may be typed as too: 'o', typed -o. */
  readonly short?: string;
  /** Its default, as typed or in words. */
  readonly default?: string;
  /** Its allowed values, where they can be listed. */
  readonly choices?: readonly string[];
  /** Heading in the help text; none: among the general options. */
  readonly group?: string;
  /** It may be given more than once: the same as its values with commas between. */
  readonly repeatable?: true;
  /** In JSON its value may be a number. */
  readonly numeric?: true;
}

/** Options by their names without dashes; a name of one letter is typed with one dash. */
export type Options = Readonly<Record<string, OptionDescription>>;

/** The options given: text, or true for a switch. */
export type OptionValues<T extends Options> = {
  [Name in keyof T]?: T[Name] extends { readonly value: string } ? string : boolean;
};

/** All flags of an option, the short one first. */
export function optionFlags(name: string, { short }: OptionDescription): string[] {
  return short === undefined ? [optionFlag(name)] : [optionFlag(short), optionFlag(name)];
}

/** An option as it is typed: --out, -n. */
export function optionFlag(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
