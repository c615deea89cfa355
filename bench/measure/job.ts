/** Child: one whole job with the embedded engine. */

import { runEmbedded } from '../../shared/engine/embedded.ts';
import type { Stage, StageResults } from '../../shared/job/protocol/stageresults.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import { answer, childInput, cpuSeconds, peakBytes } from './child.ts';
import { captureRefs, jobConfig } from './input.ts';

export interface JobInput {
  files: string[];
  out: string;
  packets: boolean;
  workers: number;
}

/** One task as it was reported. Times are seconds since the job began. */
export interface TaskTimes {
  stage: Stage;
  task: number;
  begin: number;
  end: number;
  /** Of the task's own thread. */
  cpuSeconds: number;
  /** Packets read, for map tasks. */
  packets: number;
}

export interface JobTimes {
  seconds: number;
  /** Of all threads, DuckDB's and the garbage collector's with them. */
  cpuSeconds: number;
  peakBytes: number;
  summary: JobSummary;
  tasks: TaskTimes[];
}

async function main(input: JobInput): Promise<JobTimes> {
  const captures = await captureRefs(input.files);
  const bytes = captures.reduce((sum, { size }) => sum + size, 0);
  const tasks: TaskTimes[] = [];
  const cpuBefore = cpuSeconds();
  const begun = performance.now();
  const summary = await runEmbedded({
    out: input.out,
    captures,
    config: jobConfig(bytes, input.workers, input.packets),
    workers: input.workers,
    onTask: ({ message, done }) => {
      if (!done?.ok) return;
      const end = (performance.now() - begun) / 1000;
      const stage = message.stage as Stage;
      const packets = stage === 'map' ? (done.result as StageResults['map']).records : 0;
      tasks.push({ stage, task: message.task, begin: end - done.seconds, end, cpuSeconds: done.cpuSeconds, packets });
    },
  });
  const seconds = (performance.now() - begun) / 1000;
  return { seconds, cpuSeconds: cpuSeconds() - cpuBefore, peakBytes: peakBytes(), summary, tasks };
}

answer(await main(childInput<JobInput>()));
