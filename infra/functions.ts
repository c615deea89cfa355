/**
 * The functions of the pipeline: one per stage, as shared/stage/stages.ts describes it, and those for dead letters,
 * uploads, the watchdog and cleaning.
 */
import type { Stage } from '../shared/job/protocol/stageresults.ts';
import { DEFAULT_DISK_MIB, type FunctionNeeds, type KeyGrants } from '../shared/stage/functionneeds.ts';
import { STAGE_ORDER, STAGES } from '../shared/stage/stages.ts';
import { TABLE_NAMES } from '../shared/table/tables.ts';
import type { Settings } from './settings.ts';

const BESIDE_STAGES = {
  'dead-letter': {
    description: 'Records tasks that failed on every attempt as failed, and moves their job on',
    timeoutSeconds: 300,
    memoryMB: 512,
    diskMiB: DEFAULT_DISK_MIB,
    tells: true,
  },
  uploads: {
    description: 'Starts jobs when a marker object arrives or a prefix has been quiet',
    timeoutSeconds: 300,
    memoryMB: 512,
    diskMiB: DEFAULT_DISK_MIB,
    work: { 'sources/*': ['read'], 'requests/*': ['read', 'write'], 'checks/*': ['read', 'write'] },
    captures: true,
    sendsChecks: true,
  },
  watchdog: {
    description: 'Moves running jobs on, reports those without progress, and catches up with the catalog',
    timeoutSeconds: 240,
    memoryMB: 512,
    diskMiB: DEFAULT_DISK_MIB,
    work: { 'behind/*': ['read', 'write', 'remove'] },
    results: { 'datasets/*': ['read'], '_delta_log/*': ['read', 'write', 'remove'] },
    tells: true,
    schedule: ['Enable', 'Disable'],
  },
  clean: {
    description: 'Removes shards, files of jobs and of tables that no current results need',
    timeoutSeconds: 900,
    memoryMB: 1024,
    diskMiB: DEFAULT_DISK_MIB,
    movesNoJobs: true,
    work: {
      'cleaning/*': ['read', 'write', 'remove'],
      'running/*': ['read'],
      'shards/*': ['read', 'remove'],
      'jobs/*': ['read', 'remove'],
      'jobs/*/end.json': ['write'],
      'datasets/*': ['read', 'remove'],
      'datasets/*/replaced.json': ['write'],
      // Chains are shortened before files go that they name.
      'datasets/*/chains/*': ['write'],
    },
    results: { 'datasets/*': ['read'], ...Object.fromEntries(TABLE_NAMES.map((table) => [`${table}/*`, ['remove']])) },
    tells: true,
  },
} as const satisfies Record<string, FunctionNeeds>;

export type FunctionName = Stage | keyof typeof BESIDE_STAGES;

export const FUNCTION_NAMES = [...STAGE_ORDER, ...Object.keys(BESIDE_STAGES)] as readonly FunctionName[];

/** Moving a job on and starting the next one: what most functions do. */
const MOVES_ON = ['read', 'write', 'remove'] as const;

export function needsOf(name: FunctionName): FunctionNeeds & { readonly work: KeyGrants } {
  const needs: FunctionNeeds = isStage(name) ? STAGES[name].needs : BESIDE_STAGES[name];
  const moving = { 'jobs/*': MOVES_ON, 'datasets/*': MOVES_ON, 'running/*': MOVES_ON };
  return {
    ...needs,
    work: { ...(!needs.movesNoJobs && moving), ...needs.work },
    // The function that gets the first message of a stage, or of a job that was resumed, switches the watchdog on.
    schedule: isStage(name) ? ['Enable'] : needs.schedule,
    tells: isStage(name) || needs.tells,
  };
}

export function isStage(name: FunctionName): name is Stage {
  return name in STAGES;
}

/** A function's time-out in a deployment. */
export function timeoutSeconds(name: FunctionName, { mostSeconds }: Settings): number {
  return Math.min(needsOf(name).timeoutSeconds, mostSeconds);
}
