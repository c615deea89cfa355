/** The map function: one map task an invocation. */
import { mapStage } from '../shared/stage/map/map.ts';
import { stageHandler } from './stage.ts';

export const handler = stageHandler(mapStage);
