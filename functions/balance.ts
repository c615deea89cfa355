/** The balance function: one balance task an invocation. */
import { balanceStage } from '../shared/stage/balance/balance.ts';
import { stageHandler } from './stage.ts';

export const handler = stageHandler(balanceStage);
