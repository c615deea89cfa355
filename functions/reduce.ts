/** The reduce function: one reduce task an invocation. */
import { stageHandler } from './stage.ts';

export const handler = stageHandler('reduce');
