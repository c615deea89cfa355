/**
 * The functions of the pipeline and what each gets of time, memory and disk. The
 * time-outs leave room above the five minutes that plan sizes a task for; the
 * memory decides the share of a processor too (1,769 MB is one whole one, and
 * 3,008 MB the most that a new account may ask for).
 */
import { STAGES } from '../shared/job/keys.ts';
import type { Stage } from '../shared/job/stageresults.ts';
import type { Settings } from './settings.ts';

export const FUNCTION_NAMES = [...STAGES, 'dead-letter', 'uploads', 'watchdog'] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

export interface FunctionSizes {
  /** One sentence for whoever sees it in the console. */
  readonly description: string;
  readonly timeoutSeconds: number;
  readonly memoryMB: number;
  /** Local disk in MiB. */
  readonly diskMiB: number;
  /** Memory that DuckDB may take; undefined for functions that do not carry it. */
  readonly duckdbMemory?: string;
}

/** What Lambda gives without being asked. */
const DEFAULT_DISK_MIB = 512;
/** For what is spilled: merges in passes, and Parquet files before they are uploaded. */
const SPILL_DISK_MIB = 4096;

export const FUNCTIONS: Readonly<Record<FunctionName, FunctionSizes>> = {
  plan: {
    description: 'Lists captures, reads their heads and groups them into map tasks',
    timeoutSeconds: 300,
    memoryMB: 512,
    diskMiB: DEFAULT_DISK_MIB,
  },
  map: {
    description: 'Reads captures once and writes shards of packet records',
    timeoutSeconds: 900,
    memoryMB: 1769,
    diskMiB: DEFAULT_DISK_MIB,
  },
  balance: {
    description: 'Ranks captures, joins fragments and cuts the flows into partitions',
    timeoutSeconds: 900,
    memoryMB: 3008,
    diskMiB: SPILL_DISK_MIB,
  },
  reduce: {
    description: 'Merges a partition by time and rebuilds its sessions',
    timeoutSeconds: 900,
    memoryMB: 3008,
    diskMiB: SPILL_DISK_MIB,
  },
  publish: {
    description: 'Merges sessions into Parquet files',
    timeoutSeconds: 900,
    memoryMB: 3008,
    diskMiB: SPILL_DISK_MIB,
    duckdbMemory: '1GB',
  },
  commit: {
    description: "Writes the small tables and makes the job's results the current ones",
    timeoutSeconds: 300,
    memoryMB: 1769,
    diskMiB: DEFAULT_DISK_MIB,
    duckdbMemory: '512MB',
  },
  'dead-letter': {
    description: 'Writes down tasks that failed each time as failed, and moves their job on',
    timeoutSeconds: 300,
    memoryMB: 512,
    diskMiB: DEFAULT_DISK_MIB,
  },
  uploads: {
    description: 'Starts jobs when a marker object arrives or a prefix has been quiet',
    timeoutSeconds: 300,
    memoryMB: 512,
    diskMiB: DEFAULT_DISK_MIB,
  },
  watchdog: {
    description: 'Moves running jobs on and reports those without progress',
    timeoutSeconds: 60,
    memoryMB: 512,
    diskMiB: DEFAULT_DISK_MIB,
  },
};

export function isStage(name: FunctionName): name is Stage {
  return STAGES.some((stage) => stage === name);
}

/** A function's time-out in a deployment. */
export function timeoutSeconds(name: FunctionName, { mostSeconds }: Settings): number {
  return Math.min(FUNCTIONS[name].timeoutSeconds, mostSeconds);
}
