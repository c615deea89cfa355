/** The balance function: one balance task an invocation. */
import { stageHandler } from './stage.ts';

export const handler = stageHandler('balance');
