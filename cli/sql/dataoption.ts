/** Which results a command reads: options of every command that queries them. */
import type { Options } from '../../shared/job/options/optiondescription.ts';
import { UsageError } from '../usage/usage.ts';

export const DATA_OPTIONS = {
  data: {
    value: 'FOLDER|s3://...',
    meaning: "results of flowstitch run, the pipeline's results bucket (s3://BUCKET/), or a prefix with results",
  },
  dataset: { value: 'NAME', meaning: 'data set, where there are several' },
} as const satisfies Options;

/** The results that were named. @throws UsageError when none were */
export function givenData(command: string, { data }: { data?: string }): string {
  if (data) return data;
  throw new UsageError(`${command}: no results given: name their folder or bucket with --data`);
}
