/**
 * Keeps a message hidden while its task runs. The queue's visibility timeout is six
 * times the function's timeout, which is required so that no message is lost to throttling
 * before a function has started. A function that has started shortens it to a lease and renews
 * that: when its process dies, the message is delivered again within a minute or two, not after hours.
 */
import { ChangeMessageVisibilityCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** Seconds for which a message stays hidden after its process has died. */
const LEASE_SECONDS = Number(process.env.FLOWSTITCH_LEASE_SECONDS ?? 90);
/** Seconds until the message of a failed task is delivered again, times the number of its attempts. */
const RETRY_SECONDS = 5;

export class Lease {
  private readonly client: SQSClient;
  private readonly message: { QueueUrl: string; ReceiptHandle: string };
  private readonly timer: NodeJS.Timeout;
  /** Aborts renewals that are under way: none may arrive after the lease's last request. */
  private readonly stopper = new AbortController();

  constructor(client: SQSClient, queueUrl: string, receiptHandle: string) {
    this.client = client;
    this.message = { QueueUrl: queueUrl, ReceiptHandle: receiptHandle };
    const renew = (): void => void this.hideFor(LEASE_SECONDS, this.stopper.signal);
    this.timer = setInterval(renew, (LEASE_SECONDS * 1000) / 3);
    renew();
  }

  /** The task is done: Lambda removes the message. */
  end(): void {
    clearInterval(this.timer);
    this.stopper.abort();
  }

  /** The task failed: the message is to be delivered again soon. @param receives how often it was delivered */
  async release(receives: number): Promise<void> {
    this.end();
    await this.hideFor(RETRY_SECONDS * receives);
  }

  /** Failures are ignored: a lease that cannot be renewed only causes a second delivery, or a late one. */
  private async hideFor(seconds: number, abortSignal?: AbortSignal): Promise<void> {
    const command = new ChangeMessageVisibilityCommand({ ...this.message, VisibilityTimeout: seconds });
    await this.client.send(command, { abortSignal }).catch(() => undefined);
  }
}
