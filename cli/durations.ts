/** Durations as people write them: 500ms, 90s, 5m, 1h, 2d; bare numbers are seconds. */
import { UsageError } from './usage.ts';

const UNITS: Record<string, number> = { us: 1, ms: 1e3, s: 1e6, m: 60e6, h: 3600e6, d: 86400e6, '': 1e6 };

/**
 * @param option name of the option, for the message
 * @returns whole microseconds, greater than 0
 * @throws UsageError when the text is no duration
 */
export function parseDuration(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d|)$/.exec(text);
  const us = match === null ? Number.NaN : Math.round(Number(match[1]) * UNITS[match[2]]);
  if (!(us > 0) || !Number.isSafeInteger(us))
    throw new UsageError(`--${option} takes a duration such as 500ms, 90s, 5m or 1h, not '${text}'`);
  return us;
}
