/** What a stage is: its tasks, what a failure of one means, what its function needs; and, apart from that, what it does. */
import type { TaskContext } from '../job/context.ts';
import type { Job } from '../job/jobconfig.ts';
import type { Stage, StageList, StageResults } from '../job/stageresults.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import type { FunctionNeeds } from './functionneeds.ts';

/** What is known of a stage wherever jobs are moved on, without the code that does its tasks. */
export interface StageDescription {
  /** Its tasks, worked out from what the stages before it wrote: the same list whoever asks. */
  tasks(store: ObjectStore, job: Job): Promise<StageList>;
  /** Whether a task that failed ends the job, since nothing after it could be right. */
  readonly fatal: boolean;
  /**
   * Whether a task that failed each time its message came is worth another message. Each call that says so spends one.
   * Missing: it never is.
   */
  anotherMessage?(store: ObjectStore, job: string, task: number): Promise<boolean>;
  /**
   * Of a stage that may have thousands of tasks: how many are done at once unless a deployment says otherwise. It has a
   * standard queue, which delivers fairly by job. One without has a task a job, and a FIFO queue, where doubled
   * messages are mostly dropped.
   */
  readonly atOnce?: number;
  readonly needs: FunctionNeeds;
}

/** A stage with the code that does its tasks: what a function of that stage, or a worker of the embedded engine, runs. */
export interface StageWork<S extends Stage = Stage> {
  readonly stage: S;
  /** One attempt at a task. @param attempt its name: no other attempt at the task has it */
  run(context: TaskContext, job: Job, task: number, attempt: string): Promise<StageResults[S]>;
  /** Gives back the memory that is kept for the stage's next task: one of another stage comes first. */
  release?(): void;
}

/** The work of a stage, from whoever has it. */
export type WorkOf = (stage: Stage) => StageWork | Promise<StageWork>;
