/** The reduce function: one reduce task an invocation. */
import { reduceStage } from '../shared/stage/reduce/reduce.ts';
import { stageHandler } from './stage.ts';

export const handler = stageHandler(reduceStage);
