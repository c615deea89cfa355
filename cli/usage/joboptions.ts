/** What the commands that start jobs in the cloud share: their options, and how places in S3 are named. */
import { type GivenOptions, JOB_OPTIONS } from '../../shared/job/options.ts';
import type { ListedCaptures } from '../../shared/store/aws/s3list.ts';
import { counted } from '../text/format.ts';

/** Of all values that a command was given, those that say what a job is to do. */
export function givenJobOptions(values: Record<string, unknown>): GivenOptions {
  return Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(JOB_OPTIONS, name)));
}

/** Options as they are typed: ' --packets --tcp-timeout 5m'; empty where there are none. */
export function optionsText(options: GivenOptions): string {
  return Object.entries(options)
    .filter(([, value]) => value !== false)
    .map(([name, value]) => ` --${name}${value === true ? '' : ` ${value}`}`)
    .join('');
}

/** What a listing passed over; empty where it was nothing. */
export function skippedText({ folders, empty, markers, hidden }: ListedCaptures['skipped']): string {
  const kinds: [number, string][] = [
    [folders, 'folder marker'],
    [empty, 'object without bytes'],
    [markers, '_READY marker'],
    [hidden, 'hidden object'],
  ];
  return kinds
    .filter(([n]) => n > 0)
    .map(([n, what]) => (what === 'object without bytes' && n > 1 ? `${n} objects without bytes` : counted(n, what)))
    .join(', ');
}
