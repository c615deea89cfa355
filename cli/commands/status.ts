/** flowstitch status: how a job stands, once or until it ends. */

import { type JobStatus, jobStatus } from '../../shared/control/status.ts';
import { printableJson } from '../../shared/text/printable.ts';
import { follow, INTERRUPTED } from '../cloud/follow.ts';
import { findPipeline, type Pipeline, STACK_OPTION } from '../cloud/pipeline.ts';
import { exitCodeOfStop } from '../signals.ts';
import { commandName } from '../text/format.ts';
import { terminalOf } from '../text/liveline.ts';
import { print } from '../text/output.ts';
import { statusText } from '../text/statustext.ts';
import { readOptions } from '../usage/options.ts';
import { UsageError } from '../usage/usage.ts';

/** The one job that a command names. @throws UsageError when it names none or several */
export function oneJob(command: string, positionals: readonly string[]): string {
  if (positionals.length === 1 && /^[0-9a-f]+$/.test(positionals[0])) return positionals[0];
  throw new UsageError(
    positionals.length === 1
      ? `${command}: '${positionals[0]}' is no job's id; ${commandName()} jobs lists them`
      : `${command}: which job? Give its id, or the beginning of it; ${commandName()} jobs lists them`,
  );
}

/** @returns the exit code */
export async function status(args: string[]): Promise<number> {
  const { values, positionals } = readOptions('status', args, {
    ...STACK_OPTION,
    watch: { type: 'boolean' },
    json: { type: 'boolean' },
  });
  const id = oneJob('status', positionals);
  const pipeline = await findPipeline(values.stack);
  if (values.watch) return printEnd(pipeline, id, values.json ?? false);
  print(told(pipeline, await jobStatus(pipeline.work, id), values.json ?? false));
  return 0;
}

function told({ resultsBucket }: Pick<Pipeline, 'resultsBucket'>, job: JobStatus, json: boolean): string {
  return json ? `${printableJson(job)}\n` : statusText(job, `s3://${resultsBucket}/`);
}

/** Watches a job and prints how it ended. @returns the exit code */
export async function printEnd(pipeline: Pipeline, id: string, json: boolean): Promise<number> {
  const ended = await follow(pipeline.work, id, terminalOf(process.stderr));
  if (ended === INTERRUPTED) {
    const again = `${commandName()} status ${id} --watch`;
    process.stderr.write(`the job goes on: ${again} shows it again, ${commandName()} cancel ${id} stops it\n`);
    return exitCodeOfStop();
  }
  print(told(pipeline, ended, json));
  return exitCodeOf(ended);
}

/** 0 committed, 2 committed although some captures were damaged, 1 failed or cancelled. */
export function exitCodeOf({ state, summary }: Pick<JobStatus, 'state' | 'summary'>): number {
  if (state !== 'committed') return 1;
  return (summary?.damaged.length ?? 0) > 0 ? 2 : 0;
}
