/** The commit function: makes a job's tables visible, in the catalog last. */

import { commitStage } from '../shared/stage/commit.ts';
import { ownCatalog } from './glue.ts';
import { stageHandler } from './stage.ts';

export const handler = stageHandler(commitStage, { catalog: ownCatalog() });
