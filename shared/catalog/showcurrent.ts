/**
 * Shows the current files of a data set to readers that find them by the log: Athena, Trino, Spark, DuckDB's delta_scan.
 *
 * What readers see changes in one write, for all tables together: a query sees all of the job before or all of the new
 * one, and never a file twice. The step is idempotent and may run at any time, also twice at once or late: it shows
 * what `current.json` says when it runs, not what some job once wrote.
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CurrentJob } from '../job/dataset/currentjob.ts';
import { currentKey } from '../job/protocol/keys.ts';
import { parseJson } from '../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../store/objectstore.ts';
import { type Action, addAction, keyOf, metaData, PROTOCOL, pathOf, type Shown, schemaString } from './actions.ts';
import { CHECKPOINT_EVERY, type LogListing, listLog, readEntry, readLog, writeCheckpoint, writeEntry } from './log.ts';

/** Attempts at the next entry while others write theirs. */
const MOST_ATTEMPTS = 50;
/** Longest wait before another attempt, milliseconds. */
const LONGEST_WAIT = 500;

/** The files of a state of a data set, by key, with their bytes. */
export type StateFiles = ReadonlyMap<string, number>;

/** A state of a data set: what its `current.json` says. */
export interface DataSetState {
  /** Digest of the object's bytes: equal for equal states. */
  id: string;
  files: StateFiles;
}

/** What a data set's `current.json` says; undefined where there is none. One request. */
export async function currentState(results: ObjectStore, dataset: string): Promise<DataSetState | undefined> {
  const key = currentKey(dataset);
  let bytes: Uint8Array;
  try {
    bytes = await results.get(key);
  } catch (error) {
    if (error instanceof StoreError && error.reason === 'missing') return undefined;
    throw error;
  }
  const { files, fileBytes = {} } = parseJson<CurrentJob>(key, bytes);
  const keys = Object.values(files).flat();
  return {
    id: digestOf(bytes),
    files: new Map(keys.map((each) => [each, fileBytes[each] ?? 0])),
  };
}

/**
 * Makes the log show the data set's current state, nothing where it has none. Four requests where `before` is what the log shows; else the newest
 * checkpoint and the entries behind it are read.
 *
 * @param before the state before the current one, if at hand: usually the log shows it, and need not be read
 * @param now milliseconds since 1970
 * @throws Error when others wrote entries all the time; what the store throws. Calling it again continues
 */
export async function showCurrent(
  results: ObjectStore,
  dataset: string,
  before?: DataSetState,
  now: number = Date.now(),
): Promise<void> {
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    // The log is looked at first: whoever has shown a newer state since then has taken the number of our entry.
    const listing = await listLog(results);
    const shown = listing.newest < 0 ? undefined : await shownNow(results, listing);
    const current = await currentState(results, dataset);
    if (shown?.states[dataset] === current?.id) return;
    const known = before !== undefined && shown?.states[dataset] === before.id;
    const seen = known ? before.files : await filesInLog(results, dataset, listing);
    const schema = digestOf(schemaString());
    const next: Shown = { id: shown?.id ?? randomUUID(), schema, states: { ...shown?.states } };
    if (current === undefined) delete next.states[dataset];
    else next.states[dataset] = current.id;
    const actions: Action[] = [
      { commitInfo: { timestamp: now, operation: 'WRITE', flowstitch: next } },
      ...(shown === undefined ? [{ protocol: PROTOCOL }] : []),
      ...(shown?.schema === schema ? [] : [{ metaData: metaData(next.id, now) }]),
      ...changes(seen, current?.files ?? new Map(), now),
    ];
    const version = listing.newest + 1;
    if (await writeEntry(results, version, actions)) {
      if (version % CHECKPOINT_EVERY === 0 && version > 0) await writeCheckpoint(results, version, now);
      return;
    }
    await sleep(Math.random() * Math.min(LONGEST_WAIT, 10 * 2 ** attempt));
  }
  throw new Error(
    `other data sets of these results wrote to the log ${MOST_ATTEMPTS} times while ${dataset} was to be shown`,
  );
}

/** What readers see now. Entries of other programs do not say it: behind one, the log is read. */
async function shownNow(results: ObjectStore, listing: LogListing): Promise<Shown> {
  for (const action of await readEntry(results, listing.newest))
    if ('commitInfo' in action && action.commitInfo.flowstitch !== undefined) return action.commitInfo.flowstitch;
  const { metaData } = await readLog(results, listing);
  return { id: metaData?.id ?? randomUUID(), schema: digestOf(metaData?.schemaString ?? ''), states: {} };
}

async function filesInLog(results: ObjectStore, dataset: string, listing: LogListing): Promise<StateFiles> {
  const files = new Map<string, number>();
  for (const { path, partitionValues, size } of (await readLog(results, listing)).files.values())
    if (partitionValues.dataset === dataset) files.set(keyOf(path), size);
  return files;
}

/** The actions that lead from the files that readers see to the current ones. */
function changes(seen: StateFiles, current: StateFiles, now: number): Action[] {
  const actions: Action[] = [];
  for (const key of seen.keys())
    if (!current.has(key)) actions.push({ remove: { path: pathOf(key), deletionTimestamp: now, dataChange: true } });
  for (const [key, bytes] of current) if (seen.get(key) !== bytes) actions.push({ add: addAction(key, bytes, now) });
  return actions;
}

/** Sixteen hex digits. */
function digestOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}
