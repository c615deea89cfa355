/**
 * Task queue on SQS: one queue a stage. It only sends: Lambda's event source mapping receives, and deletes the messages
 * of a handler that returned without an error.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  type BatchResultErrorEntry,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { backOff, type ClientOptions, clientSettings, hasOwnEndpoint } from '../store/aws/awsclient.ts';
import { inParallel } from '../store/inparallel.ts';
import type { TaskMessage, TaskQueue } from './taskqueue.ts';

/** Most messages of one request. */
const BATCH = 10;
/** Requests in flight at once. */
const PARALLEL = 8;
/**
 * Most times that a message is sent again after SQS reported it as failed; the client itself retries requests without a
 * response.
 */
const MOST_ATTEMPTS = 8;
/** Most characters of a message group id or a deduplication id. */
const ID_CHARACTERS = 128;

/** A client of SQS. */
export function sqsClient(options: ClientOptions = {}): SQSClient {
  return new SQSClient({
    ...clientSettings(options),
    // With another endpoint than AWS's, the host in a queue's URL may not resolve.
    useQueueUrlAsEndpoint: !hasOwnEndpoint('SQS', options),
  });
}

export class SqsQueue implements TaskQueue {
  private readonly client: SQSClient;
  private readonly urls: Readonly<Record<string, string>>;

  /** @param urls of each stage's queue; one that ends in `.fifo` deduplicates messages within five minutes */
  constructor(client: SQSClient, urls: Readonly<Record<string, string>>) {
    this.client = client;
    this.urls = urls;
  }

  /**
   * The first message to each queue is marked: the function that gets it switches the watchdog on, so that who sends
   * needs no permission to.
   * In a standard queue the job is the message group: SQS serves the groups in turn (fair queues), so that a small job
   * need not wait for all of a large one. In a FIFO queue each task is a group of its own, so that no task waits for
   * another.
   * @throws Error that says how many messages were not sent, and SQS's reason; the others were sent
   */
  async send(messages: readonly TaskMessage[], options: { again?: boolean } = {}): Promise<void> {
    const batches: { url: string; messages: readonly TaskMessage[] }[] = [];
    for (const [stage, ofStage] of Map.groupBy(messages, ({ stage }) => stage)) {
      const url = this.urls[stage];
      if (url === undefined) throw new Error(`there is no queue for stage '${stage}': nothing was sent`);
      const marked = ofStage.map((message, at): TaskMessage => (at === 0 ? { ...message, first: true } : message));
      for (let from = 0; from < marked.length; from += BATCH)
        batches.push({ url, messages: marked.slice(from, from + BATCH) });
    }
    let sent = 0;
    await inParallel(batches, PARALLEL, async ({ url, messages: some }) => {
      const { left, reason } = await this.sendBatch(url, entriesOf(url, some, options.again ?? false));
      sent += some.length - left;
      if (left > 0) throw new Error(`${reason} (${url})`);
    }).catch(({ message }: Error) => {
      throw new Error(`${messages.length - sent} of ${messages.length} messages were not sent: ${message}`);
    });
  }

  /** Sends up to ten messages, and sends those that failed again. */
  private async sendBatch(
    QueueUrl: string,
    entries: readonly SendMessageBatchRequestEntry[],
  ): Promise<{ left: number; reason: string }> {
    let left = entries;
    for (let attempt = 1; ; attempt++) {
      let failed: BatchResultErrorEntry[];
      try {
        failed = (await this.client.send(new SendMessageBatchCommand({ QueueUrl, Entries: [...left] }))).Failed ?? [];
      } catch (error) {
        return { left: left.length, reason: sentence(error) };
      }
      if (failed.length === 0) return { left: 0, reason: '' };
      const ids = new Set(failed.map(({ Id }) => Id));
      left = left.filter(({ Id }) => ids.has(Id));
      const lasting = failed.find(({ SenderFault, Code }) => SenderFault === true && !/thrott/i.test(Code ?? ''));
      if (lasting !== undefined || attempt >= MOST_ATTEMPTS) {
        const { Code, Message } = lasting ?? failed[0];
        return { left: left.length, reason: `${Code}: ${Message ?? 'no reason given'}` };
      }
      await backOff(attempt);
    }
  }
}

function entriesOf(url: string, messages: readonly TaskMessage[], again: boolean): SendMessageBatchRequestEntry[] {
  const fifo = url.endsWith('.fifo');
  return messages.map(({ job, stage, task, continued, first }, at) => {
    const body = JSON.stringify({ job, stage, task, continued, first } satisfies TaskMessage);
    const entry: SendMessageBatchRequestEntry = { Id: String(at), MessageBody: body };
    if (!fifo) return { ...entry, MessageGroupId: groupId(job) };
    return {
      ...entry,
      MessageGroupId: groupId(`${job}-${stage}-${task}`),
      // Whichever of them was the first of its sending.
      MessageDeduplicationId: again ? randomUUID() : digest(JSON.stringify({ job, stage, task, continued })),
    };
  });
}

/** The text if SQS accepts it as a message group id, its digest otherwise. */
function groupId(text: string): string {
  return text.length <= ID_CHARACTERS && /^[\w-]+$/.test(text) ? text : digest(text);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const REMEDIES: Record<string, string> = {
  QueueDoesNotExist: 'there is no such queue; was the stack removed or redeployed?',
  AccessDenied: 'allow sqs:SendMessage on the queue in the policy of the role',
};

function sentence(error: unknown): string {
  const { name, message } = error as Error;
  const remedy = Object.entries(REMEDIES).find(([code]) => name.includes(code))?.[1];
  return `${name}: ${message}${remedy === undefined ? '' : `; ${remedy}`}`;
}
