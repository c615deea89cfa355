/** What happens in one run of the simulation, all of it drawn from a seed. */
import { random } from '../capture/build.ts';

/** How large a job is. */
export interface Shape {
  captures: number;
  mapTasks: number;
  /** 0 where the reduce tasks read their segments from the shards. */
  mergeTasks: number;
  partitions: number;
  publishTasks: number;
  /** Minutes that one partition takes for an interval, where one host or flow has much of the traffic. */
  heavyMinutes?: number;
}

/** The full size: 42,000 captures of 150 MB in map tasks of a gigabyte. */
export const FULL: Shape = { captures: 42_000, mapTasks: 6_300, mergeTasks: 99, partitions: 300, publishTasks: 30 };

/** A fiftieth of it. */
export const SMALL: Shape = { captures: 840, mapTasks: 126, mergeTasks: 0, partitions: 6, publishTasks: 3 };

/** A million captures of 100 kB: as many as a map task takes in each. */
const MILLION: Shape = { captures: 1e6, mapTasks: 1000, mergeTasks: 0, partitions: 22, publishTasks: 4 };

/** The full size with as many partitions as there are buckets, and an interval a day for ninety days. */
const DAYS: Shape = { ...FULL, mergeTasks: 261, partitions: 1024, publishTasks: 91 };

/**
 * The full size where a third of all packets are of one flow: with the intervals of the cloud's sizes, each has 100 million
 * of its rows, four minutes of one function.
 */
const ELEPHANT: Shape = { ...FULL, publishTasks: 95, heavyMinutes: 4 };

/** Sizes by the names that a campaign takes. */
export const SIZES = { small: SMALL, full: FULL, million: MILLION, days: DAYS, elephant: ELEPHANT } as const;

/** How often things go wrong; each is a probability. */
export interface Faults {
  /** That a process dies: at one of its calls, or by the clock. */
  crash: number;
  /** That a call fails although its client has tried again for long; it may have had its effect. */
  noAnswer: number;
  /** That a conditional write that won is sent again, and told that it lost. */
  lostAnswer: number;
  /** That a message of a standard queue is given out twice. */
  double: number;
  /** That a message comes late, up to a quarter of an hour. */
  late: number;
  /** That a message comes again although its task was done. */
  notRemoved: number;
  /** That a task takes longer than its function may. */
  hang: number;
  /** That a map task or the plan wants to go on with another message. */
  unfinished: number;
}

/** Nothing goes wrong. */
export const CALM: Faults = {
  crash: 0,
  noAnswer: 0,
  lostAnswer: 0,
  double: 0,
  late: 0,
  notRemoved: 0,
  hang: 0,
  unfinished: 0,
};

/** Something a person does. Times are milliseconds after the beginning. */
export type Deed =
  | { deed: 'submit'; at: number; dataset: string; shape: Shape; variant: number }
  /** Cancels the newest job that has not ended, or the one that waits, and resumes it. */
  | { deed: 'cancel'; at: number; waiting: boolean; resumeAfter: number }
  /** Another version is deployed; what begins afterwards runs it. */
  | { deed: 'deploy'; at: number };

export interface Scenario {
  seed: number;
  faults: Faults;
  deeds: Deed[];
  /** Tasks that kill every process that does them, until somebody looks after it: as `stage/task`. */
  poison: string[];
  /** Map tasks with one capture that kills every process that reads it. */
  poisonCaptures: number[];
  /** Milliseconds after which somebody looks after a job that has failed, at most. */
  reaction: number;
  /** After everything: the work bucket's old files expire, and the first job is asked for again. */
  expiry: boolean;
}

const MINUTE = 60_000;

function faultsOf(level: number): Faults {
  if (level === 0) return CALM;
  return {
    crash: 0.02 * level,
    // Planning makes thousands of calls and must get through them.
    noAnswer: 0.00001 * level,
    lostAnswer: 0.01 * level,
    double: 0.05 * level,
    late: 0.01 * level,
    notRemoved: 0.01 * level,
    hang: 0.001 * level,
    unfinished: 0.002 * level,
  };
}

/** @param shape of the first job; the others are small */
export function scenarioOf(seed: number, shape: Shape): Scenario {
  const next = random(seed);
  const chance = (probability: number): boolean => next() < probability;
  const draw = next();
  const level = draw < 0.1 ? 0 : draw < 0.7 ? 1 : 3;
  // How long the first job takes, about, when nothing goes wrong: 200 map tasks at once, 35 seconds each.
  const length = 8 * MINUTE + (shape.mapTasks / 200) * 35_000;
  const deeds: Deed[] = [{ deed: 'submit', at: 0, dataset: 'site', shape, variant: 0 }];
  // The same twice, at the same moment or later.
  if (chance(0.3))
    deeds.push({ deed: 'submit', at: chance(0.5) ? 0 : length * next(), dataset: 'site', shape, variant: 0 });
  const waiting = 1 + Math.floor(2 * next());
  for (let variant = 1; variant <= waiting; variant++)
    deeds.push({ deed: 'submit', at: length * next(), dataset: 'site', shape: SMALL, variant });
  if (chance(0.3)) deeds.push({ deed: 'submit', at: length * next(), dataset: 'elsewhere', shape: SMALL, variant: 9 });
  const cancels = chance(0.35) ? 1 + Math.floor(3 * next()) : 0;
  for (let cancel = 0; cancel < cancels; cancel++)
    deeds.push({
      deed: 'cancel',
      at: 1.2 * length * next(),
      waiting: chance(0.25),
      resumeAfter: chance(0.5) ? 5000 * next() : 20 * MINUTE * next(),
    });
  if (chance(0.2)) {
    const at = length * next();
    deeds.push({ deed: 'deploy', at }, { deed: 'submit', at: at + MINUTE, dataset: 'site', shape: SMALL, variant: 20 });
  }
  const poison: string[] = [];
  if (level > 0) {
    for (let count = Math.floor(3 * next()); count > 0; count--)
      poison.push(`map/${Math.floor(shape.mapTasks * next())}`);
    if (chance(0.1)) poison.push(`reduce/${Math.floor(shape.partitions * next())}`);
    if (chance(0.1)) poison.push(`publish/${Math.floor(shape.publishTasks * next())}`);
    if (chance(0.05)) poison.push('balance/0');
  }
  const poisonCaptures = level > 0 && chance(0.5) ? [Math.floor(shape.mapTasks * next())] : [];
  const faults = faultsOf(level);
  let reaction = 10 * MINUTE;
  if (level > 0 && chance(0.15)) {
    // Haste: messages that come again meet somebody who is resuming the job at that moment.
    reaction = 3000;
    faults.double = faults.notRemoved = 0.3;
    poison.push(chance(0.5) ? 'publish/0' : 'reduce/0');
  }
  return { seed, faults, deeds, poison, poisonCaptures, reaction, expiry: shape === SMALL && chance(0.2) };
}
