/**
 * The stages of a job, in their order: each is described here once. The barrier, the functions, their queues, roles
 * and settings, the simulation and the progress display follow from it. A stage's code is in a file of its
 * name; works.ts lists these for processes that run the tasks of all.
 */
import { JobError, requireJson } from '../job/context.ts';
import type { Stage, StageList } from '../job/protocol/stageresults.ts';
import { eachResult, stageResult } from '../job/protocol/taskends.ts';
import type { IntervalsPlan } from '../job/tasks/interval.ts';
import type { TurnedPart } from '../job/tasks/reduced.ts';
import { DAY_TABLES, JOB_TABLES, type TableName } from '../table/tables.ts';
import { DEFAULT_DISK_MIB, type KeyGrants, SPILL_DISK_MIB } from './functionneeds.ts';
import { mayLeaveOut } from './map/carefulreading.ts';
import { publishTasks } from './publish/publishplan.ts';
import { writeSpecs } from './specs.ts';
import type { StageDescription } from './stage.ts';

const READ = ['read'] as const;
const WRITE = ['write'] as const;
const READ_WRITE = ['read', 'write'] as const;

/** Writing files of tables. */
function filesOf(tables: readonly TableName[]): KeyGrants {
  return Object.fromEntries(tables.map((table) => [`${table}/*`, WRITE]));
}

const DESCRIBED = {
  plan: {
    tasks: oneTask,
    fatal: true,
    needs: {
      description: 'Lists captures, reads their heads and groups them into map tasks',
      timeoutSeconds: 300,
      // Measured at a million captures: 825 MB.
      memoryMB: 1024,
      diskMiB: DEFAULT_DISK_MIB,
      // Shards of captures that are gone are written again, so that they do not expire.
      work: { 'shards/*': ['read', 'write'], 'shards/*/summary.json': ['remove'] },
      captures: true,
    },
  },
  map: {
    // Plan writes the specifications.
    tasks: async (store, { job }) => {
      const { tasks, specs } = await stageResult(store, job, 'plan', 'map');
      return { tasks, specs };
    },
    // A failed map task loses only its captures, and names them.
    fatal: false,
    anotherMessage: mayLeaveOut,
    atOnce: 200,
    needs: {
      description: 'Reads captures once and writes shards of packet records',
      timeoutSeconds: 900,
      memoryMB: 1769,
      diskMiB: DEFAULT_DISK_MIB,
      // A summary that is damaged is removed, and its captures mapped again.
      work: { 'shards/*': ['read', 'write'], 'shards/*/summary.json': ['remove'] },
      captures: true,
    },
  },
  balance: {
    tasks: oneTask,
    fatal: true,
    needs: {
      description: 'Ranks captures, joins fragments and cuts the flows into partitions',
      timeoutSeconds: 900,
      memoryMB: 3008,
      diskMiB: SPILL_DISK_MIB,
      work: { 'shards/*': READ },
    },
  },
  merge: {
    tasks: async (store, job) => {
      const { merges, specs } = await stageResult(store, job.job, 'balance', 'merge');
      return { tasks: merges, specs: `${specs}merge-` };
    },
    fatal: true,
    atOnce: 50,
    needs: {
      description: 'Puts the parts of many shards that a partition needs side by side',
      timeoutSeconds: 900,
      memoryMB: 1769,
      diskMiB: DEFAULT_DISK_MIB,
      work: { 'shards/*': READ },
    },
  },
  reduce: {
    // Balance writes the specifications: it alone knows the shards' rows.
    tasks: async (store, job) => {
      const { partitions, specs } = await stageResult(store, job.job, 'balance', 'reduce');
      return { tasks: partitions, specs };
    },
    fatal: true,
    atOnce: 100,
    needs: {
      description: 'Merges a partition by time and rebuilds its sessions',
      timeoutSeconds: 900,
      memoryMB: 3008,
      diskMiB: SPILL_DISK_MIB,
      work: { 'shards/*': READ },
    },
  },
  publish: {
    tasks: async (store, job) => {
      const balance = await stageResult(store, job.job, 'balance', 'publish');
      const turned: TurnedPart[] = [];
      let task = 0;
      for await (const result of eachResult(store, job.job, 'reduce')) {
        // The job is being resumed: a stage that began now would lack a partition.
        if (result === null) throw new JobError('has no result yet', job.job, 'reduce', task);
        turned.push(...result.turned);
        task++;
      }
      const plan = await requireJson<IntervalsPlan>(store, balance.intervals);
      return writeSpecs(store, job.job, 'publish', publishTasks(job, plan, balance, turned));
    },
    fatal: true,
    atOnce: 20,
    needs: {
      description: 'Merges sessions into Parquet files',
      timeoutSeconds: 900,
      memoryMB: 3008,
      diskMiB: SPILL_DISK_MIB,
      results: filesOf(DAY_TABLES),
    },
  },
  commit: {
    tasks: oneTask,
    fatal: true,
    needs: {
      description: "Writes the small tables and makes the job's results current",
      timeoutSeconds: 300,
      memoryMB: 1769,
      diskMiB: DEFAULT_DISK_MIB,
      // Anomalies are beside the shards of their captures.
      work: { 'shards/*': READ, 'behind/*': ['write', 'remove'] },
      results: {
        ...filesOf(JOB_TABLES),
        'sessions/*/_SUCCESS': WRITE,
        'datasets/*': READ_WRITE,
        '_delta_log/*': ['read', 'write', 'remove'],
      },
    },
  },
} as const satisfies Readonly<Record<Stage, StageDescription>>;

export const STAGES: Readonly<Record<Stage, StageDescription>> = DESCRIBED;

/** Their names, in the order in which a job runs them. */
export const STAGE_ORDER = Object.keys(DESCRIBED) as readonly Stage[];

/** Stages that may have thousands of tasks. */
export type WideStage = { [S in Stage]: (typeof DESCRIBED)[S] extends { atOnce: number } ? S : never }[Stage];

export function isWide(stage: Stage): stage is WideStage {
  return STAGES[stage].atOnce !== undefined;
}

/** The stage of that name. @throws RangeError when there is none */
export function asStage(name: string): Stage {
  const stage = STAGE_ORDER.find((known) => known === name);
  if (stage === undefined) throw new RangeError(`'${name}' is not a stage`);
  return stage;
}

async function oneTask(): Promise<StageList> {
  return { tasks: 1, specs: null };
}
