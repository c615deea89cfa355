/** The merge function: one merge task an invocation. */
import { mergeStage } from '../shared/stage/merge/merge.ts';
import { stageHandler } from './stage.ts';

export const handler = stageHandler(mergeStage);
