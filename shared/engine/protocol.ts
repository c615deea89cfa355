/** Messages between the engine and its worker threads. */

import type { Shortage } from '../control/failures.ts';
import type { TaskReport } from '../control/task.ts';
import type { Fault } from '../job/protocol/fault.ts';
import type { TaskMessage } from '../queue/taskqueue.ts';
import type { StoreWriter } from '../store/directorystore.ts';

/** Worker threads of a run, at most. */
export const MOST_WORKERS = 256;

/** What a worker is started with. */
export interface WorkerSetup {
  /** Folders of the two stores, and of scratch. */
  work: string;
  results: string;
  scratch: string;
  /** The run, as the writer of both stores. */
  writer: StoreWriter;
}

/** Engine to worker: run this task, whose message was delivered so many times; or end. */
export type ToWorker = { message: TaskMessage; receives: number } | { message: null };

/** Worker to engine. Messages to send arrive before the report of the task that sends them. */
export type FromWorker =
  | { kind: 'send'; messages: readonly TaskMessage[] }
  | { kind: 'report'; report: TaskReport }
  | { kind: 'failed'; reason: string; fault: Fault | null; shortage: Shortage | null }
  /** It is ending: the engine gives it nothing more. */
  | { kind: 'dying'; reason: string }
  /** An object of the job that can be made again was found damaged. */
  | { kind: 'damaged'; words: string };
