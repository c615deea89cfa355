/** The code of all stages, for processes that run the tasks of each: loaded when first needed. */
import type { Stage } from '../job/protocol/stageresults.ts';
import type { StageWork } from './stage.ts';

const LOAD: { readonly [S in Stage]: () => Promise<StageWork<S>> } = {
  plan: async () => (await import('./plan/plan.ts')).planStage,
  map: async () => (await import('./map/map.ts')).mapStage,
  balance: async () => (await import('./balance/balance.ts')).balanceStage,
  merge: async () => (await import('./merge/merge.ts')).mergeStage,
  reduce: async () => (await import('./reduce/reduce.ts')).reduceStage,
  publish: async () => (await import('./publish/publish.ts')).publishStage,
  commit: async () => (await import('./commit/commit.ts')).commitStage,
};

let last: StageWork | undefined;

/** The code of a stage, for a process or thread that runs one task after another. */
export async function workOf(stage: Stage): Promise<StageWork> {
  if (last?.stage !== stage) last?.release?.();
  last = await LOAD[stage]();
  return last;
}
