/** A small SQS behind real HTTP: it takes messages, keeps them by queue, and writes down how long each is to stay hidden. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A message as a queue has it. */
export interface QueuedMessage {
  body: string;
  delaySeconds: number;
  /** The request's trace, by which AWS knows the invocations that led to the message. */
  trace: string | undefined;
}

interface Request {
  QueueUrl: string;
  Entries?: { Id: string; MessageBody: string }[];
  MessageBody?: string;
  DelaySeconds?: number;
  ReceiptHandle?: string;
  VisibilityTimeout?: number;
}

export class FakeSqs {
  /** Messages by the name of their queue, the last part of its URL. */
  readonly queues = new Map<string, QueuedMessage[]>();
  /** Changes of visibility, in order. */
  readonly hidden: { queue: string; receipt: string; seconds: number }[] = [];
  /** Calls, in order. */
  readonly actions: string[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', (text) => {
        body += text;
      });
      request.on('end', () => {
        const action = String(request.headers['x-amz-target']).replace('AmazonSQS.', '');
        response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
        response.end(
          JSON.stringify(
            this.answer(action, JSON.parse(body) as Request, request.headers['x-amzn-trace-id'] as string),
          ),
        );
      });
    });
  }

  static async start(): Promise<FakeSqs> {
    const fake = new FakeSqs();
    await new Promise<void>((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  url(queue: string): string {
    return `${this.endpoint}/000000000000/${queue}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** Takes all messages out of a queue. */
  take(queue: string): QueuedMessage[] {
    const messages = this.queues.get(queue) ?? [];
    this.queues.delete(queue);
    return messages;
  }

  private answer(action: string, request: Request, trace: string | undefined): object {
    this.actions.push(action);
    const keep = (body: string, delaySeconds: number): object => this.keep(queue, { body, delaySeconds, trace });
    const queue = request.QueueUrl.slice(request.QueueUrl.lastIndexOf('/') + 1);
    if (action === 'ChangeMessageVisibility') {
      this.hidden.push({ queue, receipt: request.ReceiptHandle ?? '', seconds: request.VisibilityTimeout ?? -1 });
      return {};
    }
    if (action === 'SendMessage') return keep(request.MessageBody ?? '', request.DelaySeconds ?? 0);
    if (action !== 'SendMessageBatch') throw new Error(`${action} is no call of Flowstitch's`);
    const entries = request.Entries ?? [];
    return {
      Successful: entries.map(({ Id, MessageBody }) => ({ Id, ...keep(MessageBody, 0) })),
      Failed: [],
    };
  }

  private keep(queue: string, message: QueuedMessage): object {
    this.queues.set(queue, [...(this.queues.get(queue) ?? []), message]);
    return { MessageId: '1', MD5OfMessageBody: createHash('md5').update(message.body).digest('hex') };
  }
}
