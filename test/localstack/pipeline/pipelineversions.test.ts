/** Another version of the software, deployed to LocalStack while a job runs: tasks of two versions never mix. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPipeline } from '../../../cli/cloud/pipeline.ts';
import { requireSameVersion } from '../../../cli/cloud/sameversion.ts';
import { deployTemplate } from '../../../localstack/deploy.ts';
import { listJobs } from '../../../shared/control/operate.ts';
import { jobStatus } from '../../../shared/control/status.ts';
import { loadJobFile } from '../../../shared/job/context.ts';
import { RELEASE } from '../../../shared/job/revisions.ts';
import { literal } from '../../literal.ts';
import { ownCloud } from '../cloud.ts';
import { assertAsEmbedded, committed, datasetOfPrefix, ended, putMarker, upload } from '../jobs.ts';
import { makeOtherVersion } from '../otherversion.ts';
import { CREDENTIALS, localStackEndpoint, REGION, SKIPPED } from '../running.ts';
import { demoSamples } from '../samples.ts';
import { feed, newPrefix, waitFor } from '../stack.ts';

const endpoint = (await localStackEndpoint()) ?? '';

test('another version deployed in mid-job: the job ends and says so, a new one runs to its end', {
  skip: endpoint === '' ? SKIPPED : false,
}, async () => {
  const cloud = await ownCloud(endpoint, 'versions');
  try {
    const prefix = newPrefix();
    const dataset = datasetOfPrefix(cloud, prefix);
    const captures = demoSamples(prefix);
    // Reduce tasks stay in their queue until the other version is there.
    await feed(endpoint, cloud.queueUrls.reduce, false);
    await upload(cloud, captures);
    await putMarker(cloud, prefix);
    const old = await waitFor('the job', async () => (await listJobs(cloud.work, dataset)).at(0));
    const status = () => jobStatus(cloud.work, old.job);
    await waitFor(
      'the reduce tasks',
      async () => (await status()).stages.find(({ stage }) => stage === 'reduce')?.sentAt ?? undefined,
    );

    const other = await makeOtherVersion(cloud.assembly);
    await deployTemplate({ endpoint, stackName: cloud.stack, assemblyFolder: cloud.assembly });
    assert.equal((await status()).state, 'running');
    await feed(endpoint, cloud.queueUrls.reduce, true);
    const { end, software, stages } = await ended(cloud, old.job);
    assert.equal(software, RELEASE);
    assert.ok(end?.state === 'failed' && end.stage === 'reduce', JSON.stringify(end));
    assert.match(
      end.reason,
      new RegExp(literal(`belongs to version ${RELEASE}; this is ${other}. Submit the job again`)),
    );
    const [reduce, publish] = stages.slice(stages.findIndex(({ stage }) => stage === 'reduce'));
    assert.deepEqual([reduce.ended, publish.tasks], [0, null]);
    for await (const { key } of cloud.results.list('')) assert.fail(`there is a result: ${key}`);

    const pipeline = await findPipeline(cloud.stack, { endpoint, region: REGION, credentials: CREDENTIALS });
    assert.throws(() => requireSameVersion(pipeline, 'submit'), new RegExp(literal(`has version ${other}`)));
    await putMarker(cloud, prefix);
    const fresh = await waitFor('a new job', async () =>
      (await listJobs(cloud.work, dataset)).find(({ job }) => job !== old.job),
    );
    const { reusedTasks } = await committed(cloud, fresh.job);
    assert.deepEqual([(await loadJobFile(cloud.work, fresh.job)).software, reusedTasks], [other, 0]);
    await assertAsEmbedded(cloud, fresh.job, captures);
  } finally {
    await cloud.destroy();
  }
});
