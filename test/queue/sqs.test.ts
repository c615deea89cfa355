/** The queue on SQS: what it sends, and that nothing is lost when SQS accepts only a part, or nothing. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { SqsQueue, sqsClient } from '../../shared/queue/sqs.ts';
import type { TaskMessage } from '../../shared/queue/taskqueue.ts';
import { countRequests, noRequests } from '../../shared/store/aws/requests.ts';

interface Entry {
  Id: string;
  MessageBody: string;
  MessageGroupId?: string;
  MessageDeduplicationId?: string;
}

/** What a request gets: an error for the whole of it, or for some of its messages. */
interface Fault {
  status?: number;
  code: string;
  fails?: (entry: Entry) => boolean;
  senderFault?: boolean;
}

/** A small SQS behind real HTTP that accepts batches. */
class FakeSqs {
  /** Accepted messages, by queue URL. */
  readonly taken = new Map<string, Entry[]>();
  readonly faults: Fault[] = [];
  requests = 0;
  /** Most requests in flight at once. */
  most = 0;
  endpoint = '';
  private underWay = 0;

  static async start(t: TestContext): Promise<FakeSqs> {
    const fake = new FakeSqs();
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (text) => {
        body += text;
      });
      fake.most = Math.max(fake.most, ++fake.underWay);
      request.on('end', () =>
        setTimeout(() => {
          fake.underWay--;
          const { status, answer } = fake.answer(JSON.parse(body));
          response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
          response.end(JSON.stringify(answer));
        }, 2),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    fake.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return fake;
  }

  private answer({ QueueUrl, Entries }: { QueueUrl: string; Entries: Entry[] }): { status: number; answer: unknown } {
    this.requests++;
    const { status, code, fails = () => false, senderFault = false } = this.faults.shift() ?? { code: '' };
    if (status !== undefined)
      return { status, answer: { __type: `com.amazonaws.sqs#${code}`, message: 'as the test wants' } };
    const Failed = Entries.filter(fails).map(({ Id }) => ({
      Id,
      Code: code,
      SenderFault: senderFault,
      Message: 'not now',
    }));
    const taken = Entries.filter((entry) => !fails(entry));
    this.taken.set(QueueUrl, [...(this.taken.get(QueueUrl) ?? []), ...taken]);
    const Successful = taken.map(({ Id, MessageBody }) => ({
      Id,
      MessageId: Id,
      MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex'),
    }));
    return { status: 200, answer: { Successful, Failed } };
  }

  /** Accepted tasks, in order. */
  tasks(url: string): number[] {
    return (this.taken.get(url) ?? []).map(({ MessageBody }) => JSON.parse(MessageBody).task).sort((a, b) => a - b);
  }
}

// Hosts that do not resolve: requests must go to the endpoint anyway.
const URLS = { map: 'http://sqs.nowhere.invalid/0/map', balance: 'http://sqs.nowhere.invalid/0/balance.fifo' };

async function start(t: TestContext) {
  const fake = await FakeSqs.start(t);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = sqsClient({ endpoint: fake.endpoint, region: 'us-east-1', credentials, attempts: 3 });
  return { fake, client, queue: new SqsQueue(client, URLS) };
}

const message = (task: number, stage = 'map'): TaskMessage => ({ job: 'abc123', stage, task });
const many = (count: number): TaskMessage[] => Array.from({ length: count }, (_, task) => message(task));

test('messages are sent in batches of ten, a few at a time, and each batch is counted as a request', async (t) => {
  const { fake, client, queue } = await start(t);
  const counts = noRequests();
  countRequests(client, counts);
  await queue.send(many(1005));
  assert.deepEqual(
    fake.tasks(URLS.map),
    many(1005).map(({ task }) => task),
  );
  assert.equal(fake.requests, 101);
  assert.equal(counts.sqs.send, 101);
  assert.ok(fake.most > 1 && fake.most <= 8, `${fake.most} at once`);
  await queue.send([]);
  assert.equal(fake.requests, 101);
});

test('a message has job, stage and task, how often the task went on and whether it is the first of its send; the job is its group', async (t) => {
  const { fake, queue } = await start(t);
  await queue.send([{ ...message(7), more: 'of it' } as TaskMessage]);
  assert.deepEqual(fake.taken.get(URLS.map), [
    { Id: '0', MessageBody: '{"job":"abc123","stage":"map","task":7,"first":true}', MessageGroupId: 'abc123' },
  ]);
});

test('in a FIFO queue a task is a group, and the same message has the same deduplication id unless sent again', async (t) => {
  const { fake, queue } = await start(t);
  await queue.send([message(0, 'balance'), message(1, 'balance')]);
  await queue.send([message(0, 'balance')]);
  await queue.send([message(0, 'balance')], { again: true });
  await queue.send([message(0, 'balance')], { again: true });
  const entries = fake.taken.get(URLS.balance) ?? [];
  assert.deepEqual(
    entries.map(({ MessageGroupId }) => MessageGroupId),
    ['abc123-balance-0', 'abc123-balance-1', 'abc123-balance-0', 'abc123-balance-0', 'abc123-balance-0'],
  );
  const [first, other, same, again, third] = entries.map(({ MessageDeduplicationId }) => MessageDeduplicationId);
  assert.equal(first, same);
  assert.equal(new Set([first, other, again, third]).size, 4);
});

test('a job with a long or odd name has a group id that SQS accepts', async (t) => {
  const { fake, queue } = await start(t);
  for (const job of ['j'.repeat(200), 'ä b'])
    await queue.send([
      { job, stage: 'map', task: 1 },
      { job, stage: 'balance', task: 1 },
    ]);
  const groups = [...(fake.taken.get(URLS.map) ?? []), ...(fake.taken.get(URLS.balance) ?? [])];
  for (const { MessageGroupId } of groups) assert.match(MessageGroupId ?? '', /^[0-9a-f]{64}$/);
  assert.equal(new Set(groups.map(({ MessageGroupId }) => MessageGroupId)).size, 4);
});

test('messages that SQS did not accept are sent again, and only those', async (t) => {
  const { fake, queue } = await start(t);
  const odd = ({ MessageBody }: Entry): boolean => JSON.parse(MessageBody).task % 2 === 1;
  fake.faults.push(
    { code: 'InternalError', fails: odd },
    { code: 'ThrottlingException', fails: () => true, senderFault: true },
  );
  await queue.send(many(10));
  assert.deepEqual(
    fake.tasks(URLS.map),
    many(10).map(({ task }) => task),
  );
  assert.equal(fake.requests, 3);
});

test('requests that are throttled or fail are retried', async (t) => {
  const { fake, queue } = await start(t);
  fake.faults.push({ status: 400, code: 'RequestThrottled' }, { status: 500, code: 'InternalFailure' });
  await queue.send(many(3));
  assert.deepEqual(fake.tasks(URLS.map), [0, 1, 2]);
});

test('messages that SQS rejects for good end in an error that says how many, and why', async (t) => {
  const { fake, queue } = await start(t);
  const third = ({ MessageBody }: Entry): boolean => JSON.parse(MessageBody).task === 3;
  fake.faults.push({ code: 'InvalidMessageContents', fails: third, senderFault: true });
  await assert.rejects(queue.send(many(10)), /1 of 10 messages were not sent: InvalidMessageContents: not now.*map/);
  assert.equal(fake.requests, 1);
  assert.equal(fake.tasks(URLS.map).length, 9);
});

test('the error of a queue that is gone or denied has a remedy, and no further batch is tried', async (t) => {
  const { fake, queue } = await start(t);
  for (let i = 0; i < 8; i++) fake.faults.push({ status: 400, code: 'QueueDoesNotExist' });
  await assert.rejects(queue.send(many(1000)), /1000 of 1000 messages .*QueueDoesNotExist.*redeployed/);
  assert.equal(fake.requests, 8);
  fake.faults.push({ status: 403, code: 'AccessDeniedException' });
  await assert.rejects(queue.send(many(1)), /1 of 1 messages .*sqs:SendMessage/);
});

test('a stage without a queue is an error before anything is sent', async (t) => {
  const { fake, queue } = await start(t);
  await assert.rejects(queue.send([message(1), message(1, 'dance')]), /there is no queue for stage 'dance'/);
  assert.equal(fake.requests, 0);
});
