/** The publish function: one publish task an invocation. */
import { publishStage } from '../shared/stage/publish/publish.ts';
import { stageHandler } from './stage.ts';

export const handler = stageHandler(publishStage);
