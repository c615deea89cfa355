/**
 * One message, one task: what a worker thread and a Lambda function alike do when
 * a message arrives.
 */
import { randomBytes } from 'node:crypto';
import { JobError, loadJob, requireJson, type TaskContext, Unfinished } from '../job/context.ts';
import type { Fault } from '../job/fault.ts';
import type { Job } from '../job/jobconfig.ts';
import { readEnd, writeEnd } from '../job/jobend.ts';
import { jobPrefix, listKey, manifestKey, STAGES } from '../job/keys.ts';
import type { MapSpec } from '../job/maptask.ts';
import type { PublishSpec } from '../job/publishtask.ts';
import type { ReduceSpec } from '../job/reducetask.ts';
import type { Done, RequestTotals, Stage, StageList, StageResults } from '../job/stageresults.ts';
import { eachResult, readDone, stageResults, writeDone } from '../job/taskends.ts';
import type { TaskMessage, TaskQueue } from '../queue/taskqueue.ts';
import { deservesMore } from '../stage/carefulreading.ts';
import { PendingWrites } from '../stage/pendingwrites.ts';
import type { Manifest } from '../stage/plan.ts';
import { PublishPlan } from '../stage/publishplan.ts';
import { jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { advance, type StagePlanner } from './barrier.ts';

/** How a task came out, for whoever shows progress. */
export interface TaskReport {
  message: TaskMessage;
  job: Job;
  /** How the task ended; null when it was not done (`skipped`) or not finished yet (`unfinished`). */
  done: Done | null;
  /** False when the task had ended before and the message only came again. */
  fresh: boolean;
  /** Nothing was done, since the job has failed or was cancelled; or the task goes on with another message. */
  instead: 'skipped' | 'unfinished' | null;
  /** The stage that this task's end has begun, or null. */
  began: Stage | null;
  /** The job has come to its end, good or bad. */
  ended: boolean;
}

function asStage(name: string): Stage {
  const stage = STAGES.find((known) => known === name);
  if (stage === undefined) throw new RangeError(`'${name}' is no stage`);
  return stage;
}

/** Does the work of one stage's task: what tests that only care for messages replace. */
export type StageWork = (
  context: TaskContext,
  job: Job,
  stage: Stage,
  task: number,
  attempt: string,
) => Promise<StageResults[Stage]>;

/** Does the task that a message names, unless it has been done, and moves the job on. */
export async function runTask(
  context: TaskContext,
  message: TaskMessage,
  work: StageWork = runStage,
): Promise<TaskReport> {
  const { store, queue } = context;
  const job = await loadJob(store, message.job);
  const stage = asStage(message.stage);
  let done: Done | undefined = await readDone(store, job.job, stage, message.task);
  const fresh = done === undefined;
  if (done === undefined) {
    const not = { message, job, done: null, fresh, began: null };
    if ((await readEnd(store, job.job)) !== undefined) return { ...not, instead: 'skipped', ended: true };
    try {
      done = await attemptTask(context, job, stage, message.task, work);
    } catch (error) {
      if (!(error instanceof Unfinished)) throw error;
      await queue.send([message], { again: true });
      return { ...not, instead: 'unfinished', ended: false };
    }
  }
  const advanced = await advance(store, queue, job.job, stage, message.task, stagePlanner(store, job));
  return { message, job, done, fresh, instead: null, ...advanced };
}

/** One attempt at a task, and its end written down. */
async function attemptTask(context: TaskContext, job: Job, stage: Stage, task: number, work: StageWork): Promise<Done> {
  const startedAt = performance.now();
  const cpuBefore = process.threadCpuUsage();
  const requestsBefore = { ...context.requests?.() };
  const attempt = randomBytes(6).toString('hex');
  const result = await work(context, job, stage, task, attempt);
  const cpu = process.threadCpuUsage(cpuBefore);
  return writeDone(context.store, job.job, stage, task, {
    ok: true,
    attempt,
    seconds: (performance.now() - startedAt) / 1000,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    requests: context.requests && requestsSince(requestsBefore, context.requests()),
    result,
  } as Done<typeof stage>);
}

function requestsSince(before: RequestTotals, now: RequestTotals): RequestTotals {
  const since: RequestTotals = {};
  for (const [kind, count] of Object.entries(now)) since[kind] = count - (before[kind] ?? 0);
  return since;
}

/**
 * Ends a task that failed each time it was tried, and moves the job on. A map task that may yet do without some of
 * its captures is tried again instead. A fault ends the job, and leaves the task to be done when it is resumed.
 * @param fault what made the last attempt fail, where that was a fault
 * @returns whether the job has come to its end
 */
export async function failTask(
  store: ObjectStore,
  queue: TaskQueue,
  message: TaskMessage,
  reason: string,
  fault: Fault | null = null,
): Promise<boolean> {
  const job = await loadJob(store, message.job);
  const stage = asStage(message.stage);
  // The task may have ended well, and what is damaged was met in moving the job on.
  const endsJob =
    fault !== null && (fault.damaged !== null || (await readDone(store, job.job, stage, message.task)) === undefined);
  if (endsJob) {
    const damaged = fault.damaged === null ? {} : { damaged: fault.damaged };
    await writeEnd(store, job.job, { state: 'failed', stage, task: message.task, reason, ...damaged });
    return true;
  }
  const ended = (await readDone(store, job.job, stage, message.task)) !== undefined;
  if (stage === 'map' && !ended && (await deservesMore(store, job.job, message.task))) {
    await queue.send([message], { again: true });
    return false;
  }
  await writeDone(store, job.job, stage, message.task, { ok: false, attempt: '', reason });
  return (await advance(store, queue, job.job, stage, message.task, stagePlanner(store, job))).ended;
}

/** Specifications written at a time. */
const PARALLEL_WRITES = 32;

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
    const list = await requireJson<StageList>(store, listKey(job.job, stage));
    return requireJson<T>(store, `${list.specs}${task}.json`);
  };
  // A stage's code is loaded when it is first needed: whoever only moves a job on needs neither Arrow nor DuckDB.
  if (stage !== 'map') releaseMapMemory?.();
  switch (stage) {
    case 'plan':
      return (await import('../stage/plan.ts')).runPlan(context, job);
    case 'map': {
      const { runMap, releaseWorkspaces } = await import('../stage/map.ts');
      releaseMapMemory = releaseWorkspaces;
      return runMap(context, job, task, await specification<MapSpec>(), attempt);
    }
    case 'balance':
      return (await import('../stage/balance.ts')).runBalance(context, job, attempt);
    case 'reduce':
      return (await import('../stage/reduce.ts')).runReduce(
        context,
        job,
        task,
        await specification<ReduceSpec>(),
        attempt,
      );
    case 'publish':
      return (await import('../stage/publish.ts')).runPublish(context, job, await specification<PublishSpec>());
    case 'commit':
      return (await import('../stage/commit.ts')).runCommit(context, job);
  }
}

/** Works out each stage's list from what the stages before it wrote; whoever asks gets the same list. */
export function stagePlanner(store: ObjectStore, job: Job): StagePlanner {
  const writeSpecs = async (stage: Stage, specs: readonly unknown[]): Promise<StageList> => {
    const prefix = `${jobPrefix(job.job)}${stage}/tasks/`;
    const writes = new PendingWrites();
    for (const [task, spec] of specs.entries()) {
      writes.add(store.put(`${prefix}${task}.json`, jsonBytes(spec)));
      await writes.atMost(PARALLEL_WRITES - 1);
    }
    await writes.atMost(0);
    return { tasks: specs.length, specs: prefix };
  };
  return async (stage) => {
    switch (stage) {
      case 'plan':
      case 'balance':
      case 'commit':
        return { tasks: 1, specs: null };
      case 'map':
        return writeSpecs(stage, (await requireJson<Manifest>(store, manifestKey(job.job))).tasks);
      case 'reduce': {
        const [balance] = await stageResults(store, job.job, 'balance');
        if (balance === null || balance === undefined) throw new JobError('no balance result', job.job, stage);
        return { tasks: balance.partitions, specs: balance.specs };
      }
      case 'publish': {
        const [balance] = await stageResults(store, job.job, 'balance');
        if (balance === null || balance === undefined) throw new JobError('no balance result', job.job, stage);
        const plan = new PublishPlan(job, balance.slotUs);
        let task = 0;
        for await (const result of eachResult(store, job.job, 'reduce')) {
          // Somebody resumes the job at this moment: what would begin now would lack a partition.
          if (result === null) throw new JobError('has no result yet', job.job, 'reduce', task);
          plan.add(result);
          task++;
        }
        return writeSpecs(stage, plan.specs());
      }
    }
  };
}
