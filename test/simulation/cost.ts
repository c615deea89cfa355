/** What a job of 42,000 captures costs in requests, and in dollars. */
import { CLOUD_SIZES } from '../../shared/job/jobconfig.ts';
import { tasksOf } from './bounds.ts';
import { CALM, FULL, type Scenario, type Shape } from './scenario.ts';
import { KINDS, noRequests, type Requests } from './services.ts';
import { Simulation } from './simulation.ts';

/** S3 and SQS in us-east-1, dollars a request; removing from S3 is free, and all queues are reckoned as standard ones. */
const PRICES: Requests = {
  get: 0.0004 / 1000,
  head: 0.0004 / 1000,
  list: 0.005 / 1000,
  put: 0.005 / 1000,
  delete: 0,
  send: 0.4 / 1e6,
  deliver: 0.4 / 1e6,
  hold: 0.4 / 1e6,
};

/** Dollars. */
export function priceOf(requests: Requests): number {
  return KINDS.reduce((dollars, kind) => dollars + requests[kind] * PRICES[kind], 0);
}

/** Packets of a gigabyte of captures, and sessions of a thousand packets, as bench/ has them. */
const PACKETS_PER_GB = 1.4e6;
const SESSIONS_PER_THOUSAND = 65;
const RUN_ROWS = 65_536;
const CAPTURE_GB = 0.15;

/**
 * The full size with the partitions and intervals that its packets make by the sizes of the cloud; a publish task has an
 * interval, and one what is open at the end.
 */
export function costShape(): Shape {
  const packets = packetsOf(FULL);
  return {
    ...FULL,
    partitions: Math.ceil(packets / CLOUD_SIZES.partitionRows),
    publishTasks: Math.ceil(packets / CLOUD_SIZES.intervalRows) + 1,
  };
}

function packetsOf({ captures }: Shape): number {
  return captures * CAPTURE_GB * PACKETS_PER_GB;
}

function sessionsOf(shape: Shape): number {
  return (packetsOf(shape) * SESSIONS_PER_THOUSAND) / 1000;
}

/**
 * Requests that move the data and that the simulation leaves out, by the sizes of things: captures are asked for
 * twice, for their heads and whole; balance reads each map task's summary and fragments; each partition has a range of
 * each shard, and at the end of each interval a carry beside the run that is simulated; publish reads each run.
 */
export function dataRequests(shape: Shape): Requests {
  const { captures, mapTasks, partitions, publishTasks } = shape;
  const ends = publishTasks * partitions;
  const runs = ends * Math.max(1, Math.ceil(sessionsOf(shape) / ends / RUN_ROWS));
  const requests = noRequests();
  requests.get = 2 * captures + 2 * mapTasks + mapTasks * partitions + runs;
  requests.put = mapTasks + ends + runs - ends;
  return requests;
}

/** One job, and nothing that goes wrong. */
export function calmScenario(shape: Shape): Scenario {
  const deed = { deed: 'submit', at: 0, dataset: 'site', shape, variant: 0 } as const;
  return { seed: 1, faults: CALM, deeds: [deed], poison: [], poisonCaptures: [], reaction: 0, expiry: false };
}

/** The table, in lines of text. */
export async function costTable(): Promise<string> {
  const shape = costShape();
  const { requests: coordination } = await new Simulation(calmScenario(shape)).run();
  const data = dataRequests(shape);
  const tasks = Object.values(tasksOf(shape)).reduce((sum, count) => sum + count, 0);
  const lines = [
    `${shape.captures} captures, ${tasks} tasks (map ${shape.mapTasks}, reduce ${shape.partitions}, publish ${shape.publishTasks}), nothing going wrong`,
    `${'requests'.padEnd(10)}${'coordination'.padStart(14)}${'a task'.padStart(8)}${'data'.padStart(12)}${'dollars'.padStart(10)}`,
  ];
  for (const kind of KINDS) {
    const dollars = (coordination[kind] + data[kind]) * PRICES[kind];
    const a = (coordination[kind] / tasks).toFixed(2);
    lines.push(
      `${kind.padEnd(10)}${String(coordination[kind]).padStart(14)}${a.padStart(8)}${String(data[kind]).padStart(12)}${dollars.toFixed(4).padStart(10)}`,
    );
  }
  lines.push(`coordination $${priceOf(coordination).toFixed(3)}, data $${priceOf(data).toFixed(3)}`);
  return lines.join('\n');
}
