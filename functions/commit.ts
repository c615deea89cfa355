/** The commit function: makes a job's tables visible. */

import { commitStage } from '../shared/stage/commit/commit.ts';
import { stageHandler } from './stage.ts';

export const handler = stageHandler(commitStage);
