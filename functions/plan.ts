/** The plan function: where every job begins. */
import { planStage } from '../shared/stage/plan/plan.ts';
import { stageHandler } from './stage.ts';

export const handler = stageHandler(planStage);
