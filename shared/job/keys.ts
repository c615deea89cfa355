/**
 * Where a job keeps what: the layout of the store, in one place.
 *
 *   jobs/<job>/job.json, inputs.json, manifest.json, summary.json
 *   jobs/<job>/<stage>/list.json        the stage's tasks, written before any of its messages
 *   jobs/<job>/<stage>/sent             all of the stage's messages have been sent
 *   jobs/<job>/<stage>/done/<group>/<task>   how a task ended, groups of DONE_GROUP tasks
 *   jobs/<job>/<stage>/complete/<group> all tasks of a group have ended
 *   jobs/<job>/<stage>/<task>-<attempt>/...  what an attempt wrote
 *   shards/<sharding>/<group>/...       shards and their summary, for every job with these captures
 *   datasets/<dataset>/dataset.json     what is fixed for the data set: buckets and seed
 *
 * and in the store of results, which may be another:
 *
 *   datasets/<dataset>/current.json     the newest committed job
 *   <table>/dataset=<dataset>/job=<job>/...  the tables
 */

export const STAGES = ['plan', 'map', 'balance', 'reduce', 'publish', 'commit'] as const;
export type Stage = (typeof STAGES)[number];

/** Tasks whose done keys share a prefix, so that one listing sees them all. */
export const DONE_GROUP = 1000;

const padded = (n: number, digits: number): string => String(n).padStart(digits, '0');

export const jobPrefix = (job: string): string => `jobs/${job}/`;
export const jobKey = (job: string): string => `jobs/${job}/job.json`;
export const inputsKey = (job: string): string => `jobs/${job}/inputs.json`;
export const manifestKey = (job: string): string => `jobs/${job}/manifest.json`;
export const summaryKey = (job: string): string => `jobs/${job}/summary.json`;
export const failureKey = (job: string): string => `jobs/${job}/failed.json`;
export const listKey = (job: string, stage: Stage): string => `jobs/${job}/${stage}/list.json`;
export const sentKey = (job: string, stage: Stage): string => `jobs/${job}/${stage}/sent`;
export const doneGroup = (task: number): number => Math.floor(task / DONE_GROUP);
export const doneGroupPrefix = (job: string, stage: Stage, group: number): string =>
  `jobs/${job}/${stage}/done/${padded(group, 4)}/`;
export const doneKey = (job: string, stage: Stage, task: number): string =>
  `${doneGroupPrefix(job, stage, doneGroup(task))}${padded(task, 7)}`;
export const completePrefix = (job: string, stage: Stage): string => `jobs/${job}/${stage}/complete/`;
export const completeKey = (job: string, stage: Stage, group: number): string =>
  `${completePrefix(job, stage)}${padded(group, 4)}`;
/** Where one attempt at a task writes: no other attempt writes there. */
export const attemptPrefix = (job: string, stage: Stage, task: number, attempt: string): string =>
  `jobs/${job}/${stage}/${padded(task, 7)}-${attempt}/`;
export const shardGroupPrefix = (sharding: string, group: string): string => `shards/${sharding}/${group}/`;
export const datasetKey = (dataset: string): string => `datasets/${dataset}/dataset.json`;
export const currentKey = (dataset: string): string => `datasets/${dataset}/current.json`;
export const tablePrefix = (table: string, dataset: string, job: string): string =>
  `${table}/dataset=${dataset}/job=${job}/`;
