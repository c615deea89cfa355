/** A worker thread of the embedded engine: runs one task after another. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { shortageOf } from '../control/failures.ts';
import { runTask, type TaskReport } from '../control/task.ts';
import { faultOf } from '../job/protocol/fault.ts';
import type { TaskMessage } from '../queue/taskqueue.ts';
import { workOf } from '../stage/works.ts';
import { FileCaptures } from '../store/capturesource.ts';
import { DirectoryStore } from '../store/directorystore.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.ts';

const setup = workerData as WorkerSetup;
const port = parentPort!;
const say = (answer: FromWorker): void => port.postMessage(answer);
const store = new DirectoryStore(setup.work, setup.writer);
const results = new DirectoryStore(setup.results, setup.writer);
const captures = new FileCaptures();

port.on('message', async (order: ToWorker) => {
  if (order.message === null) process.exit(0);
  try {
    say({ kind: 'report', report: await perform(order.message, order.receives) });
  } catch (error) {
    const fault = faultOf(error);
    say({ kind: 'failed', reason: fault?.reason ?? reasonOf(error), fault, shortage: shortageOf(error) });
  }
});

async function perform(message: TaskMessage, receives: number): Promise<TaskReport> {
  const scratch = await mkdtemp(join(setup.scratch, 'task-'));
  try {
    return await runTask(
      {
        store,
        results,
        captures,
        queue: { send: async (messages) => say({ kind: 'send', messages }) },
        scratch,
        receives,
        onDamaged: (words) => say({ kind: 'damaged', words }),
      },
      message,
      workOf,
    );
  } finally {
    // What cannot be removed goes with the run's scratch folder, and does not fail the task.
    await rm(scratch, { recursive: true, force: true }).catch(() => {});
  }
}

process.on('uncaughtException', (error) => {
  say({ kind: 'dying', reason: `the worker died: ${reasonOf(error)}` });
  process.exit(1);
});

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
