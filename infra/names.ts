/** Names shared by several parts of the infrastructure and the functions' code. */
import type { Settings } from './settings.ts';

export const pipelineStackName = ({ name }: Settings): string => `${name}-pipeline`;
export const catalogStackName = ({ name }: Settings): string => `${name}-catalog`;
/** The rule that invokes the watchdog. Its name is fixed, since the function that disables it is also its target. */
export const watchdogRuleName = ({ name }: Settings): string => `${name}-watchdog`;
export const workgroupName = ({ name }: Settings): string => name;

/** Namespace and first dimension of the functions' own metrics; the second, `stack`, is the name of the pipeline's stack. */
export const METRICS = { namespace: 'Flowstitch', service: 'flowstitch' };

/** Where Athena puts query results, in the results bucket. */
export const ATHENA_PREFIX = 'athena/';

/** Output of the pipeline's stack that says where alarms are sent, for later deployments. */
export const ALARM_OUTPUT = 'AlarmEmail';
