/** Starting the clean function of a pipeline. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { CLEANING_EVENT, EVENT_SOURCE } from '../../shared/control/jobended.ts';
import { type ClientOptions, clientSettings } from '../../shared/store/aws/awsclient.ts';

/** Tells the clean function of a stack that a cleaning is due. @throws Error when EventBridge does not take it */
export async function startCleaning(stack: string, options: ClientOptions): Promise<void> {
  const client = new EventBridgeClient(clientSettings(options));
  try {
    const Detail = JSON.stringify({ stack });
    const { FailedEntryCount, Entries } = await client.send(
      new PutEventsCommand({ Entries: [{ Source: EVENT_SOURCE, DetailType: CLEANING_EVENT, Detail }] }),
    );
    const { ErrorCode, ErrorMessage } = Entries?.[0] ?? {};
    if (FailedEntryCount !== 0)
      throw new Error(`the cleaning is noted, but was not started now: ${ErrorCode}: ${ErrorMessage}`);
  } finally {
    client.destroy();
  }
}
