/** A job on LocalStack that is cancelled half way, and goes on. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelText } from '../../../cli/commands/cancel.ts';
import { resumeText } from '../../../cli/commands/resume.ts';
import { jobStatus, stageAt } from '../../../shared/control/status.ts';
import { type Cloud, sharedCloud } from '../cloud.ts';
import { assertAsEmbedded, committed, submit, upload } from '../jobs.ts';
import { messagesIn } from '../messages.ts';
import { localStackEndpoint, SKIPPED } from '../running.ts';
import { cutSamples } from '../samples.ts';
import { newPrefix, waitFor } from '../stack.ts';

const endpoint = await localStackEndpoint();
const TASKS = 40;
/** A stage begins within a moment of the last end of the stage before. */
const A_MOMENT_MS = 2000;

describe('a cancelled job on LocalStack', { skip: endpoint === null ? SKIPPED : false }, () => {
  let cloud: Cloud;
  before(async () => {
    cloud = await sharedCloud(endpoint!);
  });

  test('stops in the middle of a stage and says what remains; resumed, it makes the same tables', async () => {
    const prefix = newPrefix();
    const captures = await cutSamples(21, TASKS, (number) => `${prefix}${number}`);
    await upload(cloud, captures);
    const { job } = await submit(cloud, prefix, { packets: true }, { taskBytes: 1 });
    const status = () => jobStatus(cloud.work, job);
    await waitFor('some map tasks', async () => (await status()).stages[1].ended > 2 || undefined);
    const told = await cancelText(cloud.work, cloud.queue, job);
    assert.match(told, /is cancelled; .* Remaining: map \d+ of \d+ tasks, then balance/);

    await waitFor('the queue to be empty', async () => (await messagesIn(cloud, 'map')).length === 0 || undefined);
    await sleep(A_MOMENT_MS);
    const stopped = await status();
    const { stage, tasks, ended } = stageAt(stopped);
    assert.deepEqual([stopped.state, stage, tasks], ['cancelled', 'map', captures.size]);
    assert.ok(ended < captures.size, `${ended} of ${tasks} map tasks had ended`);
    assert.deepEqual(stopped.failures, []);

    const { state } = await resumeText(cloud.work, cloud.queue, job);
    assert.equal(state, 'began');
    await committed(cloud, job);
    await assertAsEmbedded(cloud, job, captures);
  });
});
