/** The work of all stages, for whoever does the tasks of each: the code of a stage is loaded when it is first needed. */
import type { Stage } from '../job/stageresults.ts';
import type { StageWork } from './stage.ts';

const LOAD: { readonly [S in Stage]: () => Promise<StageWork<S>> } = {
  plan: async () => (await import('./plan.ts')).planStage,
  map: async () => (await import('./map/map.ts')).mapStage,
  balance: async () => (await import('./balance.ts')).balanceStage,
  reduce: async () => (await import('./reduce.ts')).reduceStage,
  publish: async () => (await import('./publish.ts')).publishStage,
  commit: async () => (await import('./commit.ts')).commitStage,
};

let last: StageWork | undefined;

/** The work of a stage, for a process or thread that does one task after another. */
export async function workOf(stage: Stage): Promise<StageWork> {
  if (last?.stage !== stage) last?.release?.();
  last = await LOAD[stage]();
  return last;
}
