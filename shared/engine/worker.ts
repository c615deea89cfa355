/** A worker thread of the embedded engine: runs one task after another. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { faultOf } from '../job/fault.ts';
import { runTask } from '../job/task.ts';
import { FileCaptures } from '../store/capturesource.ts';
import { DirectoryStore } from '../store/directory.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.ts';

const setup = workerData as WorkerSetup;
const port = parentPort!;
const say = (answer: FromWorker): void => port.postMessage(answer);
const store = new DirectoryStore(setup.work);
const results = new DirectoryStore(setup.results);
const captures = new FileCaptures();

port.on('message', async ({ message }: ToWorker) => {
  let scratch: string | undefined;
  try {
    scratch = await mkdtemp(join(setup.scratch, 'task-'));
    const report = await runTask(
      {
        store,
        results,
        captures,
        queue: { send: async (messages) => say({ kind: 'send', messages }) },
        scratch,
        duckdbMemory: setup.duckdbMemory,
      },
      message,
    );
    say({ kind: 'report', report });
  } catch (error) {
    const fault = faultOf(error);
    const reason = fault?.reason ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
    say({ kind: 'failed', reason, fault });
  } finally {
    // What cannot be removed now goes with the folder of the whole run.
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true }).catch(() => undefined);
  }
});
