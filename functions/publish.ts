/** The publish function: one publish task an invocation. */
import { stageHandler } from './stage.ts';

export const handler = stageHandler('publish');
