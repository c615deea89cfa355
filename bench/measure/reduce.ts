/**
 * Children for the memory of reduce: `prepare` takes a job up to the end of balance
 * with all buckets in one partition, `reduce` does that one reduce task in a process of its own.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startJob } from '../../shared/control/start.ts';
import { runTask } from '../../shared/control/task.ts';
import type { TaskContext } from '../../shared/job/context.ts';
import type { StageResults } from '../../shared/job/protocol/stageresults.ts';
import { InProcessQueue } from '../../shared/queue/inprocess.ts';
import type { TaskMessage, TaskQueue } from '../../shared/queue/taskqueue.ts';
import { workOf } from '../../shared/stage/works.ts';
import { FileCaptures } from '../../shared/store/capturesource.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { answer, childInput, peakBytes } from './child.ts';
import { captureRefs, jobConfig } from './input.ts';

export type ReduceInput =
  | { step: 'prepare'; files: string[]; folder: string }
  | { step: 'reduce'; folder: string; messages: TaskMessage[] };

export interface Prepared {
  messages: TaskMessage[];
}

export interface Reduced {
  peakBytes: number;
  /** The process's memory before the task began. */
  idleBytes: number;
  sessions: number;
}

function contextIn(folder: string, queue: TaskQueue): TaskContext {
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch, { recursive: true });
  return {
    store: new DirectoryStore(join(folder, 'work')),
    results: new DirectoryStore(join(folder, 'results')),
    captures: new FileCaptures(),
    queue,
    scratch,
  };
}

async function prepare(files: readonly string[], folder: string): Promise<Prepared> {
  const queue = new InProcessQueue();
  const context = contextIn(folder, queue);
  const captures = await captureRefs(files);
  const config = jobConfig(
    captures.reduce((sum, { size }) => sum + size, 0),
    1,
    false,
  );
  config.sizes = { ...config.sizes, partitions: 1, partitionRows: Number.MAX_SAFE_INTEGER };
  await startJob(context.store, queue, config, captures);
  const messages: TaskMessage[] = [];
  for (let delivery = queue.receive(); delivery !== undefined; delivery = queue.receive()) {
    if (delivery.message.stage === 'reduce') messages.push(delivery.message);
    else await runTask(context, delivery.message, workOf);
    delivery.acknowledge();
  }
  return { messages };
}

async function reduce(folder: string, messages: readonly TaskMessage[]): Promise<Reduced> {
  // Messages of the stage after this one go nowhere: what follows is not measured.
  const context = contextIn(folder, { send: async () => {} });
  const idleBytes = process.memoryUsage.rss();
  let sessions = 0;
  for (const message of messages) {
    const { done } = await runTask(context, message, workOf);
    if (done?.ok) sessions += (done.result as StageResults['reduce']).gained.sessions;
  }
  return { peakBytes: peakBytes(), idleBytes, sessions };
}

const input = childInput<ReduceInput>();
answer(
  input.step === 'prepare' ? await prepare(input.files, input.folder) : await reduce(input.folder, input.messages),
);
