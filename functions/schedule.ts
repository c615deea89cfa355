/** The watchdog's schedule: on while a job runs, off otherwise, so that an idle pipeline costs nothing. */
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { clientSettings } from '../shared/store/aws/awsclient.ts';

const rule = process.env.FLOWSTITCH_WATCHDOG;
/** What it is asked for is asked again by another invocation, if need be. */
export const eventBridge = new EventBridgeClient(clientSettings({ attempts: 4 }));

/** Turns the schedule on. */
export async function startWatchdog(): Promise<void> {
  if (rule !== undefined) await eventBridge.send(new EnableRuleCommand({ Name: rule }));
}

/** Turns the schedule off. */
export async function stopWatchdog(): Promise<void> {
  if (rule !== undefined) await eventBridge.send(new DisableRuleCommand({ Name: rule }));
}
