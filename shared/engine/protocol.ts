/** What the engine and its worker threads say to each other. */
import type { Fault } from '../job/fault.ts';
import type { TaskReport } from '../job/task.ts';
import type { TaskMessage } from '../queue/taskqueue.ts';

/** What a worker is born with. */
export interface WorkerSetup {
  /** Folders of the two stores, and of scratch. */
  work: string;
  results: string;
  scratch: string;
  duckdbMemory: string;
}

/** Engine to worker: do this task. */
export type ToWorker = { message: TaskMessage };

/** Worker to engine. Messages to send travel before the report of the task that sends them. */
export type FromWorker =
  | { kind: 'send'; messages: readonly TaskMessage[] }
  | { kind: 'report'; report: TaskReport }
  | { kind: 'failed'; reason: string; fault: Fault | null };
