/**
 * What coordinating a job may cost in requests. A bound is a sum of: so many for each delivery of a message; the specifications that whoever
 * begins a stage writes; the ends of intervals, each with a run, that reduce writes and publish reads; and the ends that
 * balance, commit and whoever begins a stage read. Deliveries and beginnings are counted as they happen, so that
 * the bound holds also where messages come twice and processes die.
 */
import { DONE_GROUP } from '../../shared/job/protocol/keys.ts';
import type { Stage } from '../../shared/job/protocol/stageresults.ts';
import { STAGE_ORDER, type WideStage } from '../../shared/stage/stages.ts';
import type { Shape } from './scenario.ts';
import { noRequests, type Requests } from './services.ts';

/** What happened around a job. */
export interface Tally {
  /** Deliveries of messages, by stage. */
  deliveries: Record<Stage, number>;
  /** Deliveries of dead letters. */
  dead: number;
  /** Deliveries that found the job at its end, and looked whose turn it was. */
  ended: number;
  /** Times that somebody came to write the stage's list. */
  plannings: Record<Stage, number>;
}

/** Nothing of each stage. */
export const noneOfAll = (): Record<Stage, number> =>
  Object.fromEntries(STAGE_ORDER.map((stage) => [stage, 0])) as Record<Stage, number>;

/** Tasks of a stage. */
export function tasksOf({ mapTasks, mergeTasks, partitions, publishTasks }: Shape): Record<Stage, number> {
  const wide: Record<WideStage, number> = {
    map: mapTasks,
    merge: mergeTasks,
    reduce: partitions,
    publish: publishTasks,
  };
  const oneOfEach = Object.fromEntries(STAGE_ORDER.map((stage) => [stage, 1])) as Record<Stage, number>;
  return { ...oneOfEach, ...wide };
}

/**
 * Requests for the coordination of one job, at most. By delivery of a message:
 * - GET 8: the job, the task's end, the job's end, list and specification for the work, what is there of its output,
 *   and the list once more for the barrier; one in reserve. 12 more where the job is found at its end.
 * - PUT 6: the end, two of output; what the delivery cost; at a group's last end its mark; where it failed, why. A map task that is tried again
 *   writes down each of its captures, and two more.
 * - LIST 3: what other attempts left, the group, at its last end the marks. 6 more where the job is found at its end.
 * - HEAD 1: whether the next stage was sent, at the end of a group. 2 more where the job is found at its end.
 * - DELETE 1 where a message comes again: why it failed before. Deletes cost nothing on S3.
 * - to queues: what goes on with another message, besides the messages of the stages, ten at a time; a receive and a
 *   removal; and holding the message, every half minute of at most a quarter of an hour.
 */
export function boundOf(tally: Tally, shape: Shape): Requests {
  const { deliveries, dead, ended, plannings } = tally;
  const tasks = tasksOf(shape);
  const groups = Math.ceil(shape.mapTasks / DONE_GROUP);
  let all = dead;
  for (const stage of STAGE_ORDER) all += deliveries[stage];
  const again = (stage: Stage): number => Math.max(0, deliveries[stage] - tasks[stage]);
  const { balance, commit } = deliveries;
  // Whoever begins a stage has read the ends of the one before it; in a job that failed, each delivery of it has.
  const looks = (stage: Stage, next: Stage): number => plannings[next] + again(stage) + dead;
  const bound = noRequests();
  bound.get = 8 * all + 12 * ended;
  bound.get += tasks.map * (balance + 2 * commit) + tasks.publish * (2 * commit + looks('publish', 'commit'));
  bound.get += tasks.reduce * (2 * commit + plannings.publish + looks('reduce', 'publish'));
  // A publish task has an interval, or what is open at the end.
  bound.get += tasks.reduce * deliveries.publish + tasks.publish * again('reduce');
  bound.put =
    6 * all +
    (Math.ceil(shape.captures / tasks.map) + 2) * again('map') +
    tasks.map * deliveries.plan +
    (tasks.merge + tasks.reduce) * balance;
  bound.put += tasks.publish * plannings.publish + 30 * deliveries.plan + 2 * tasks.publish * deliveries.reduce;
  bound.list = 3 * all + 6 * ended + groups * (plannings.balance + again('map'));
  bound.head = all + 2 * ended;
  bound.delete = 4 * ended + dead;
  for (const stage of STAGE_ORDER) bound.delete += again(stage);
  for (const stage of STAGE_ORDER) bound.send += Math.ceil(tasks[stage] / 10) * plannings[stage];
  bound.send += all;
  bound.deliver = 2 * all;
  bound.hold = 31 * all;
  return bound;
}

/** Requests of one look of the watchdog, at most. */
export function boundOfLook({ mapTasks }: Shape): Requests {
  const groups = Math.ceil(mapTasks / DONE_GROUP);
  const bound = noRequests();
  bound.get = 60 + 4 * groups;
  bound.put = 30 + groups;
  bound.list = 40 + 6 * groups;
  bound.head = 60 + 2 * groups;
  bound.delete = 20;
  bound.send = 10;
  return bound;
}

/** Requests of a command, at most: resuming reads every end of a stage, takes failed ones away, and sends every message again. */
export function boundOfCommand(shape: Shape): Requests {
  const bound = boundOfLook(shape);
  bound.get += shape.mapTasks;
  bound.send += Math.ceil(shape.mapTasks / 10);
  return bound;
}
