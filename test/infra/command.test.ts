/** What deploy and destroy say, and what they ask before: without an account. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { settingsOf } from '../../infra/deploy/command.ts';
import { boundsText, nextSteps } from '../../infra/deploy/deploy.ts';
import { readSettings } from '../../infra/settings.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const OUTPUTS = { CapturesBucket: 'captures-1', WorkBucket: 'work-1', ResultsBucket: 'results-1' };
const CREDENTIALS = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example' };

interface Ended {
  code: number | null;
  printed: string;
}

/** Runs a command with this environment and no other, in a home without a profile. */
async function run(command: string, args: string[], env: Record<string, string>): Promise<Ended> {
  const home = mkdtempSync(join(tmpdir(), 'flowstitch-home-'));
  try {
    const child = spawn(process.execPath, [join(ROOT, 'infra', 'deploy', command), ...args], {
      env: { PATH: process.env.PATH, HOME: home, AWS_EC2_METADATA_DISABLED: 'true', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    });
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
      });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, printed };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

interface CloudError {
  code: string;
  message: string;
}

const errorXml = ({ code, message }: CloudError): string =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;

/** Runs a command against a CloudFormation that answers every call with this error. */
function runAgainst(command: string, args: string[], error: CloudError): Promise<Ended> {
  return runOver(command, args, () => ({ status: 400, body: errorXml(error) }));
}

/** Runs a command against an AWS that answers so, by path and body of the request. */
async function runOver(
  command: string,
  args: string[],
  answer: (path: string, body: string) => { status: number; body: string },
): Promise<Ended> {
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { status, body } = answer(request.url ?? '', text);
    response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await run(command, args, { ...CREDENTIALS, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` });
  } finally {
    server.close();
  }
}

const absent = (stack: string) => ({ code: 'ValidationError', message: `Stack with id ${stack} does not exist` });

describe('deploy', () => {
  test('says that no region is set', async () => {
    const { code, printed } = await run('deploy.ts', [], {});
    assert.equal(code, 1);
    assert.match(printed, /^no region is set: set AWS_REGION/);
  });

  test('says that there are no credentials, and how to come by some', async () => {
    const { code, printed } = await run('deploy.ts', [], { AWS_REGION: 'eu-west-1' });
    assert.equal(code, 1);
    assert.match(printed, /^there are no AWS credentials: set AWS_PROFILE/);
  });

  test('says that credentials have expired', async () => {
    const error = { code: 'ExpiredToken', message: 'The security token included in the request is expired' };
    assert.match(
      (await runAgainst('deploy.ts', [], error)).printed,
      /^AWS rejected these credentials .*: log in again/,
    );
  });

  test('says that the account is not bootstrapped, and what to run', async () => {
    const { code, printed } = await runAgainst('deploy.ts', [], absent('CDKToolkit'));
    assert.equal(code, 1);
    assert.match(printed, /^this account is not prepared for the CDK in eu-west-1: run 'npx cdk bootstrap' once/);
  });

  test('refuses a setting that there is not, before it asks AWS anything', async () => {
    assert.match((await run('deploy.ts', ['-c', 'alarmMail=x'], {})).printed, /^there is no setting 'alarmMail'/);
  });

  describe('in an account that was bootstrapped, allows ten functions at once, and whose bucket notifies others', () => {
    const deploy = (...settings: string[]): Promise<Ended> =>
      runOver(
        'deploy.ts',
        settings.flatMap((setting) => ['-c', setting]),
        (path, body) => {
          if (path === '/2016-08-19/account-settings/')
            return { status: 200, body: '{"AccountLimit": {"UnreservedConcurrentExecutions": 10}}' };
          if (path.startsWith('/their-captures')) return { status: 200, body: NOTIFIED };
          const stack = new URLSearchParams(body).get('StackName') ?? '';
          return stack === 'CDKToolkit'
            ? { status: 200, body: BOOTSTRAPPED }
            : { status: 400, body: errorXml(absent(stack)) };
        },
      );
    const BOOTSTRAPPED = `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>CDKToolkit</StackName>
      <StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime></member></Stacks>
      </DescribeStacksResult></DescribeStacksResponse>`;
    const NOTIFIED = `<NotificationConfiguration><QueueConfiguration><Id>x</Id><Queue>arn:aws:sqs:eu-west-1:1:theirs</Queue>
      <Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>`;

    test('refuses more tasks at once than the account allows', async () => {
      const { code, printed } = await deploy('mapConcurrency=500');
      assert.equal(code, 1);
      assert.match(printed, /^mapConcurrency=500 cannot be used: .* this account allows 10 in this region/);
    });

    test('refuses a second notification of the same objects', async () => {
      const { code, printed } = await deploy('existingCaptures=their-captures', 'uploadEvents=true');
      assert.equal(code, 1);
      assert.match(printed, /^the bucket their-captures notifies arn:aws:sqs:eu-west-1:1:theirs .* Nothing was made/);
    });
  });

  test('says how many tasks run at once in the account', () => {
    assert.equal(
      boundsText(readSettings({ accountConcurrency: '10' })),
      'Tasks at once: 2 of map, 2 of merge, 2 of reduce, 2 of publish; this account allows 10 functions at once in this region.\n',
    );
  });

  test('ends with the buckets and the commands that come next', () => {
    const text = nextSteps(OUTPUTS, readSettings({}));
    assert.match(text, /aws s3 cp captures\/ s3:\/\/captures-1\/site-a\/ --recursive/);
    assert.match(text, /npx flowstitch submit s3:\/\/captures-1\/site-a\/ --wait\n/);
    assert.match(text, /--data s3:\/\/results-1\//);
    assert.match(text, /workgroup flowstitch, database flowstitch/);
    assert.doesNotMatch(text, /undefined|another account/);
  });

  test('names the stack in those commands when it is not the usual one, and the roles that read a bucket of others', () => {
    const readers = { CapturesReaders: '["arn:aws:iam::123456789012:role/plan"]' };
    const text = nextSteps({ ...OUTPUTS, ...readers }, readSettings({ name: 'lab' }));
    assert.match(text, /--wait --stack lab-pipeline\n/);
    assert.match(text, /npm run smoke -- -c name=lab\n/);
    assert.match(text, /another account.*\n {2}arn:aws:iam::123456789012:role\/plan\n/);
  });
});

describe('destroy', () => {
  test('says that there is nothing to remove', async () => {
    const { code, printed } = await runAgainst('destroy.ts', ['-c', 'name=lab'], absent('lab-pipeline'));
    assert.equal(code, 1);
    assert.match(printed, /^there is no stack lab-pipeline in eu-west-1: nothing was removed/);
  });
});

test('settings are taken from arguments as the CDK takes them', () => {
  const settings = settingsOf(['-c', 'name=lab', '--context', 'mapConcurrency=9', '--context=logDays=7', '--force']);
  assert.deepEqual([settings.name, settings.mapConcurrency, settings.logDays], ['lab', 9, 7]);
});
