/** Finding the deployed pipeline, and what is said when it is not to be found. */
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { findPipeline, type Pipeline } from '../../../cli/cloud/pipeline.ts';
import { requireSameVersion } from '../../../cli/cloud/sameversion.ts';
import { RELEASE } from '../../../shared/job/revisions.ts';
import { literal } from '../../literal.ts';
import { CREDENTIALS } from '../../store/fakes3.ts';
import { scratchFolder, startFlowstitch } from '../harness.ts';
import { type FakeStack, OUTPUTS, startFakeStack } from './fakestack.ts';

async function find(t: TestContext, stack: FakeStack, name?: string): Promise<Pipeline> {
  return findPipeline(name, { ...CREDENTIALS, endpoint: await startFakeStack(t, stack), attempts: 2 });
}

test('buckets and version are those of the stack that is named, in FLOWSTITCH_STACK, or by default', async (t) => {
  const { capturesBucket, resultsBucket, version, stack } = await find(t, { name: 'mine' }, 'mine');
  assert.deepEqual([capturesBucket, resultsBucket, version, stack], ['captures', 'results', RELEASE, 'mine']);
  assert.equal((await find(t, { name: 'flowstitch-pipeline' })).stack, 'flowstitch-pipeline');
  t.after(() => delete process.env.FLOWSTITCH_STACK);
  process.env.FLOWSTITCH_STACK = 'another';
  assert.equal((await find(t, { name: 'another' })).stack, 'another');
});

test('where there is no such stack it says where it looked, and what makes one', async (t) => {
  await assert.rejects(find(t, { name: 'other' }, 'mine'), {
    name: 'UsageError',
    message:
      /^there is no stack mine in us-east-1, the account of access key test.*: npm run deploy creates one\. .*--stack/,
  });
});

test('a stack that is not ready, or something else, is not taken for a pipeline', async (t) => {
  await assert.rejects(
    find(t, { name: 'mine', status: 'CREATE_IN_PROGRESS', outputs: {} }, 'mine'),
    /stack mine is not ready \(CREATE_IN_PROGRESS\): wait/,
  );
  await assert.rejects(
    find(t, { name: 'mine', status: 'ROLLBACK_COMPLETE', outputs: {} }, 'mine'),
    /not ready \(ROLLBACK_COMPLETE\).*npm run deploy/,
  );
  const { WorkBucket: _, ...outputs } = OUTPUTS;
  await assert.rejects(
    find(t, { name: 'mine', outputs }, 'mine'),
    /stack mine is not a Flowstitch pipeline: it has no output WorkBucket/,
  );
});

test('credentials that AWS does not take, or that may not look, are told with what helps', async (t) => {
  const cases: [string, RegExp][] = [
    ['ExpiredToken', /rejected these credentials; sign in again/],
    ['AccessDenied', /access denied; allow cloudformation:DescribeStacks \(as the test wants\)/],
    ['Throttling', /cannot look up stack mine: as the test wants/],
  ];
  for (const [code, message] of cases) {
    const error = { status: 400, code, message: 'as the test wants' };
    await assert.rejects(find(t, { name: 'mine', error }, 'mine'), message);
  }
});

test('another version than the one deployed must not submit', () => {
  requireSameVersion({ stack: 'mine', version: RELEASE }, 'submit');
  assert.throws(
    () => requireSameVersion({ stack: 'mine', version: '9.9.9' }, 'submit'),
    new RegExp(`cannot submit: stack mine has version 9\\.9\\.9 and this is ${literal(RELEASE)}.*npm run deploy`),
  );
});

test('without a region or credentials there is one sentence, and no stack trace', async (t) => {
  const none = {
    AWS_REGION: undefined,
    AWS_DEFAULT_REGION: undefined,
    AWS_PROFILE: undefined,
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_EC2_METADATA_DISABLED: 'true',
    HOME: scratchFolder(t),
  };
  const jobs = (env: NodeJS.ProcessEnv) => startFlowstitch(['jobs'], undefined, env);
  const [noRegion, noCredentials] = await Promise.all([jobs(none), jobs({ ...none, AWS_REGION: 'us-east-1' })]);
  assert.deepEqual([noRegion.code, noCredentials.code], [1, 1]);
  assert.match(
    noRegion.stderr,
    /^flowstitch: cannot look up stack flowstitch-pipeline: no region is set; set AWS_REGION[^\n]*\n$/,
  );
  assert.match(
    noCredentials.stderr,
    /^flowstitch: cannot look up stack [^\n]*there are no AWS credentials; sign in[^\n]*\n$/,
  );
});
