/** What deploy asks an account before it makes anything, and what it makes of the answers: against a small AWS in this process. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, beforeEach, describe, test } from 'node:test';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { AwsError, awsRequest } from '../../infra/deploy/awsrequest.ts';
import { accountConcurrency, alarmEmail, otherListeners, uploadEvents } from '../../infra/deploy/preflight.ts';
import { readSettings, type Settings } from '../../infra/settings.ts';
import { s3Client } from '../../shared/store/aws/s3client.ts';

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body: string;
}

/** Answers in order; the last one stays. */
let answers: Answer[] = [];
const seen: { method?: string; url?: string; headers: IncomingMessage['headers']; body: string }[] = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  seen.push({ method: request.method, url: request.url, headers: request.headers, body });
  const { status = 200, headers = {}, body: answer } = answers.length > 1 ? answers.shift()! : answers[0];
  response.writeHead(status, headers).end(answer);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
after(() => server.close());
beforeEach(() => {
  seen.length = 0;
});

const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
process.env.AWS_ENDPOINT_URL_LAMBDA = endpoint;
process.env.AWS_ENDPOINT_URL_ATHENA = endpoint;
const config = { region: 'eu-west-1', credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' } };
const client = new CloudFormationClient(config);
const s3 = s3Client({ ...config, endpoint, attempts: 1 });

const denied: Answer = {
  status: 403,
  headers: { 'x-amzn-errortype': 'AccessDeniedException:http://internal.amazon.com/' },
  body: '{"Message": "User is not authorized to perform: lambda:GetAccountSettings"}',
};

describe('a request to AWS', () => {
  test('is signed for its service and region, and carries the operation and its input', async () => {
    answers = [{ body: '{"QueryExecutionId": "q"}' }];
    const operation = 'AmazonAthena.StartQueryExecution';
    assert.deepEqual(await awsRequest(client, { service: 'athena', operation, input: { QueryString: 'select 1' } }), {
      QueryExecutionId: 'q',
    });
    const [{ method, headers, body }] = seen;
    assert.equal(method, 'POST');
    assert.equal(headers['x-amz-target'], operation);
    assert.deepEqual(JSON.parse(body), { QueryString: 'select 1' });
    assert.match(
      headers.authorization!,
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/athena\/aws4_request, SignedHeaders=.*host.*x-amz-target/,
    );
  });

  test('is made again when it is throttled, and not when it is refused', async () => {
    answers = [{ status: 429, body: '{"__type": "TooManyRequestsException"}' }, { body: '{}' }];
    assert.deepEqual(await awsRequest(client, { service: 'lambda' }), {});
    assert.equal(seen.length, 2);
    answers = [denied];
    await assert.rejects(
      awsRequest(client, { service: 'lambda' }),
      (error) =>
        error instanceof AwsError && error.code === 'AccessDeniedException' && /not authorized/.test(error.message),
    );
    assert.equal(seen.length, 3);
  });

  test('that no service answers is an error with what came instead', async () => {
    answers = [{ status: 404, body: '<html>not here</html>' }];
    await assert.rejects(awsRequest(client, { service: 'lambda' }), /<html>not here/);
  });
});

describe('the concurrency of the account', () => {
  test('is what functions without a reserve may use', async () => {
    answers = [{ body: '{"AccountLimit": {"ConcurrentExecutions": 50, "UnreservedConcurrentExecutions": 10}}' }];
    assert.equal(await accountConcurrency(client), 10);
    assert.equal(seen[0].url, '/2016-08-19/account-settings/');
  });

  test('that may not be asked is an error with the permission and the setting', async () => {
    answers = [denied];
    await assert.rejects(accountConcurrency(client), /allow lambda:GetAccountSettings, or .*-c accountConcurrency=/);
  });
});

const STACK = 'arn:aws:cloudformation:eu-west-1:123456789012:stack/flowstitch-pipeline/0a1b';
const THEIRS = 'arn:aws:sns:eu-west-1:123456789012:theirs';

describe('the notifications of an existing bucket', () => {
  const settings = (own: Record<string, string> = {}): Settings =>
    readSettings({ existingCaptures: 'their-captures', ...own });
  const xml = (inner: string): Answer => ({
    body: `<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</NotificationConfiguration>`,
  });
  const topic = (event: string): Answer =>
    xml(`<TopicConfiguration><Id>x</Id><Topic>${THEIRS}</Topic><Event>${event}</Event></TopicConfiguration>`);

  test('are in our way when they are of new objects, under whatever prefix; ours and those of removals are not', () => {
    const created = ['s3:ObjectCreated:Put' as const];
    assert.deepEqual(
      otherListeners(
        {
          QueueConfigurations: [
            { Id: `${STACK}-123`, QueueArn: 'ours', Events: ['s3:ObjectCreated:*'] },
            {
              Id: 'a',
              QueueArn: 'queue',
              Events: created,
              Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'x' }] } },
            },
          ],
          TopicConfigurations: [{ Id: 'b', TopicArn: 'topic', Events: ['s3:ObjectRemoved:*'] }],
          LambdaFunctionConfigurations: [{ Id: 'c', LambdaFunctionArn: 'function', Events: created }],
        },
        STACK,
      ),
      ['queue', 'function'],
    );
  });

  test('leave room for ours: uploads come by a notification', async () => {
    answers = [topic('s3:ObjectRemoved:*')];
    assert.deepEqual(await uploadEvents(s3, settings(), false, undefined), { value: true });
  });

  test('overlap: uploads come over EventBridge, and that is said', async () => {
    answers = [topic('s3:ObjectCreated:*')];
    const { value, note } = await uploadEvents(s3, settings(), false, undefined);
    assert.equal(value, 'eventbridge');
    assert.match(note!, new RegExp(`their-captures notifies ${THEIRS} .* through EventBridge`));
  });

  test('overlap although a notification was asked for: refused before anything is made', async () => {
    answers = [topic('s3:ObjectCreated:*')];
    await assert.rejects(
      uploadEvents(s3, settings(), true, undefined),
      /-c uploadEvents=eventbridge.*Nothing was made/,
    );
  });

  test('are not looked at where uploads come otherwise, or into a bucket of our own', async () => {
    const given = { uploadEvents: 'eventbridge' };
    assert.deepEqual(await uploadEvents(s3, settings(given), true, undefined), { value: 'eventbridge' });
    assert.deepEqual(await uploadEvents(s3, settings({ uploadEvents: 'false' }), true, undefined), { value: false });
    assert.deepEqual(await uploadEvents(s3, readSettings({}), false, undefined), { value: true });
    assert.deepEqual(seen, []);
  });

  test('of a bucket that is not there, is elsewhere or may not be looked at: said before anything is made', async () => {
    const error = (status: number, code: string): Answer => ({
      status,
      body: `<Error><Code>${code}</Code><Message>as the test wants</Message></Error>`,
    });
    for (const [answer, words] of [
      [error(404, 'NoSuchBucket'), /there is no bucket their-captures: .*Nothing was made/],
      [error(301, 'PermanentRedirect'), /their-captures is in another region/],
      [error(403, 'AccessDenied'), /allow s3:GetBucketNotification, or .*uploadEvents=eventbridge/],
    ] as const) {
      answers = [answer];
      await assert.rejects(uploadEvents(s3, settings(), false, undefined), words);
    }
  });
});

describe('the address of alarms', () => {
  const asked: string[] = [];
  const answering =
    (answer: string) =>
    async (question: string): Promise<string> => {
      asked.push(question);
      return answer;
    };
  beforeEach(() => {
    asked.length = 0;
  });
  const stack = (Outputs: { OutputKey: string; OutputValue: string }[]) => ({
    StackName: 'flowstitch-pipeline',
    CreationTime: new Date(0),
    StackStatus: 'CREATE_COMPLETE' as const,
    Outputs,
  });

  test('is asked for at the terminal; none is an answer too', async () => {
    assert.equal(await alarmEmail(false, undefined, answering(' me@example.org ')), 'me@example.org');
    assert.match(asked[0], /E-mail address for alarms/);
    const none = await alarmEmail(false, undefined, answering(''));
    assert.equal(readSettings({ alarmEmail: none }).alarmEmail, undefined);
  });

  test('stays what it was at the next deployment, also none, and is not asked for again', async () => {
    const before = stack([{ OutputKey: 'AlarmEmail', OutputValue: 'me@example.org' }]);
    assert.equal(await alarmEmail(false, before, answering('other@example.org')), 'me@example.org');
    const without = stack([{ OutputKey: 'WorkBucket', OutputValue: 'work' }]);
    assert.equal(await alarmEmail(false, without, answering('other@example.org')), undefined);
    assert.deepEqual(asked, []);
  });

  test('is asked for again after a first deployment that failed', async () => {
    assert.equal(await alarmEmail(false, stack([]), answering('me@example.org')), 'me@example.org');
  });

  test('is not asked for when it is given, or where nobody can answer', async () => {
    assert.equal(await alarmEmail(true, undefined, answering('other@example.org')), undefined);
    assert.equal(await alarmEmail(false, undefined, undefined), undefined);
    assert.deepEqual(asked, []);
  });
});
