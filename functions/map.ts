/** The map function: one map task an invocation. */
import { stageHandler } from './stage.ts';

export const handler = stageHandler('map');
