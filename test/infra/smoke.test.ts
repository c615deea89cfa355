/** Parts of the smoke test that need an account: Athena's answers, permissions that are missing, what is removed; against stand-ins. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, beforeEach, describe, test } from 'node:test';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { queryAthena } from '../../infra/smoke/athena.ts';
import { cleanUp } from '../../infra/smoke/cleanup.ts';
import { missingPermission } from '../../infra/smoke/permission.ts';
import { READING, storeError } from '../../shared/store/aws/s3errors.ts';
import { MemoryStore } from '../job/memorystore.ts';

/** States that a query goes through, the last one for ever, and what its rows are. */
let states: { State: string; StateChangeReason?: string }[] = [];
let refused: string | undefined;
const asked: { operation: string; input: Record<string, unknown> }[] = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const operation = String(request.headers['x-amz-target']).replace('AmazonAthena.', '');
  asked.push({ operation, input: JSON.parse(body) });
  if (refused !== undefined) {
    response.writeHead(400).end(JSON.stringify({ __type: 'AccessDeniedException', Message: refused }));
    return;
  }
  const row = (...values: (string | undefined)[]) => ({ Data: values.map((VarCharValue) => ({ VarCharValue })) });
  const answers: Record<string, () => object> = {
    StartQueryExecution: () => ({ QueryExecutionId: 'query-1' }),
    GetQueryExecution: () => ({ QueryExecution: { Status: states.length > 1 ? states.shift() : states[0] } }),
    GetQueryResults: () => ({ ResultSet: { Rows: [row('proto', 'state'), row('tcp', 'SF'), row('udp', undefined)] } }),
  };
  response.end(JSON.stringify(answers[operation]()));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
after(() => server.close());
process.env.AWS_ENDPOINT_URL_ATHENA = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const client = new CloudFormationClient({
  region: 'eu-west-1',
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
});
const question = { workgroup: 'lab', database: 'lab', sql: 'select 1' };

describe('a query by Athena', () => {
  beforeEach(() => {
    asked.length = 0;
    refused = undefined;
  });

  test('is started in the workgroup and database, waited for, and its rows are text or nothing', async () => {
    states = [{ State: 'QUEUED' }, { State: 'RUNNING' }, { State: 'SUCCEEDED' }];
    assert.deepEqual(await queryAthena(client, question, 1), [
      ['tcp', 'SF'],
      ['udp', null],
    ]);
    assert.deepEqual(asked[0].input, {
      QueryString: 'select 1',
      WorkGroup: 'lab',
      QueryExecutionContext: { Database: 'lab' },
    });
    const looks = asked.filter(({ operation }) => operation === 'GetQueryExecution');
    assert.deepEqual(
      looks.map(({ input }) => input.QueryExecutionId),
      ['query-1', 'query-1', 'query-1'],
    );
  });

  test('that fails is an error with Athena’s reason', async () => {
    states = [{ State: 'FAILED', StateChangeReason: 'TABLE_NOT_FOUND: line 1:15' }];
    await assert.rejects(queryAthena(client, question, 1), /query-1 has failed: TABLE_NOT_FOUND/);
  });

  test('that may not be asked is an error from which the permission is told', async () => {
    refused =
      'User: arn:aws:iam::123456789012:user/me is not authorized to perform: athena:StartQueryExecution on resource: arn:aws:athena:eu-west-1:123456789012:workgroup/lab';
    const error = await queryAthena(client, question, 1).then(
      () => assert.fail('it was asked'),
      (caught: Error) => caught,
    );
    assert.equal(
      missingPermission(error.message),
      'athena:StartQueryExecution on arn:aws:athena:eu-west-1:123456789012:workgroup/lab',
    );
  });
});

describe('the permission that is missing', () => {
  test('is told from the words of our stores too: an absent key that is answered with 403', () => {
    const answer = Object.assign(new Error('Forbidden'), { name: '403', $metadata: { httpStatusCode: 403 } });
    const { message, reason } = storeError(answer, 'work', 'smoke/absent', READING);
    assert.equal(reason, 'refused');
    assert.equal(missingPermission(message), 's3:GetObject');
    assert.match(message, /s3:ListBucket to distinguish missing objects/);
  });

  test('is told from Lake Formation’s, and from those of Athena’s failed queries', () => {
    assert.equal(
      missingPermission('AccessDeniedException: Insufficient Lake Formation permission(s): Required Alter on sessions'),
      "Lake Formation's Alter on sessions",
    );
    assert.equal(
      missingPermission(
        'User: arn:aws:sts::1:assumed-role/x/y is not authorized to perform: glue:GetTable on resource: arn:aws:glue:a:1:catalog because no',
      ),
      'glue:GetTable on arn:aws:glue:a:1:catalog',
    );
  });

  test('is none where the error is about something else', () => {
    assert.equal(missingPermission('the sessions of the two runs differ'), null);
  });
});

test('what one data set has left is removed, and nothing of others', async () => {
  const [captures, work, results] = [new MemoryStore(), new MemoryStore(), new MemoryStore()];
  const put = (store: MemoryStore, ...keys: string[]) =>
    Promise.all(keys.map((key) => store.put(key, new Uint8Array(1))));
  await put(captures, 'a.pcap', 'b.pcap');
  await put(
    work,
    'datasets/smoke/jobs/j1',
    'datasets/smoke/dataset.json',
    'jobs/j1/job.json',
    'behind/smoke',
    'running/smoke/j1/x',
  );
  await put(results, 'datasets/smoke/current.json', 'sessions/dataset=smoke/job=j1/dt=2024-01-01/part-0.parquet');
  const others = {
    work: ['datasets/smoke2/jobs/j2', 'jobs/j2/job.json', 'behind/smoke2', 'running/smoke2/j2/x', 'shards/x/y/0.arrow'],
    results: ['datasets/smoke2/current.json', 'sessions/dataset=smoke2/job=j2/part-0.parquet'],
  };
  await put(work, ...others.work);
  await put(results, ...others.results);
  await cleanUp({ captures, work, results }, 'smoke');
  assert.deepEqual([...captures.objects.keys()], []);
  assert.deepEqual([...work.objects.keys()].sort(), others.work.sort());
  assert.deepEqual([...results.objects.keys()].sort(), others.results.sort());
});
