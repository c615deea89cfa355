/**
 * Requests that functions made for a job, counted by delivery of a message: with what came before the task's work and
 * after its end, and of attempts that failed. A delivery's counts are in the name of an empty object, so that a listing
 * is enough to add them up. A process that is killed leaves none.
 */
import { randomBytes } from 'node:crypto';
import type { ObjectStore } from '../../store/objectstore.ts';
import { requestsPrefix } from './keys.ts';
import type { RequestTotals } from './stageresults.ts';

/** The difference of two totals of one process, the later one second. */
export function requestsSince(before: RequestTotals, now: RequestTotals): RequestTotals {
  const since: RequestTotals = {};
  for (const [kind, count] of Object.entries(now)) since[kind] = count - (before[kind] ?? 0);
  return since;
}

/** Writes what a delivery cost. @param counts without the one request that this makes */
export async function writeRequests(store: ObjectStore, job: string, counts: RequestTotals): Promise<void> {
  const all = { ...counts, 's3.put': (counts['s3.put'] ?? 0) + 1 };
  const name = Object.entries(all)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${kind}=${count}`)
    .join('_');
  await store.put(`${requestsPrefix(job)}${randomBytes(6).toString('hex')}/${name}`, new Uint8Array(0));
}

/** Requests of all deliveries so far, by kind, and bytes moved; undefined where they are not counted. */
export async function jobRequests(store: ObjectStore, job: string): Promise<RequestTotals | undefined> {
  let totals: RequestTotals | undefined;
  for await (const { key } of store.list(requestsPrefix(job))) {
    totals ??= {};
    for (const pair of key.slice(key.lastIndexOf('/') + 1).split('_')) {
      const [kind, count] = pair.split('=');
      totals[kind] = (totals[kind] ?? 0) + Number(count);
    }
  }
  return totals;
}
