/** A stage's description: its tasks, what a failure of one means, what its function needs; and, separately, its code. */
import type { TaskContext } from '../job/context.ts';
import type { Job } from '../job/jobconfig.ts';
import type { Stage, StageList, StageResults } from '../job/protocol/stageresults.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import type { FunctionNeeds } from './functionneeds.ts';

/** The description of a stage, wherever jobs are moved on, without the code that runs its tasks. */
export interface StageDescription {
  /** Its tasks, computed from the results of earlier stages; deterministic. */
  tasks(store: ObjectStore, job: Job): Promise<StageList>;
  /** Whether a failed task ends the job, since nothing after it could be right. */
  readonly fatal: boolean;
  /**
   * Whether a task whose message became a dead letter is worth another message. Each call that returns true uses one.
   * Missing: it never is.
   */
  anotherMessage?(store: ObjectStore, job: string, task: number): Promise<boolean>;
  /**
   * For a stage that may have thousands of tasks: the default number of concurrent tasks. It has a
   * standard queue, which delivers fairly by job. A stage without has one task per job, and a FIFO queue, where
   * duplicate messages are mostly dropped.
   */
  readonly atOnce?: number;
  readonly needs: FunctionNeeds;
}

/** A stage with the code that runs its tasks: for a function of that stage, or a worker of the embedded engine. */
export interface StageWork<S extends Stage = Stage> {
  readonly stage: S;
  /** One attempt of a task. @param attempt its unique name */
  run(context: TaskContext, job: Job, task: number, attempt: string): Promise<StageResults[S]>;
  /** Frees the memory that is kept for the stage's next task: one of another stage comes first. */
  release?(): void;
}

/** Gives the code of a stage. */
export type WorkOf = (stage: Stage) => StageWork | Promise<StageWork>;
