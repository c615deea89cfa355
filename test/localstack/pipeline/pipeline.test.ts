/** The pipeline, deployed to LocalStack: what it makes of captures is what the embedded run makes of them, and it reads no byte twice. */

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { listJobs } from '../../../shared/control/operate.ts';
import { jobStatus } from '../../../shared/control/status.ts';
import { CLOUD_SIZES } from '../../../shared/job/jobconfig.ts';
import { doneKey, inputsKey, listKey } from '../../../shared/job/protocol/keys.ts';
import type { Done, StageList } from '../../../shared/job/protocol/stageresults.ts';
import { accountedFor } from '../../../shared/job/summary.ts';
import { CAPTURE_HEAD_BYTES } from '../../../shared/stage/plan/heads.ts';
import { getJson } from '../../../shared/store/jsonobject.ts';
import { noCorpus } from '../../job/corpus.ts';
import { type Cloud, sharedCloud } from '../cloud.ts';
import { assertAsEmbedded, committed, datasetOfPrefix, putMarker, SMALL_SIZES, submit, upload } from '../jobs.ts';
import { Watcher } from '../messages.ts';
import { localStackEndpoint, SKIPPED } from '../running.ts';
import { corpusSamples, cutSamples, demoSamples, nastyKey } from '../samples.ts';
import { newPrefix, waitFor } from '../stack.ts';

const endpoint = await localStackEndpoint();

describe('the pipeline on LocalStack', { skip: endpoint === null ? SKIPPED : false }, () => {
  let cloud: Cloud;
  before(async () => {
    cloud = await sharedCloud(endpoint!);
  });

  const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0);

  const done = async (job: string, stage: 'plan' | 'map' | 'reduce'): Promise<Extract<Done, { ok: true }>> => {
    const found = await getJson<Done>(cloud.work, doneKey(job, stage, 0));
    assert.ok(found?.ok, `${stage} is done`);
    return found;
  };

  test('the demo’s captures, started by a marker, give the rows of the embedded run', async () => {
    const prefix = newPrefix();
    const captures = demoSamples(prefix);
    await upload(cloud, captures);
    const watcher = new Watcher(cloud);
    await putMarker(cloud, prefix, { packets: true });
    const { job } = await waitFor('the job', async () =>
      (await listJobs(cloud.work, datasetOfPrefix(cloud, prefix))).at(0),
    );
    const summary = await committed(cloud, job);
    const messages = await watcher.stop();

    await assertAsEmbedded(cloud, job, captures);
    assert.ok(summary.spanning > 10 && summary.packets > 2000, JSON.stringify(summary));
    assert.ok(new Set(messages.map(({ stage }) => stage)).size >= 3, 'messages of several stages were seen');
    const known = ['continued', 'first'];
    for (const { body } of messages)
      assert.deepEqual(
        Object.keys(body)
          .filter((name) => !known.includes(name))
          .sort(),
        ['job', 'stage', 'task'],
      );
  });

  test('raw bytes are read once, after a head of each, and the shuffle once', async () => {
    const prefix = newPrefix();
    const captures = demoSamples(prefix);
    await upload(cloud, captures);
    const { job } = await submit(cloud, prefix, {}, {});
    const { shuffleBytes, mapTasks, partitions } = await committed(cloud, job);
    const { requests } = await jobStatus(cloud.work, job);
    assert.deepEqual([mapTasks, partitions], [1, 1]);
    const size = async (key: string): Promise<number> => (await cloud.work.head(key))!.size;
    const specification = async (stage: 'map' | 'reduce'): Promise<number> => {
      const { specs } = (await getJson<StageList>(cloud.work, listKey(job, stage)))!;
      return (await size(listKey(job, stage))) + (await size(`${specs}0.json`));
    };
    const sizes = [...captures.values()].map(({ length }) => length);
    const read = async (stage: 'plan' | 'map' | 'reduce'): Promise<number> =>
      (await done(job, stage)).requests!.bytesRead;

    const heads = sum(sizes.map((bytes) => Math.min(bytes, CAPTURE_HEAD_BYTES)));
    assert.equal(await read('plan'), heads + (await size(inputsKey(job))));
    assert.equal(await read('map'), sum(sizes) + (await specification('map')));
    const shuffled = (await read('reduce')) - (await specification('reduce'));
    assert.ok(shuffled > 0 && shuffled <= shuffleBytes, `${shuffled} of ${shuffleBytes} shuffled bytes`);
    assert.ok(requests!.bytesRead >= heads + sum(sizes) + shuffled);
    const { embedded } = await assertAsEmbedded(cloud, job, captures);
    assert.equal(shuffleBytes, embedded.shuffleBytes);
  });

  test('captures under names that programs trip over are read and named as they are, their shards merged', async () => {
    const prefix = newPrefix();
    const captures = await cutSamples(7, 36, (number) => nastyKey(prefix, number));
    await upload(cloud, captures);
    const { job } = await submit(cloud, prefix, { packets: true }, { ...SMALL_SIZES, directReads: 0 });
    const { mapTasks, partitions, damaged, shuffleBytes } = await committed(cloud, job);
    assert.ok(mapTasks > 4 && partitions > 2, `${mapTasks} map tasks, ${partitions} partitions`);
    assert.ok((await getJson<StageList>(cloud.work, listKey(job, 'merge')))!.tasks > 0);
    assert.deepEqual(damaged, []);
    const { embedded } = await assertAsEmbedded(cloud, job, captures);
    assert.equal(shuffleBytes, embedded.shuffleBytes);
  });

  test('a hundred captures of all kinds, damaged and compressed ones among them', { skip: noCorpus }, async () => {
    const prefix = newPrefix();
    const captures = corpusSamples(100, (number) => nastyKey(prefix, number));
    await upload(cloud, captures);
    // They lie in many years, and a file never in two days.
    const sizes = { ...SMALL_SIZES, fileRows: CLOUD_SIZES.fileRows };
    const { job } = await submit(cloud, prefix, { packets: true, key: 'vlan' }, sizes);
    const { captures: count, damaged, conservation } = await committed(cloud, job);
    assert.equal(count, 100);
    assert.ok(damaged.length >= 10, `${damaged.length} damaged captures`);
    assert.equal(conservation.read, accountedFor(conservation));
    await assertAsEmbedded(cloud, job, captures);
  });
});
