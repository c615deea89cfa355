/** The views that give the sessions in the dialects of other tools, and the saved queries. */
import { ECS } from './ecs.ts';
import { OCSF_NETWORK_ACTIVITY } from './ocsf.ts';
import type { View } from './view.ts';
import { VPC_FLOW_LOGS } from './vpcflowlogs.ts';
import { ZEEK_CONN } from './zeek.ts';

export { SAVED_QUERIES, type SavedQuery } from './queries.ts';
export type { View } from './view.ts';

/** The views, in the order they are listed. */
export const VIEWS: readonly View[] = [ZEEK_CONN, VPC_FLOW_LOGS, OCSF_NETWORK_ACTIVITY, ECS];
