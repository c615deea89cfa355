/**
 * Holding a message while its task is worked on. The queue hides a message for six
 * times the function's timeout, as it must so that no message is lost to throttling
 * before a function has begun. A function that has begun shortens that to a lease and renews
 * it: when its process dies the message comes again within a minute or two, not after hours.
 */
import { ChangeMessageVisibilityCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** Seconds for which a message stays hidden behind a process that has died. */
const LEASE_SECONDS = Number(process.env.FLOWSTITCH_LEASE_SECONDS ?? 90);
/** Seconds after which a message whose task failed is tried again: as many times that as it was tried. */
const RETRY_SECONDS = 5;

export class Lease {
  private readonly client: SQSClient;
  private readonly message: { QueueUrl: string; ReceiptHandle: string };
  private readonly timer: NodeJS.Timeout;
  /** Ends renewals that are under way: none is to come after what the lease's end has said. */
  private readonly stopper = new AbortController();

  constructor(client: SQSClient, queueUrl: string, receiptHandle: string) {
    this.client = client;
    this.message = { QueueUrl: queueUrl, ReceiptHandle: receiptHandle };
    const renew = (): void => void this.hideFor(LEASE_SECONDS, this.stopper.signal);
    this.timer = setInterval(renew, (LEASE_SECONDS * 1000) / 3);
    renew();
  }

  /** The task is done: whoever called the function removes the message. */
  end(): void {
    clearInterval(this.timer);
    this.stopper.abort();
  }

  /** The task failed: the message is to come again soon. @param receives how often it has come */
  async release(receives: number): Promise<void> {
    this.end();
    await this.hideFor(RETRY_SECONDS * receives);
  }

  /** A lease that cannot be renewed only makes for a second delivery, or a late one. */
  private async hideFor(seconds: number, abortSignal?: AbortSignal): Promise<void> {
    const command = new ChangeMessageVisibilityCommand({ ...this.message, VisibilityTimeout: seconds });
    await this.client.send(command, { abortSignal }).catch(() => undefined);
  }
}
