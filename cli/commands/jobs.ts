/** flowstitch jobs: the jobs of the pipeline, and automatic starts that were rejected. */
import { listJobs } from '../../shared/control/operate.ts';
import type { JobEntry } from '../../shared/control/start.ts';
import { type JobState, jobStates } from '../../shared/control/status.ts';
import { formatTable } from '../../shared/query/resulttext.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import type { Refusal } from '../../shared/upload/uploads.ts';
import { CREDENTIALS_NOTE, pipelineOf, STACK_OPTION } from '../cloud/stackoption.ts';
import { bytesText, commandName, count, counted } from '../text/format.ts';
import { print } from '../text/output.ts';
import { momentText, stateText } from '../text/statustext.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';

/** Rejected starts listed one by one. */
const LISTED = 10;

export const COMMAND = defineCommand({
  name: 'jobs',
  group: 'cloud',
  operands: { usage: '', least: 0, most: 0, wanted: `takes no arguments; ${commandName()} status JOB shows one job` },
  summary: 'list the jobs',
  description: ['Lists the jobs of the pipeline, newest first, and automatic starts that were rejected.'],
  options: { dataset: { value: 'NAME', meaning: 'only those of this data set' }, ...JSON_OPTION, ...STACK_OPTION },
  notes: [CREDENTIALS_NOTE],
  examples: [
    ['jobs', 'all jobs'],
    ['jobs --dataset site-a --json', 'those of one data set, as JSON'],
  ],
  async run(values) {
    const { listRefusals } = await import('../../shared/upload/uploads.ts');
    const { work, capturesBucket } = await pipelineOf(values);
    const entries = await listJobs(work, values.dataset);
    const states = await jobStates(work, entries);
    const refused = await listRefusals(work);
    if (values.json) {
      const known = entries.map((entry, i) => ({ ...entry, ...states[i] }));
      print(`${printableJson({ jobs: known, refused })}\n`);
    } else print(jobsText(entries, states, refused, values.dataset, capturesBucket));
    return 0;
  },
});

/** @param states of the entries, in their order */
export function jobsText(
  entries: readonly JobEntry[],
  states: readonly JobState[],
  refused: readonly Refusal[],
  dataset: string | undefined,
  capturesBucket: string,
): string {
  return `${entries.length === 0 ? noJobs(dataset, capturesBucket) : jobsTable(entries, states)}${refusalsText(refused)}`;
}

function noJobs(dataset: string | undefined, capturesBucket: string): string {
  if (dataset !== undefined) return `there are no jobs of data set '${dataset}'\n`;
  return `there are no jobs yet: ${commandName()} submit s3://${capturesBucket}/PREFIX/ starts one\n`;
}

function jobsTable(entries: readonly JobEntry[], states: readonly JobState[]): string {
  const columns = ['job', 'data set', 'state', 'captures', 'size', 'submitted'].map((name) => ({ name, type: '' }));
  const rows = entries.map(({ job, dataset, captures, bytes, submitted }, i) => [
    job,
    dataset,
    stateText(states[i]),
    count(captures),
    bytesText(bytes),
    momentText(submitted),
  ]);
  return formatTable({ columns, rows, truncated: false });
}

function refusalsText(refused: readonly Refusal[]): string {
  if (refused.length === 0) return '';
  const lines = refused
    .slice(0, LISTED)
    .map(({ at, object, reason }) => `  ${momentText(at)}  ${printable(object)}: ${printable(reason)}\n`);
  if (refused.length > LISTED) lines.push(`  and ${refused.length - LISTED} more\n`);
  return `\n${counted(refused.length, 'rejected automatic start')}:\n${lines.join('')}`;
}
