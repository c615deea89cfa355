/**
 * The layout of the store.
 *
 *   jobs/<job>/job.json, inputs.json, summary.json
 *   jobs/<job>/inputs/<random>/<part>   captures, where inputs.json would be too large
 *   jobs/<job>/end.json                 the job has failed, was cancelled or superseded: no more of its tasks run
 *   jobs/<job>/<stage>/list.json        the stage's tasks, written before any of its messages
 *   jobs/<job>/<stage>/sent             all of the stage's messages have been sent
 *   jobs/<job>/<stage>/done/<group>/<task>   how a task ended, groups of DONE_GROUP tasks
 *   jobs/<job>/<stage>/complete/<group> all tasks of a group have ended
 *   jobs/<job>/<stage>/<task>-<attempt>/...  files of an attempt
 *   jobs/<job>/reduce/ends/<task>/<interval>  the end of an interval in one partition (interval.ts)
 *   jobs/<job>/<stage>/errors/<task>    why the last attempt of a task failed
 *   jobs/<job>/plan/unread/<part>       captures whose heads cannot be read, where they are too many for one invocation
 *   jobs/<job>/requests/<random>/<counts>  what a delivery of a message cost (requestcounts.ts)
 *   jobs/<job>/map/careful/<task>/<attempt>  which capture an attempt of a map task is reading, or was when it died
 *   jobs/<job>/map/buried/<task>/<n>    a message of a map task became a dead letter, and another was sent
 *   shards/<sharding>/<group>/...       shards and their summary, for every job with these captures
 *   shards/<sharding>/joined/<group>/summary.json   the summaries of several groups
 *   datasets/<dataset>/dataset.json     fixed for the data set: buckets and seed
 *   datasets/<dataset>/forgotten.json   hosts whose packets no job of it takes (forgottenhosts.ts)
 *   datasets/<dataset>/jobs/<job>       the data set's jobs
 *   datasets/<dataset>/captures.json, captures/<job>-<part>   the captures of its current job (datasetcaptures.ts)
 *   datasets/<dataset>/replaced.json    files of tables that cleaning has found replaced (shared/control/dataset/oldfiles.ts)
 *   datasets/<dataset>/chains/<line>.json   intervals that have been made with one configuration
 *   datasets/<dataset>/known/heads-<rules>/<part>, groups-<sharding>/<part>   what plan need not find out again
 *   datasets/<dataset>/waiting/<time>-<job>, turns/<n>, begun/<n>   which job runs (turns.ts)
 *   running/<dataset>/<job>/<random>    a job that runs or waits, for the watchdog (runningjobs.ts)
 *   sources/<dataset>.json              a prefix whose captures start jobs automatically (watchedprefixes.ts)
 *   behind/<dataset>                    the log of the results does not show the data set's current job yet (shared/catalog/step.ts)
 *   cleaning/<name>                     a cleaning that is due (duecleanings.ts)
 *   requests/<request>/...              a start that is being prepared; checks/<dataset>/<time>-<n>-<kind>
 *
 * and in the store of results, which may be another:
 *
 *   datasets/<dataset>/current.json     the newest committed job
 *   _delta_log/...                      the current files of all data sets, for other programs (shared/catalog/log.ts)
 *   <table>/dataset=<dataset>/dt=<day>/<unit>-<n>.parquet   tables by day. A unit is an interval, or what was open at a job's end
 *   <table>/dataset=<dataset>/<job>-<n>.parquet             tables with one file a job
 */
import type { Stage } from './stageresults.ts';

/** Folder of the jobs' own files below the results folder, on one machine. */
export const WORK_FOLDER = '_flowstitch';

/** Tasks whose done keys share a prefix, so that one listing returns them all. */
export const DONE_GROUP = 1000;

const padded = (n: number, digits: number): string => String(n).padStart(digits, '0');

export const JOBS_PREFIX = 'jobs/';
export const jobPrefix = (job: string): string => `jobs/${job}/`;
/** The job whose object has this key; undefined for other objects. */
export const jobOfKey = (key: string): string | undefined => /^jobs\/([^/]+)\//.exec(key)?.[1];
export const jobKey = (job: string): string => `jobs/${job}/job.json`;
export const inputsKey = (job: string): string => `jobs/${job}/inputs.json`;
export const inputsPartPrefix = (job: string, random: string): string => `jobs/${job}/inputs/${random}/`;
export const summaryKey = (job: string): string => `jobs/${job}/summary.json`;
export const endKey = (job: string): string => `jobs/${job}/end.json`;
export const listKey = (job: string, stage: Stage): string => `jobs/${job}/${stage}/list.json`;
export const sentKey = (job: string, stage: Stage): string => `jobs/${job}/${stage}/sent`;
export const doneGroup = (task: number): number => Math.floor(task / DONE_GROUP);
export const doneGroupPrefix = (job: string, stage: Stage, group: number): string =>
  `jobs/${job}/${stage}/done/${padded(group, 4)}/`;
export const donePrefix = (job: string, stage: Stage): string => `jobs/${job}/${stage}/done/`;
export const taskOfDoneKey = (key: string): number => Number(key.slice(key.lastIndexOf('/') + 1));
export const doneKey = (job: string, stage: Stage, task: number): string =>
  `${doneGroupPrefix(job, stage, doneGroup(task))}${padded(task, 7)}`;
export const completePrefix = (job: string, stage: Stage): string => `jobs/${job}/${stage}/complete/`;
export const completeKey = (job: string, stage: Stage, group: number): string =>
  `${completePrefix(job, stage)}${padded(group, 4)}`;
/** Where one attempt of a task writes, and no other. */
export const attemptPrefix = (job: string, stage: Stage, task: number, attempt: string): string =>
  `jobs/${job}/${stage}/${padded(task, 7)}-${attempt}/`;
/** Whether a key is that of a run of sessions, which an attempt of a reduce task has written. */
export const isSessionRun = (key: string): boolean =>
  /^jobs\/[^/]+\/reduce\/[0-9]+-[^/]+\/sessions-[0-9]+[.]arrow$/.test(key);
export const errorKey = (job: string, stage: Stage, task: number): string =>
  `jobs/${job}/${stage}/errors/${padded(task, 7)}`;
export const unreadPrefix = (job: string): string => `jobs/${job}/plan/unread/`;
export const requestsPrefix = (job: string): string => `jobs/${job}/requests/`;
export const carefulPrefix = (job: string, task: number): string => `jobs/${job}/map/careful/${padded(task, 7)}/`;
export const carefulKey = (job: string, task: number, attempt: number): string =>
  `${carefulPrefix(job, task)}${padded(attempt, 5)}`;
export const extraMessageKey = (job: string, task: number, number: number): string =>
  `jobs/${job}/map/buried/${padded(task, 7)}/${padded(number, 5)}`;
export const SHARDS_PREFIX = 'shards/';
export const shardGroupPrefix = (sharding: string, group: string): string => `${SHARDS_PREFIX}${sharding}/${group}/`;
/** The object by which later jobs find a group's shards. @param group from shardGroupPrefix */
export const shardSummaryKey = (group: string): string => `${group}summary.json`;
/** Prefix of the summaries that map tasks have joined. */
export const joinedPrefix = (sharding: string): string => `${SHARDS_PREFIX}${sharding}/joined/`;
/** As joinedPrefix, from the key of a group's object; null for any other key. */
export const joinedPrefixOf = (key: string): string | null =>
  key.startsWith(SHARDS_PREFIX) ? joinedPrefix(key.split('/')[1]) : null;
/** A group of joined groups: its summary's key follows as from shardGroupPrefix. */
export const joinedGroupPrefix = (sharding: string, group: string): string => `${joinedPrefix(sharding)}${group}/`;
/** The prefix of a group, from the key of one of its objects. */
export const shardGroupOf = (key: string): string => `${key.split('/').slice(0, 3).join('/')}/`;
export const DATASETS_PREFIX = 'datasets/';
export const datasetKey = (dataset: string): string => `datasets/${dataset}/dataset.json`;
export const forgottenHostsKey = (dataset: string): string => `datasets/${dataset}/forgotten.json`;
export const jobsPrefix = (dataset: string): string => `datasets/${dataset}/jobs/`;
export const knownPrefix = (dataset: string): string => `datasets/${dataset}/known/`;
/** @param rules digest of what reading a head depends on */
export const knownHeadsPrefix = (dataset: string, rules: string): string => `${knownPrefix(dataset)}heads-${rules}/`;
export const knownGroupsPrefix = (dataset: string, sharding: string): string =>
  `${knownPrefix(dataset)}groups-${sharding}/`;
export const datasetCapturesKey = (dataset: string): string => `datasets/${dataset}/captures.json`;
/** Parts of the list, where captures are many. */
export const datasetCapturesPrefix = (dataset: string): string => `datasets/${dataset}/captures/`;
/** Whether a key is that of a data set's job, as jobsPrefix begins. */
export const isJobEntry = (key: string): boolean => /^datasets\/[^/]+\/jobs\/[^/]+$/.test(key);
export const waitingPrefix = (dataset: string): string => `datasets/${dataset}/waiting/`;
/** Keys sort in the order in which jobs were submitted. @param at milliseconds since 1970 */
export const waitingKey = (dataset: string, at: number, job: string): string =>
  `${waitingPrefix(dataset)}${padded(at, 15)}-${job}`;
export const turnPrefix = (dataset: string): string => `datasets/${dataset}/turns/`;
export const turnKey = (dataset: string, turn: number): string => `${turnPrefix(dataset)}${padded(turn, 9)}`;
export const begunPrefix = (dataset: string): string => `datasets/${dataset}/begun/`;
export const begunKey = (dataset: string, turn: number): string => `${begunPrefix(dataset)}${padded(turn, 9)}`;
export const RUNNING_PREFIX = 'running/';
export const runningKey = (dataset: string, job: string, random: string): string =>
  `${RUNNING_PREFIX}${dataset}/${job}/${random}`;
export const WATCHED_PREFIXES = 'sources/';
export const watchedPrefixKey = (dataset: string): string => `${WATCHED_PREFIXES}${dataset}.json`;
export const requestPrefix = (request: string): string => `requests/${request}/`;
/** Rejected automatic starts. */
export const REFUSALS_PREFIX = 'requests/refused/';
/** @param before times that the check was put off. @param kind `quiet` or `every` */
export const checkKey = (dataset: string, at: number, before: number, kind: string): string =>
  `checks/${dataset}/${padded(at, 15)}-${padded(before, 4)}-${kind}`;
export const CLEANINGS_PREFIX = 'cleaning/';
export const cleaningKey = (name: string): string => `${CLEANINGS_PREFIX}${name}`;
/** Of the cleaning behind a job that forgets. */
export const forgettingKey = (job: string): string => cleaningKey(`forgetting-${job}`);
export const BEHIND_PREFIX = 'behind/';
export const behindKey = (dataset: string): string => `${BEHIND_PREFIX}${dataset}`;
export const currentKey = (dataset: string): string => `datasets/${dataset}/current.json`;
export const replacedKey = (dataset: string): string => `datasets/${dataset}/replaced.json`;
export const chainsPrefix = (dataset: string): string => `datasets/${dataset}/chains/`;
export const chainKey = (dataset: string, line: string): string => `${chainsPrefix(dataset)}${line}.json`;
export const intervalEndsPrefix = (job: string, task: number): string => `jobs/${job}/reduce/ends/${padded(task, 7)}/`;
export const intervalEndKey = (job: string, task: number, number: number): string =>
  `${intervalEndsPrefix(job, task)}${padded(number, 7)}`;
export const numberOfEndKey = (key: string): number => Number(key.slice(key.lastIndexOf('/') + 1));
/** Folder of a data set's part of a table. */
export const tablePrefix = (table: string, dataset: string): string => `${table}/dataset=${dataset}/`;
/** A file of a table by day. @param unit what wrote it: digits and letters */
export const dayFileKey = (
  table: string,
  dataset: string,
  day: string,
  unit: string,
  number: number | string,
): string => `${tablePrefix(table, dataset)}dt=${day}/${unit}-${number}.parquet`;
/** A file of a table that each job writes anew. */
export const jobFileKey = (table: string, dataset: string, job: string): string =>
  `${tablePrefix(table, dataset)}${job}-0.parquet`;

const DAY = 'dt=[0-9]{4,}-[0-9]{2}-[0-9]{2}';
const TABLE_FILE = new RegExp(
  `^[a-z]+/dataset=[^/]+/(${DAY}/[0-9a-f]{16}-[0-9-]+|[0-9a-f]{16}-0|job=[0-9a-f]{16}/(${DAY}/)?part-[0-9-]+)[.]parquet$`,
);
/**
 * Whether a key below a table is that of a file that a job wrote: one by day, one that each job writes anew, or, as the
 * first versions named them, one in a folder of its job.
 */
export const isTableFile = (key: string): boolean => TABLE_FILE.test(key);
