/** The queue on SQS against a real implementation of it, LocalStack's: the contract, and FIFO's deduplication. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import {
  ChangeMessageVisibilityBatchCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { SqsQueue, sqsClient } from '../../shared/queue/sqs.ts';
import type { Delivery, TaskMessage } from '../../shared/queue/taskqueue.ts';
import { CREDENTIALS, localStackEndpoint, REGION, SKIPPED } from '../localstack/running.ts';
import { type FreshQueue, queueContract } from './contract.ts';

const endpoint = await localStackEndpoint();
if (endpoint === null) test('SQS on LocalStack', { skip: SKIPPED }, () => {});
else onLocalStack(sqsClient({ endpoint, region: REGION, credentials: CREDENTIALS }));

function onLocalStack(client: SQSClient): void {
  const urls: string[] = [];
  after(async () => {
    for (const QueueUrl of urls) await client.send(new DeleteQueueCommand({ QueueUrl }));
  });

  async function createQueue(suffix: string, Attributes: Record<string, string> = {}): Promise<string> {
    const QueueName = `flowstitch-test-${randomBytes(6).toString('hex')}${suffix}`;
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName, Attributes }));
    urls.push(QueueUrl);
    return QueueUrl;
  }

  const fresh = async (maxReceives: number): Promise<FreshQueue> => {
    const dead = await createQueue('-dead');
    const about = { QueueUrl: dead, AttributeNames: ['QueueArn' as const] };
    const { Attributes } = await client.send(new GetQueueAttributesCommand(about));
    const redrive = { deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: maxReceives };
    const map = await createQueue('', { VisibilityTimeout: '600', RedrivePolicy: JSON.stringify(redrive) });
    const receiver = new Receiver(client, map);
    return {
      queue: new SqsQueue(client, { map }),
      receive: () => receiver.receive(),
      dead: async () => (await receiveAll(client, dead)).map(({ message }) => message),
    };
  };
  // LocalStack takes ten milliseconds a request.
  queueContract('SQS on LocalStack', fresh, { messages: 600 });

  test('a FIFO queue deduplicates messages, unless they are sent again', async () => {
    const fifo = { FifoQueue: 'true', VisibilityTimeout: '600' };
    const url = await createQueue('.fifo', fifo);
    const queue = new SqsQueue(client, { plan: url });
    const message = (task: number): TaskMessage => ({ job: 'job', stage: 'plan', task });
    await queue.send([message(1), message(1), message(2)]);
    await queue.send([message(2)]);
    const tasks = async (): Promise<number[]> => {
      const deliveries = await receiveAll(client, url);
      return deliveries.map(({ message }) => message.task).sort();
    };
    assert.deepEqual(await tasks(), [1, 2]);
    await queue.send([message(1)]);
    assert.deepEqual(await tasks(), []);
    await queue.send([message(3)], { again: true });
    await queue.send([message(3)], { again: true });
    assert.deepEqual(await tasks(), [3, 3]);
  });

  test('ten thousand messages are sent in a reasonable time', async () => {
    const url = await createQueue('');
    const queue = new SqsQueue(client, { map: url });
    await queue.send(Array.from({ length: 10_000 }, (_, task) => ({ job: 'job', stage: 'map', task })));
    const name = 'ApproximateNumberOfMessages';
    const about = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [name] });
    assert.equal((await client.send(about)).Attributes?.[name], '10000');
  });
}

/** Receives all waiting messages, and acknowledges them. */
async function receiveAll(client: SQSClient, url: string): Promise<Delivery[]> {
  const receiver = new Receiver(client, url);
  const all: Delivery[] = [];
  for (let next = await receiver.receive(); next !== undefined; next = await receiver.receive()) {
    next.acknowledge();
    all.push(next);
  }
  return all;
}

/** Receives as Lambda's event source does, ten at a time; deliveries are settled at SQS before more are received. */
class Receiver {
  private readonly client: SQSClient;
  private readonly url: string;
  private waiting: Message[] = [];
  private acknowledged: string[] = [];
  private released: string[] = [];

  constructor(client: SQSClient, url: string) {
    this.client = client;
    this.url = url;
  }

  async receive(): Promise<Delivery | undefined> {
    if (this.waiting.length === 0) {
      await this.settle();
      const { Messages = [] } = await this.client.send(
        new ReceiveMessageCommand({
          QueueUrl: this.url,
          MaxNumberOfMessages: 10,
          MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        }),
      );
      this.waiting = Messages;
    }
    const next = this.waiting.shift();
    if (next === undefined) return undefined;
    const { Body = '', ReceiptHandle = '', Attributes } = next;
    let said = false;
    const say = (handles: string[]): void => {
      if (!said) handles.push(ReceiptHandle);
      said = true;
    };
    return {
      message: JSON.parse(Body) as TaskMessage,
      receives: Number(Attributes?.ApproximateReceiveCount),
      acknowledge: () => say(this.acknowledged),
      release: () => say(this.released),
    };
  }

  private async settle(): Promise<void> {
    const QueueUrl = this.url;
    const entries = (handles: string[]) => handles.map((ReceiptHandle, at) => ({ Id: String(at), ReceiptHandle }));
    while (this.acknowledged.length > 0) {
      const Entries = entries(this.acknowledged.splice(0, 10));
      await this.client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
    while (this.released.length > 0) {
      const Entries = entries(this.released.splice(0, 10)).map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
      await this.client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
    }
  }
}
