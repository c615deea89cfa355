/** Thousands of tiny captures in one job on LocalStack. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobStatus } from '../../../shared/control/status.ts';
import { sharedCloud } from '../cloud.ts';
import { assertAsEmbedded, committed, submit, upload } from '../jobs.ts';
import { localStackEndpoint, SKIPPED } from '../running.ts';
import { tinySamples } from '../samples.ts';
import { newPrefix } from '../stack.ts';

const endpoint = await localStackEndpoint();
const COUNT = 3000;
/** For the job alone. */
const MOST_SECONDS = 300;

test('3,000 tiny captures become the tables of the embedded run within minutes', {
  skip: endpoint === null ? SKIPPED : false,
}, async (t) => {
  const cloud = await sharedCloud(endpoint!);
  const since = performance.now();
  const lap = (what: string): void =>
    t.diagnostic(`${what} after ${((performance.now() - since) / 1000).toFixed(1)} s`);
  const prefix = newPrefix();
  const captures = await tinySamples(31, COUNT, (number) => `${prefix}${number % 100}/${number}`);
  await upload(cloud, captures);
  lap('uploaded');
  const { job } = await submit(cloud, prefix, {}, {});
  lap('submitted');
  await committed(cloud, job, MOST_SECONDS);
  lap('committed');
  const { stages, entry, requests } = await jobStatus(cloud.work, job);
  for (const { stage, tasks, lastEnd } of stages)
    t.diagnostic(`${stage}: ${tasks} tasks, done ${(lastEnd! - entry.submitted) / 1000} s after submission`);
  t.diagnostic(JSON.stringify(requests));
  await assertAsEmbedded(cloud, job, captures);
  lap('compared');
  assert.equal(entry.captures, COUNT);
});
