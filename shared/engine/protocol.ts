/** What the engine and its worker threads say to each other. */

import type { TaskReport } from '../control/task.ts';
import type { Fault } from '../job/fault.ts';
import type { TaskMessage } from '../queue/taskqueue.ts';
import type { StoreWriter } from '../store/directorystore.ts';

/** What a worker is born with. */
export interface WorkerSetup {
  /** Folders of the two stores, and of scratch. */
  work: string;
  results: string;
  scratch: string;
  duckdbMemory: string;
  /** The run, as the one who writes to both stores. */
  writer: StoreWriter;
}

/** What a worker is born with that is its own: memory of the gate that its calls into DuckDB go through. */
export type OwnSetup = WorkerSetup & { gate: SharedArrayBuffer };

/** Engine to worker: do this task, whose message has been given out so many times; or end what is under way in DuckDB, and begin nothing. */
export type ToWorker = { message: TaskMessage; receives: number } | { message: null };

/** Worker to engine. Messages to send travel before the report of the task that sends them. */
export type FromWorker =
  | { kind: 'send'; messages: readonly TaskMessage[] }
  | { kind: 'report'; report: TaskReport }
  | { kind: 'failed'; reason: string; fault: Fault | null }
  /** It ends: the engine gives it nothing more. */
  | { kind: 'dying'; reason: string }
  /** An object of the job that can be made again was found damaged. */
  | { kind: 'damaged'; words: string };
