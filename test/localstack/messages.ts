/** Messages of a pipeline on LocalStack: looked at without taking them, and sent once more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { listKey } from '../../shared/job/protocol/keys.ts';
import type { Stage, StageList } from '../../shared/job/protocol/stageresults.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import type { Cloud } from './cloud.ts';

export interface SeenMessage {
  stage: Stage;
  body: Record<string, unknown>;
}

const LOOK_MS = 100;

/** What LocalStack tells of a queue: the messages in it, those that a function works on too. */
export async function messagesIn({ endpoint, queueUrls }: Cloud, stage: Stage): Promise<SeenMessage[]> {
  const query = new URLSearchParams({ QueueUrl: queueUrls[stage], ShowInvisible: 'true' });
  const answer = await fetch(`${endpoint}/_aws/sqs/messages?${query}`, { headers: { accept: 'application/json' } });
  if (!answer.ok) throw new Error(`${stage}: ${answer.status} ${await answer.text()}`);
  const { ReceiveMessageResponse } = (await answer.json()) as {
    ReceiveMessageResponse: { ReceiveMessageResult: { Message: { Body: string } | { Body: string }[] } | null };
  };
  const found = [ReceiveMessageResponse.ReceiveMessageResult?.Message ?? []].flat();
  return found.map(({ Body }) => ({ stage, body: JSON.parse(Body) as Record<string, unknown> }));
}

/** Looks into the queues of all stages until it is stopped. */
export class Watcher {
  private readonly cloud: Cloud;
  private readonly seen = new Map<string, SeenMessage>();
  private readonly looking: Promise<void>;
  private stopped = false;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
    this.looking = this.look();
    // Whoever stops it hears of what went wrong.
    this.looking.catch(() => {});
  }

  private async look(): Promise<void> {
    while (!this.stopped) {
      for (const stage of STAGE_ORDER)
        for (const message of await messagesIn(this.cloud, stage)) this.seen.set(JSON.stringify(message), message);
      await sleep(LOOK_MS);
    }
  }

  /** @returns every message that was seen */
  async stop(): Promise<SeenMessage[]> {
    this.stopped = true;
    await this.looking;
    return [...this.seen.values()];
  }
}

/**
 * Sends every message of a job once more: those of each stage as soon as the stage has them.
 * @returns how many
 */
export async function doubleMessages({ work, queue }: Cloud, job: string, stop: AbortSignal): Promise<number> {
  let doubled = 0;
  for (const stage of STAGE_ORDER) {
    let list: StageList | undefined;
    while ((list = await getJson<StageList>(work, listKey(job, stage))) === undefined && !stop.aborted)
      await sleep(LOOK_MS);
    const messages = Array.from({ length: list?.tasks ?? 0 }, (_, task) => ({ job, stage, task }));
    await queue.send(messages, { again: true });
    doubled += messages.length;
  }
  return doubled;
}
