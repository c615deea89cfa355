/**
 * Jobs started by uploads: by a marker object `_READY` under a prefix, or, where a
 * data set is automatic, when its prefix has been quiet, or each time an hour or the like is over. Events arrive twice, late and out
 * of order; so an event only says where to look, and a listing says which captures there are.
 * Repeated starts lead to the same job, since a job's id is a digest of its inputs.
 */
import { randomBytes } from 'node:crypto';
import { readHead } from '../capture/read.ts';
import { grown } from '../control/growing.ts';
import { submitJob } from '../control/operate.ts';
import { jobConfig } from '../job/dataset/dataset.ts';
import { CLOUD_SIZES } from '../job/jobconfig.ts';
import { type GivenOptions, givenOptions, jobOptions } from '../job/options/options.ts';
import { OptionError } from '../job/options/optionvalues.ts';
import { checkKey, REFUSALS_PREFIX, requestPrefix } from '../job/protocol/keys.ts';
import { isResult } from '../job/resultpath.ts';
import type { TaskQueue } from '../queue/taskqueue.ts';
import type { ListedCaptures } from '../store/aws/s3list.ts';
import { READY_MARKER } from '../store/aws/s3list.ts';
import { hasCaptureEnding } from '../store/capturename.ts';
import type { CaptureRef } from '../store/capturesource.ts';
import { getJson, jsonBytes } from '../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../store/objectstore.ts';
import { datasetOf, getWatchedPrefix, MOST_QUIET_SECONDS, type WatchedPrefix } from './watchedprefixes.ts';

/** A delayed message: a check whether a job is to start, or the rest of a listing. */
export type LaterMessage = { check: Check } | { list: { request: string } };

interface Check {
  dataset: string;
  /** quiet: a job starts if nothing has arrived for a while. every: it starts over whatever there is. */
  kind: 'quiet' | 'every';
  /** Milliseconds since 1970. */
  due: number;
  /** Times that it was put off before. */
  before: number;
}

export interface UploadContext {
  /** The pipeline's own files. */
  store: ObjectStore;
  queue: TaskQueue;
  /** The pipeline's bucket of captures. */
  home: string;
  /** The prefixes that start jobs automatically; read once per batch of uploads. */
  watched(): Promise<readonly WatchedPrefix[]>;
  /** Sends a message to be handled after some seconds, at most MOST_DELAY. */
  later(message: LaterMessage, delaySeconds: number): Promise<void>;
  /** Lists captures; `next` when `deadline`, in milliseconds since 1970, came first. */
  list(bucket: string, prefix: string, options: { after?: string; deadline?: number }): Promise<ListedCaptures>;
  /** The first bytes of an object in a captures bucket: all of a small one. */
  read(bucket: string, key: string): Promise<Uint8Array>;
  /** Milliseconds since 1970 by which a listing must be suspended. */
  deadline: number;
  now(): number;
}

/** SQS's longest message delay, seconds. */
const MOST_DELAY = 900;
/**
 * Times that a check is put off: the longest quiet takes a message for each MOST_DELAY, and half as many more are for
 * messages that come early.
 */
export const MOST_CHECKS = Math.ceil((1.5 * MOST_QUIET_SECONDS) / MOST_DELAY);
/** Parts of a listing, each by an invocation: a thousand of them see a million objects at least. */
export const MOST_PARTS = 1000;
/**
 * Checks of a data set are this far apart, milliseconds, or a hundredth of a longer quiet: uploads come by the thousand,
 * and each check goes on until its time.
 */
const SLOT_MS = 30_000;

/** The result of an event, for the log. */
export type UploadOutcome =
  | { outcome: 'ignored' | 'armed' | 'not quiet' | 'listing' | 'nothing there' | 'refused'; dataset?: string }
  | { outcome: 'submitted'; dataset: string; job: string; state: string; captures: number };

/** A start that is being prepared: requests/<request>/request.json */
interface StartRequest {
  bucket: string;
  prefix: string;
  dataset: string;
  options: GivenOptions;
  by: 'marker' | 'quiet';
  /** Seconds without uploads that it waits for. */
  quietSeconds: number;
}

/** Handles a created object. @param key decoded */
export async function onUpload(context: UploadContext, bucket: string, key: string): Promise<UploadOutcome> {
  const ofBucket = (await context.watched()).filter((watched) => watched.bucket === bucket);
  const folder = key.slice(0, key.lastIndexOf('/') + 1);
  if (key.slice(folder.length) === READY_MARKER) return onMarker(context, bucket, folder, ofBucket);
  if (isResult(key.split('/'))) return { outcome: 'ignored' };
  const armed = ofBucket.filter(({ prefix }) => key.startsWith(prefix));
  if (armed.length > 0 && (await isOther(context, bucket, key))) return { outcome: 'ignored' };
  for (const watched of armed) await arm(context, watched);
  return { outcome: armed.length > 0 ? 'armed' : 'ignored', dataset: armed.at(0)?.dataset };
}

/** Whether an object that is not named like a capture is plainly something else: a README changes no results. */
async function isOther({ read }: UploadContext, bucket: string, key: string): Promise<boolean> {
  if (hasCaptureEnding(key)) return false;
  // What cannot be read now is left to the job, which says why.
  const bytes = await read(bucket, key).catch(() => undefined);
  if (bytes === undefined) return false;
  const { facts } = await readHead(
    (async function* () {
      yield bytes;
    })(),
  );
  return facts.damage[0]?.reason === 'no_capture';
}

/** Handles a delayed message. */
export async function onLater(context: UploadContext, message: LaterMessage): Promise<UploadOutcome> {
  if ('list' in message) return prepare(context, message.list.request);
  const { dataset, kind, due, before } = message.check;
  const watched = await getWatchedPrefix(context.store, dataset);
  const quietSeconds = kind === 'quiet' ? watched?.quietSeconds : watched?.everySeconds && 0;
  // The data set is no longer automatic, or not in this way.
  if (watched === undefined || quietSeconds == null) return { outcome: 'ignored', dataset };
  const wait = due - context.now();
  if (wait > 0) {
    const place = `s3://${watched.bucket}/${watched.prefix}`;
    if (before >= MOST_CHECKS) {
      const reason = `its check was put off ${MOST_CHECKS} times, and its time has not come; flowstitch submit ${place} starts the job`;
      return refuse(context, watched.bucket, watched.prefix, new OptionError(reason));
    }
    await checkLater(context, { dataset, kind, due, before: before + 1 });
    return { outcome: 'armed', dataset };
  }
  // By the clock one job starts, however often its message comes: it is over what the first found.
  const id = kind === 'every' ? `${dataset}-${due}` : undefined;
  return request(context, { ...watched, quietSeconds, by: 'quiet' }, id);
}

/** Schedules the checks that follow from something that has just arrived. */
async function arm(context: UploadContext, { dataset, quietSeconds, everySeconds }: WatchedPrefix): Promise<void> {
  if (quietSeconds !== null) await armQuiet(context, dataset, quietSeconds, context.now());
  if (everySeconds === undefined) return;
  const every = everySeconds * 1000;
  // Whatever arrives until then is in its listing.
  const due = (Math.floor(context.now() / every) + 1) * every;
  await checkLater(context, { dataset, kind: 'every', due, before: 0 });
}

/**
 * Schedules a check of a data set for when it may be quiet. A check that finds newer captures schedules the next one, for a later time than its own: there
 * are no more of them than there are captures.
 */
async function armQuiet(context: UploadContext, dataset: string, quietSeconds: number, newest: number): Promise<void> {
  const quiet = quietSeconds * 1000;
  const slot = Math.max(1000, Math.min(Math.max(SLOT_MS, quiet / 100), quiet / 2));
  const due = Math.ceil((newest + quiet) / slot) * slot;
  await checkLater(context, { dataset, kind: 'quiet', due, before: 0 });
}

/**
 * Sends a check's next message, unless that was sent already: a message that comes twice goes on once. Sent first, then
 * marked: a crash in between duplicates a check but loses none.
 */
async function checkLater(context: UploadContext, check: Check): Promise<void> {
  const { dataset, kind, due, before } = check;
  const mark = checkKey(dataset, due, before, kind);
  if ((await context.store.head(mark)) !== undefined) return;
  const delay = Math.max(0, Math.min(MOST_DELAY, Math.ceil((due - context.now()) / 1000)));
  await context.later({ check }, delay);
  await context.store.putIfAbsent(mark, jsonBytes({}));
}

async function onMarker(
  context: UploadContext,
  bucket: string,
  prefix: string,
  ofBucket: readonly WatchedPrefix[],
): Promise<UploadOutcome> {
  const watched = ofBucket.find((known) => known.prefix === prefix);
  let options: GivenOptions;
  try {
    const text = new TextDecoder().decode(await context.read(bucket, prefix + READY_MARKER)).trim();
    options = { ...watched?.options, ...(text === '' ? {} : givenOptions(parsed(text))) };
    const dataset = jobOptions(options).dataset ?? watched?.dataset ?? datasetOf(bucket, prefix, context.home);
    return await request(context, { bucket, prefix, dataset, options, by: 'marker', quietSeconds: 0 });
  } catch (error) {
    // A marker that has been removed starts nothing.
    if (error instanceof StoreError && error.reason === 'missing') return { outcome: 'ignored' };
    return refuse(context, bucket, prefix + READY_MARKER, error);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new OptionError('it is neither empty nor JSON; it may hold options such as {"packets": true}');
  }
}

/** Records a rejected start for `flowstitch jobs`. Temporary errors are retried. */
async function refuse(context: UploadContext, bucket: string, key: string, error: unknown): Promise<UploadOutcome> {
  const lasting = error instanceof OptionError || (error instanceof StoreError && error.reason === 'refused');
  if (!lasting) throw error;
  const at = context.now();
  const name = `${String(at).padStart(15, '0')}-${randomBytes(4).toString('hex')}`;
  const refusal: Refusal = { at, object: `s3://${bucket}/${key}`, reason: error.message };
  await context.store.put(`${REFUSALS_PREFIX}${name}.json`, jsonBytes(refusal));
  return { outcome: 'refused' };
}

/** requests/refused/<time>-<random>.json: a rejected automatic start. */
export interface Refusal {
  /** Milliseconds since 1970. */
  at: number;
  object: string;
  reason: string;
}

async function request(
  context: UploadContext,
  start: StartRequest,
  id = randomBytes(8).toString('hex'),
): Promise<UploadOutcome> {
  const { bucket, prefix, dataset, options, by, quietSeconds } = start;
  const kept: StartRequest = { bucket, prefix, dataset, options, by, quietSeconds };
  await context.store.put(`${requestPrefix(id)}request.json`, jsonBytes(kept));
  return prepare(context, id);
}

/** Lists the captures, in several invocations where there are many, and starts the job. */
async function prepare(context: UploadContext, id: string): Promise<UploadOutcome> {
  const { store } = context;
  const prefix = requestPrefix(id);
  const start = await getJson<StartRequest>(store, `${prefix}request.json`);
  if (start === undefined) return { outcome: 'ignored' };
  const { dataset } = start;
  const parts: ListedCaptures[] = [];
  for await (const { key } of store.list(`${prefix}part-`)) parts.push((await getJson<ListedCaptures>(store, key))!);
  try {
    const known = parts.length;
    while (parts.length === 0 || parts.at(-1)?.next !== undefined) {
      // Each invocation gets a little further, however late it began.
      if (parts.length > known && context.now() >= context.deadline) {
        if (parts.length >= MOST_PARTS)
          throw new OptionError(`its listing is not done after ${MOST_PARTS} parts: start jobs over parts of it`);
        await context.later({ list: { request: id } }, 0);
        return { outcome: 'listing', dataset };
      }
      const { deadline } = context;
      const part = await context.list(start.bucket, start.prefix, { after: parts.at(-1)?.next, deadline });
      const key = `${prefix}part-${String(parts.length).padStart(6, '0')}.json`;
      // Another invocation may list the same part and have stopped elsewhere: the next part continues from the one that is kept.
      const ours = await store.putIfAbsent(key, jsonBytes(part));
      parts.push(ours ? part : ((await getJson<ListedCaptures>(store, key)) ?? part));
    }
    return await submitListed(context, start, parts);
  } catch (error) {
    return refuse(context, start.bucket, start.prefix, error);
  }
}

async function submitListed(
  context: UploadContext,
  start: StartRequest,
  parts: readonly ListedCaptures[],
): Promise<UploadOutcome> {
  const { store, queue } = context;
  const { dataset, bucket, prefix, by } = start;
  const newest = parts.reduce((latest, part) => Math.max(latest, part.newest), 0);
  if (start.quietSeconds > 0 && newest + start.quietSeconds * 1000 > context.now()) {
    await armQuiet(context, dataset, start.quietSeconds, newest);
    return { outcome: 'not quiet', dataset };
  }
  const listed: CaptureRef[] = parts.flatMap((part) => part.captures);
  if (listed.length === 0) return { outcome: 'nothing there', dataset };
  const { captures } = await grown(store, dataset, listed);
  const config = await jobConfig(store, dataset, jobOptions(start.options), CLOUD_SIZES);
  const source = { prefix: `s3://${bucket}/${prefix}`, by };
  const { job, state } = await submitJob(store, queue, config, captures, source);
  return { outcome: 'submitted', dataset, job, state, captures: captures.length };
}

/** The rejected starts of the last days, the newest first. */
export async function listRefusals(store: ObjectStore): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  for await (const { key } of store.list(REFUSALS_PREFIX)) {
    const refusal = await getJson<Refusal>(store, key);
    if (refusal !== undefined) refusals.push(refusal);
  }
  return refusals.reverse();
}
