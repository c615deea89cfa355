/** The status of a job in the cloud, as text: in full, and as the one line shown while it runs. */

import { type JobState, type JobStatus, type StageStatus, stageAt } from '../../shared/control/status.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { printable } from '../../shared/text/printable.ts';
import { aboutDollars, requestCost } from './cost.ts';
import { bytesText, commandName, count, counted, durationText, fieldLines } from './format.ts';
import { jobSummaryText } from './summarytext.ts';

/** Failures listed one by one. */
const LISTED = 20;
/** Characters of a job's id where it is named beside others. */
const SHORT_ID = 8;

/** A time of day, to the second. @param ms milliseconds since 1970 */
export function momentText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A job's state in a few words. */
export function stateText({ state, behind, end }: JobState): string {
  if (state === 'waiting') return behind === null ? 'queued' : `queued behind ${behind.slice(0, SHORT_ID)}`;
  if (end?.state === 'failed') return `failed at ${end.stage}`;
  if (end?.state === 'superseded') return `superseded by ${end.by.slice(0, SHORT_ID)}`;
  return state;
}

/** Seconds from the first message to the last task's end so far; 0 before there are both. */
export function elapsedSeconds({ stages }: Pick<JobStatus, 'stages'>): number {
  const from = stages[0].sentAt ?? 0;
  const to = stages.reduce((latest, { lastEnd }) => Math.max(latest, lastEnd ?? 0), 0);
  return Math.max(0, to - from) / 1000;
}

/** Share of a stage's tasks that have ended: '63 %', never 100 before the last. */
export function percentText(ended: number, tasks: number): string {
  return `${tasks === 0 ? 100 : Math.floor((100 * ended) / tasks)} %`;
}

/** The rate of map, over the time in which its tasks ended; undefined while unknown. */
export function rateText({ stages, mapped }: Pick<JobStatus, 'stages' | 'mapped'>): string | undefined {
  const map = stages[STAGE_ORDER.indexOf('map')];
  const seconds = ((map.lastEnd ?? 0) - (map.sentAt ?? 0)) / 1000;
  if (map.sentAt === null || map.lastEnd === null || seconds <= 0) return undefined;
  const { packets, captures } = mapped;
  return packets > 0 ? `${count(packets / seconds)} packets/s` : `${(captures / seconds).toFixed(1)} captures/s`;
}

/** Seconds that the rest of a stage takes at the speed so far; undefined while that cannot be told. */
function secondsLeft({ tasks, ended, sentAt, lastEnd }: StageStatus): number | undefined {
  if (tasks === null || sentAt === null || lastEnd === null || ended === 0 || ended >= tasks) return undefined;
  const seconds = (lastEnd - sentAt) / 1000;
  return seconds > 0 ? (seconds / ended) * (tasks - ended) : undefined;
}

/** One line on a job that runs or waits. @param now milliseconds since 1970 */
export function progressText(status: JobStatus, now: number): string {
  if (status.state !== 'running') return stateText(status);
  const at = stageAt(status);
  const parts = [`${STAGE_ORDER.indexOf(at.stage) + 1}/${STAGE_ORDER.length} ${at.stage}`];
  if (at.tasks !== null) {
    parts.push(`${count(at.ended)} of ${counted(at.tasks, 'task')}`);
    parts.push(percentText(at.ended, at.tasks));
  }
  const rate = at.stage === 'map' ? rateText(status) : undefined;
  if (rate !== undefined) parts.push(rate);
  const left = secondsLeft(at);
  if (left !== undefined) parts.push(`about ${durationText(left)} left`);
  if (status.failures.length > 0) parts.push(`${counted(status.failures.length, 'task')} failed`);
  parts.push(durationText(Math.max(0, now - (status.stages[0].sentAt ?? now)) / 1000));
  return parts.join('  ');
}

/** A failure by name. */
export function failureText({ stage, task, reason }: JobStatus['failures'][number]): string {
  return `${stage} task ${task} failed on every attempt: ${printable(reason)}`;
}

/** The full status of a job. @param data where its tables are, as for `sql --data` */
export function statusText(status: JobStatus, data: string): string {
  const { entry, software, summary } = status;
  const fields: [string, string][] = [
    ['job', `${entry.job}, version ${software}`],
    ['data set', entry.dataset],
    ['captures', `${count(entry.captures)}, ${bytesText(entry.bytes)}${sourceText(status)}`],
    ['submitted', momentText(entry.submitted)],
    ['state', stateLine(status)],
  ];
  const failures = failuresText(status);
  if (summary === null)
    return `${fieldLines(fields)}${stagesText(status)}${failures}${cleaningText(status)}${nextText(status)}`;
  return `${fieldLines(fields)}\n${jobSummaryText(summary, {
    fields: costFields(status),
    data,
    committedBefore: false,
  })}${failures}${catalogText(status)}${cleaningText(status)}`;
}

function catalogText({ notInCatalog }: JobStatus): string {
  if (notInCatalog === null) return '';
  return `\nAthena does not see this job yet, for the log of the results could not be written; that is tried again every five minutes: ${printable(notInCatalog)}\n`;
}

function cleaningText({ cleaningDue, state }: JobStatus): string {
  if (!cleaningDue) return '';
  const what = 'what holds packets of the captures that this job forgets';
  if (state === 'committed') return `\n${what} is being removed, as soon as no job runs or waits\n`;
  return `\n${what} is removed once the job is committed\n`;
}

function sourceText({ entry: { source } }: JobStatus): string {
  const by = { submit: '', marker: ', started by a _READY marker', quiet: ', started automatically after uploads' }[
    source.by
  ];
  return `${source.prefix === null ? '' : ` under ${printable(source.prefix)}`}${by}`;
}

function stateLine(status: JobStatus): string {
  const { state, end, behind } = status;
  if (state === 'waiting' && behind !== null) return `queued behind job ${behind}`;
  if (end?.state === 'failed') return `failed: ${end.stage} task ${end.task}: ${printable(end.reason)}`;
  if (end?.state === 'cancelled') return `cancelled ${momentText(end.at)}`;
  if (end?.state === 'superseded') return `superseded: not run, for job ${end.by} has all its captures`;
  const rate = state === 'running' ? rateText(status) : undefined;
  return rate === undefined ? state : `${state}, ${rate}`;
}

/** One line per stage. */
function stagesText({ stages }: JobStatus): string {
  const known = stages.filter(({ tasks }) => tasks !== null);
  const lines = known.map(({ stage, tasks, ended }): [string, string] => [
    `  ${stage}`,
    `${count(ended)} of ${counted(tasks!, 'task')}, ${percentText(ended, tasks!)}`,
  ]);
  return fieldLines(lines);
}

function failuresText({ failures }: JobStatus): string {
  if (failures.length === 0) return '';
  const lines = failures.slice(0, LISTED).map((failure) => `  ${failureText(failure)}\n`);
  if (failures.length > LISTED) lines.push(`  and ${count(failures.length - LISTED)} more\n`);
  return `\n${counted(failures.length, 'task')} failed:\n${lines.join('')}`;
}

/** Tasks that are still to be done, stage by stage: 'map 40 of 63, then balance, merge, reduce, publish, commit'. */
export function remainingText({ stages }: Pick<JobStatus, 'stages'>): string {
  const left = stages.filter(({ tasks, ended }) => tasks !== null && ended < tasks);
  const known = left.map(
    ({ stage, tasks, ended }) => `${stage} ${count(tasks! - ended)} of ${counted(tasks!, 'task')}`,
  );
  const unknown = stages.filter(({ tasks }) => tasks === null).map(({ stage }) => stage);
  if (unknown.length === 0) return known.join(', ') || 'nothing';
  return `${known.join(', ')}${known.length > 0 ? ', then ' : ''}${unknown.join(', ')}`;
}

function nextText({ state, end, entry: { job } }: JobStatus): string {
  if (end?.state === 'superseded') return `\nnext: ${commandName()} status ${end.by} --watch\n`;
  const word = { failed: 'resume', cancelled: 'resume', running: 'status', waiting: 'status' }[state as string];
  if (word === undefined) return '';
  return `\nnext: ${commandName()} ${word} ${job}${word === 'status' ? ' --watch' : ''}\n`;
}

/** Time, and the job's requests to storage and queues. */
function costFields(status: JobStatus): [string, string][] {
  const { taskSeconds, summary, requests } = status;
  const seconds = elapsedSeconds(status);
  const speed = seconds > 0 ? `, ${count((summary?.packets ?? 0) / seconds)} packets/s` : '';
  const fields: [string, string][] = [
    ['time', `${durationText(seconds)}${speed}; ${durationText(taskSeconds)} of function time`],
  ];
  if (requests !== undefined) {
    const of = (...kinds: string[]): string => count(kinds.reduce((sum, kind) => sum + (requests[kind] ?? 0), 0));
    fields.push([
      'requests',
      `${of('s3.get', 's3.head')} reads, ${of('s3.put', 's3.upload', 's3.part', 's3.list')} writes and listings, ` +
        `${of('sqs.send')} sends: ${aboutDollars(requestCost(requests))}`,
    ]);
  }
  return fields;
}
