/** A small EventBridge behind real HTTP: it remembers what was put and which rules were changed, and can be told to refuse. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An event as it was put. */
export interface PutEvent {
  Source: string;
  DetailType: string;
  /** JSON. */
  Detail: string;
}

export class FakeEvents {
  readonly events: PutEvent[] = [];
  /** Calls that change rules, in order, such as AWSEvents.EnableRule. */
  readonly changes: string[] = [];
  /** Events are not taken, each with this code. */
  refusal: string | undefined;
  /** Called before an event is taken. */
  before: () => void = () => {};
  private readonly server: Server;

  private constructor() {
    this.server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const answer = this.answer(String(request.headers['x-amz-target']), body);
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer));
    });
  }

  static async start(): Promise<FakeEvents> {
    const fake = new FakeEvents();
    await new Promise<void>((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private answer(target: string, body: string): object {
    if (target !== 'AWSEvents.PutEvents') {
      this.changes.push(target);
      return {};
    }
    this.before();
    const { Entries } = JSON.parse(body) as { Entries: PutEvent[] };
    if (this.refusal !== undefined)
      return { FailedEntryCount: Entries.length, Entries: Entries.map(() => ({ ErrorCode: this.refusal })) };
    this.events.push(...Entries);
    return { FailedEntryCount: 0, Entries: Entries.map((_, at) => ({ EventId: String(at) })) };
  }
}
