/** The commit function: makes a job's tables visible, in the catalog last. */

import { commitStage } from '../shared/stage/commit.ts';
import { GlueCatalog } from './glue.ts';
import { stageHandler } from './stage.ts';

const database = process.env.FLOWSTITCH_CATALOG;
const catalog = database === undefined ? undefined : new GlueCatalog(database, process.env.FLOWSTITCH_RESULTS ?? '');

export const handler = stageHandler(commitStage, { catalog });
