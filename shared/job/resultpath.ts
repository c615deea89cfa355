/**
 * Which paths are those of results: a run leaves a tree of known form, and finds those of others by it when they lie
 * among its captures.
 *
 *   _flowstitch/jobs, _flowstitch/shards, _flowstitch/datasets    the jobs' own files
 *   <table>/dataset=<name>/dt=<day>, <table>/dataset=<name>/<16 hex digits>-<n>.parquet, _SUCCESS beside   tables
 *   datasets/<name>/current.json                                  which job is the newest
 *   _delta_log/<20 digits>.<kind>                                 the log of all tables
 */
import { TABLES } from '../table/tables.ts';
import { WORK_FOLDER } from './protocol/keys.ts';

/** Folders below the jobs' own. */
const WORK_PARTS: ReadonlySet<string> = new Set(['jobs', 'shards', 'datasets']);
/** Also job=<16 hex digits>, where earlier versions had a folder for each job. */
const PART = /^(dt=[0-9]{4,}-[0-9]{2}-[0-9]{2}|[0-9a-f]{16}-[0-9-]+[.]parquet|job=[0-9a-f]{16}|_SUCCESS)$/;
const LOG_ENTRY = /^(?:\d{20}\.|_last_checkpoint$)/;

/**
 * @param names of the folders on the way, and of the last folder or file
 * @returns how many of them lead to the folder of results; -1 when it is no path of results
 */
export function resultsDepth(names: readonly string[]): number {
  for (let at = 0; at + 1 < names.length; at++) {
    const [first, second, third] = names.slice(at, at + 3);
    if (first === WORK_FOLDER && WORK_PARTS.has(second)) return at;
    if (first === '_delta_log' && LOG_ENTRY.test(second)) return at;
    if (third === undefined) continue;
    if (Object.hasOwn(TABLES, first) && second.startsWith('dataset=') && PART.test(third)) return at;
    if (first === 'datasets' && third === 'current.json' && at + 3 === names.length) return at;
  }
  return -1;
}

/** Whether a path is one of results, wherever that lies. @param names as for resultsDepth */
export function isResult(names: readonly string[]): boolean {
  return resultsDepth(names) >= 0;
}
