/** Waiting for a job: what submit --wait, resume --wait and status --watch share. */
import type { JobStatus } from '../../shared/control/status.ts';
import type { Options } from '../../shared/job/options/optiondescription.ts';
import { printableJson } from '../../shared/text/printable.ts';
import { exitCodeOfStop } from '../signals.ts';
import { commandName } from '../text/format.ts';
import { terminalOf } from '../text/liveline.ts';
import { print } from '../text/output.ts';
import { statusText } from '../text/statustext.ts';
import { follow, INTERRUPTED } from './follow.ts';
import type { Pipeline } from './pipeline.ts';

export const WAIT_OPTION = {
  wait: { meaning: 'follow the job until it ends, as status --watch does' },
} as const satisfies Options;

/** Exit codes where the end of a job is waited for. */
export const WAIT_EXIT_CODES = [
  ['0', 'committed and everything was read; without waiting: done as asked'],
  ['1', 'usage error, input or output error, or the job failed or was cancelled'],
  ['2', 'committed, but some captures were damaged or unreadable'],
  ['130, 143', 'stopped by Ctrl-C or SIGTERM; the job keeps running'],
] as const;

/** A job, in the form that status prints. */
export function jobText({ resultsBucket }: Pick<Pipeline, 'resultsBucket'>, job: JobStatus, json: boolean): string {
  return json ? `${printableJson(job)}\n` : statusText(job, `s3://${resultsBucket}/`);
}

/** Follows a job and prints how it ended. @returns the exit code */
export async function printEnd(pipeline: Pipeline, id: string, json: boolean): Promise<number> {
  const ended = await follow(pipeline.work, id, terminalOf(process.stderr));
  if (ended === INTERRUPTED) {
    const again = `${commandName()} status ${id} --watch`;
    process.stderr.write(`the job keeps running: ${again} follows it again, ${commandName()} cancel ${id} stops it\n`);
    return exitCodeOfStop();
  }
  if (ended.end?.state === 'superseded') {
    const { by } = ended.end;
    process.stderr.write(
      `job ${ended.entry.job} is not run: job ${by} has all its captures, and is followed instead\n`,
    );
    return printEnd(pipeline, by, json);
  }
  print(jobText(pipeline, ended, json));
  return exitCodeOf(ended);
}

/** 0 committed, 2 committed although some captures were damaged, 1 failed or cancelled. */
export function exitCodeOf({ state, summary }: Pick<JobStatus, 'state' | 'summary'>): number {
  if (state !== 'committed') return 1;
  return (summary?.damaged.length ?? 0) > 0 ? 2 : 0;
}
