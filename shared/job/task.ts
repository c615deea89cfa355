/**
 * One message, one task: what a worker thread and a Lambda function alike do when
 * a message arrives.
 */
import { randomBytes } from 'node:crypto';
import type { TaskMessage, TaskQueue } from '../queue/taskqueue.ts';
import { getJson, jsonBytes, type ObjectStore } from '../store/objectstore.ts';
import { advance, readDone, type StagePlanner, stageResults, writeDone } from './barrier.ts';
import { JobError, loadJob, requireJson, type TaskContext } from './context.ts';
import { jobPrefix, listKey, manifestKey, STAGES, type Stage } from './keys.ts';
import type { Manifest } from './plan.ts';
import { planPublish } from './publishplan.ts';
import type { Done, Job, MapSpec, PublishSpec, ReduceSpec, StageList, StageResults } from './types.ts';

/** How a task came out, for whoever shows progress. */
export interface TaskReport {
  message: TaskMessage;
  done: Done;
  /** False when the task had ended before and the message only came again. */
  fresh: boolean;
  /** The stage that this task's end has begun, or null. */
  began: Stage | null;
}

function asStage(name: string): Stage {
  const stage = STAGES.find((known) => known === name);
  if (stage === undefined) throw new RangeError(`'${name}' is no stage`);
  return stage;
}

/** Does the task that a message names, unless it has been done, and moves the job on. */
export async function runTask(context: TaskContext, message: TaskMessage): Promise<TaskReport> {
  const { store, queue } = context;
  const job = await loadJob(store, message.job);
  const stage = asStage(message.stage);
  let done: Done | undefined = await readDone(store, job.job, stage, message.task);
  const fresh = done === undefined;
  if (done === undefined) {
    const attempt = randomBytes(6).toString('hex');
    const startedAt = performance.now();
    const cpuBefore = process.threadCpuUsage();
    const result = await runStage(context, job, stage, message.task, attempt);
    const cpu = process.threadCpuUsage(cpuBefore);
    done = await writeDone(store, job.job, stage, message.task, {
      ok: true,
      attempt,
      seconds: (performance.now() - startedAt) / 1000,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      result,
    } as Done<typeof stage>);
  }
  const began = await advance(store, queue, job.job, stage, message.task, stagePlanner(store, job));
  return { message, done, fresh, began };
}

/** Ends a task that failed each time it was tried, and moves the job on. */
export async function failTask(
  store: ObjectStore,
  queue: TaskQueue,
  message: TaskMessage,
  reason: string,
): Promise<void> {
  const job = await loadJob(store, message.job);
  const stage = asStage(message.stage);
  await writeDone(store, job.job, stage, message.task, { ok: false, attempt: '', reason });
  await advance(store, queue, job.job, stage, message.task, stagePlanner(store, job));
}

/** Set once the map's code is loaded. */
let releaseMapMemory: (() => void) | undefined;

async function runStage(
  context: TaskContext,
  job: Job,
  stage: Stage,
  task: number,
  attempt: string,
): Promise<StageResults[Stage]> {
  const { store } = context;
  const specification = async <T>(): Promise<T> => {
    const list = await requireJson<StageList>(store, listKey(job.job, stage), job.job);
    return requireJson<T>(store, `${list.specs}${task}.json`, job.job);
  };
  // A stage's code is loaded when it is first needed: whoever only moves a job on needs neither Arrow nor DuckDB.
  if (stage !== 'map') releaseMapMemory?.();
  switch (stage) {
    case 'plan':
      return (await import('./plan.ts')).runPlan(context, job);
    case 'map': {
      const { runMap, releaseWorkspaces } = await import('./map.ts');
      releaseMapMemory = releaseWorkspaces;
      return runMap(context, job, await specification<MapSpec>(), attempt);
    }
    case 'balance':
      return (await import('./balance.ts')).runBalance(context, job, attempt);
    case 'reduce':
      return (await import('./reduce.ts')).runReduce(context, job, task, await specification<ReduceSpec>(), attempt);
    case 'publish':
      return (await import('./publish.ts')).runPublish(context, job, await specification<PublishSpec>());
    case 'commit':
      return (await import('./commit.ts')).runCommit(context, job);
  }
}

/** Works out each stage's list from what the stages before it wrote; whoever asks gets the same list. */
export function stagePlanner(store: ObjectStore, job: Job): StagePlanner {
  const writeSpecs = async (stage: Stage, specs: readonly unknown[]): Promise<StageList> => {
    const prefix = `${jobPrefix(job.job)}${stage}/tasks/`;
    for (const [task, spec] of specs.entries()) await store.put(`${prefix}${task}.json`, jsonBytes(spec));
    return { tasks: specs.length, specs: prefix };
  };
  return async (stage) => {
    switch (stage) {
      case 'plan':
      case 'balance':
      case 'commit':
        return { tasks: 1, specs: null };
      case 'map':
        return writeSpecs(stage, (await requireJson<Manifest>(store, manifestKey(job.job), job.job)).tasks);
      case 'reduce': {
        const [balance] = await stageResults(store, job.job, 'balance');
        if (balance === null || balance === undefined) throw new JobError('no balance result', job.job, stage);
        return { tasks: balance.partitions, specs: balance.specs };
      }
      case 'publish': {
        const reduced = await stageResults(store, job.job, 'reduce');
        return writeSpecs(
          stage,
          planPublish(
            job,
            reduced.filter((result) => result !== null),
          ),
        );
      }
    }
  };
}

/** True once every stage has ended well. */
export async function isCommitted(store: ObjectStore, job: string): Promise<boolean> {
  return (await getJson<Done>(store, `${jobPrefix(job)}commit/done/0000/0000000`))?.ok === true;
}
