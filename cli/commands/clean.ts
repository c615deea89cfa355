/** flowstitch clean: removes what no current results need. */
import type { Cleaning, Removal } from '../../shared/control/dataset/clean.ts';
import { wholeNumber } from '../../shared/job/options/optionvalues.ts';
import { printableJson } from '../../shared/text/printable.ts';
import type { Pipeline } from '../cloud/pipeline.ts';
import { PLACE_OPTIONS, resultsPlace } from '../cloud/resultsplace.ts';
import { bytesText, counted, fieldLines } from '../text/format.ts';
import { print } from '../text/output.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';

export const COMMAND = defineCommand({
  name: 'clean',
  group: 'local',
  operands: { usage: '', least: 0, most: 0, wanted: 'takes no arguments' },
  needs: '--data FOLDER|s3://RESULTS',
  summary: 'remove what no current results need',
  description: [
    'Removes from a folder of flowstitch run, or from a pipeline, what the current results of its data sets do not need: files of tables, shards and files of jobs that were replaced. Kept are the current tables and the shards that they were made from, the sessions that were open at the ends of their intervals, and jobs that were started since and not finished: later runs cost no more than without cleaning. No run may be at work in the folder meanwhile.',
    'A pipeline does that by itself, each day and with a function of its own, when no job runs or waits; this starts it now, and does not wait for it. Files of tables stay for an hour after they were replaced, for those who are reading them.',
  ],
  options: {
    ...PLACE_OPTIONS,
    'keep-jobs': {
      value: 'N',
      meaning: 'also keep the files and shards of the N newest other jobs of each data set',
      default: '0',
      numeric: true,
    },
    'dry-run': { meaning: 'say what would be removed, and remove nothing' },
    ...JSON_OPTION,
  },
  examples: [
    ['clean --data results/ --dry-run', 'what would be removed'],
    ['clean --data results/', 'remove it'],
    ['clean --data s3://RESULTS/', 'the same in the cloud, where the clean function does it'],
  ],
  async run(values) {
    const place = await resultsPlace('clean', values);
    const jobs = wholeNumber(values['keep-jobs'], '--keep-jobs', 0, 1_000_000) ?? 0;
    const dry = values['dry-run'] === true;
    if (typeof place !== 'string' && !dry) {
      const { askCleaning } = await import('../cloud/cleaning.ts');
      await askCleaning(place, jobs);
      if (values.json) print(`${printableJson({ removed: false, started: true })}\n`);
      else print('cleaning has been started; it begins when no job runs or waits, and --dry-run says what is left\n');
      return 0;
    }
    const cleaning = await cleaned(place, jobs, dry);
    if (values.json) {
      const { tables, shards, jobs: files } = cleaning;
      print(`${printableJson({ removed: !dry, tables, shards, jobs: files })}\n`);
    } else print(cleaningText(cleaning, dry));
    return 0;
  },
});

/** @param dry must be true for a pipeline */
async function cleaned(place: string | Pipeline, jobs: number, dry: boolean): Promise<Cleaning> {
  if (typeof place === 'string') {
    const { cleanFolder } = await import('../../shared/engine/folders.ts');
    return cleanFolder(place, { jobs }, dry);
  }
  const { keepingIn } = await import('../cloud/cleaning.ts');
  const { planCleaning } = await import('../../shared/control/dataset/clean.ts');
  return planCleaning(place.work, place.results, keepingIn(place, jobs));
}

/** @param dry nothing was removed */
export function cleaningText({ tables, shards, jobs, cut, gone }: Cleaning, dry: boolean): string {
  const bytes = tables.bytes + shards.bytes + jobs.bytes;
  if (bytes === 0) return 'nothing to remove\n';
  const text = (what: string, { objects, bytes: its }: Removal): [string, string] => [
    what,
    `${counted(objects.length, 'file')}, ${bytesText(its)}`,
  ];
  const fields = [text('tables', tables), text('shards', shards), text('jobs', jobs)];
  fields[2][1] += gone.length + cut.length === 0 ? '' : `, of ${counted(gone.length + cut.length, 'earlier job')}`;
  return `${dry ? 'would remove' : 'removed'} ${bytesText(bytes)}\n${fieldLines(fields)}`;
}
