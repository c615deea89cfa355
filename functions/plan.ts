/** The plan function: where every job begins. The watchdog checks running jobs from then on. */

import { planStage } from '../shared/stage/plan/plan.ts';
import { startWatchdog } from './schedule.ts';
import { stageHandler } from './stage.ts';

const plan = stageHandler(planStage);

export const handler: typeof plan = async (event, lambda) => {
  await startWatchdog();
  return plan(event, lambda);
};
