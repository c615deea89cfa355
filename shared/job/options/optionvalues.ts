/**
 * Values of options: durations (500ms, 90s, 5m, 1h, 2d; bare numbers are seconds; 'never' where
 * allowed), sizes (128M, 2G; bare numbers are bytes), and whole numbers.
 */

/** An unknown option or an invalid value; the message says what is allowed. */
export class OptionError extends Error {
  override name = 'OptionError';
}

const UNITS: Record<string, number> = { us: 1, ms: 1e3, s: 1e6, m: 60e6, h: 3600e6, d: 86400e6, '': 1e6 };

/**
 * @param option the option as it is typed, for the message
 * @param canBeNever whether 'never', which is 0, is allowed
 * @returns whole microseconds, greater than 0 unless it is never
 * @throws OptionError when the text is not a duration
 */
export function parseDuration(text: string, option: string, canBeNever = false): number {
  if (canBeNever && text === 'never') return 0;
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d|)$/.exec(text);
  const us = match === null ? Number.NaN : Math.round(Number(match[1]) * UNITS[match[2]]);
  if (!(us > 0) || !Number.isSafeInteger(us))
    throw new OptionError(
      `${option} takes a duration such as 500ms, 90s, 5m or 1h${canBeNever ? ', or never' : ''}, not '${text}'`,
    );
  return us;
}

/** A duration as parseDuration reads it, in the largest unit that gives a whole number. */
export function durationOption(us: number): string {
  if (us === 0) return 'never';
  const unit = ['d', 'h', 'm', 's', 'ms', 'us'].find((name) => us % UNITS[name] === 0) ?? 'us';
  return `${us / UNITS[unit]}${unit}`;
}

/**
 * A whole number given as text.
 * @returns undefined when it was not given
 * @throws OptionError when it is not a whole number from `least` to `most`
 */
export function wholeNumber(text: string | undefined, option: string, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new OptionError(`${option} takes a whole number from ${least} to ${most}, not '${text}'`);
  return value;
}

const SIZES = ['', 'K', 'M', 'G'];

/**
 * A number of bytes given as text.
 * @returns undefined when it was not given
 * @throws OptionError when it is not a size from `least` to `most`
 */
export function sizeOption(text: string | undefined, option: string, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+)([KMG]?)$/.exec(text);
  const bytes = match === null ? Number.NaN : Number(match[1]) * 1024 ** SIZES.indexOf(match[2]);
  if (!(bytes >= least && bytes <= most))
    throw new OptionError(
      `${option} takes a size from ${sizeText(least)} to ${sizeText(most)}, such as 128M, not '${text}'`,
    );
  return bytes;
}

/** A size as sizeOption reads it, in the largest unit that gives a whole number. */
export function sizeText(bytes: number): string {
  let unit = 0;
  while (unit + 1 < SIZES.length && bytes % 1024 ** (unit + 1) === 0) unit++;
  return `${bytes / 1024 ** unit}${SIZES[unit]}`;
}
