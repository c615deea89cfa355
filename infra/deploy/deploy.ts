/**
 * `npm run deploy`: asks the account what it allows, bundles, synthesizes and deploys both stacks, and prints what to
 * type next. Arguments are passed to `cdk deploy`: settings as `-c name=value` (see
 * infra/settings.ts), `--profile`, `--require-approval never`.
 */

import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { isWide, STAGE_ORDER } from '../../shared/stage/stages.ts';
import { s3Client } from '../../shared/store/aws/s3client.ts';
import { pipelineStackName, workgroupName } from '../names.ts';
import type { Settings, SettingTexts } from '../settings.ts';
import {
  cloudFormation,
  contextOf,
  describeStack,
  requireBootstrap,
  runCdk,
  runCommand,
  settingsOf,
} from './command.ts';
import { accountConcurrency, alarmEmail, askUser, uploadEvents } from './preflight.ts';

async function deploy(given: string[]): Promise<number> {
  settingsOf(given);
  const client = cloudFormation(given);
  await requireBootstrap(client, given);
  const args = [...given, ...(await settled(client, given))];
  const settings = settingsOf(args);
  process.stdout.write(boundsText(settings));
  const code = await runCdk(['deploy', '--all', ...args]);
  if (code !== 0) return code;
  const stack = await describeStack(client, pipelineStackName(settings));
  const outputs = (stack?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]);
  process.stdout.write(nextSteps(Object.fromEntries(outputs), settings));
  return 0;
}

/** How many tasks will run at once, and why not more. */
export function boundsText(settings: Settings): string {
  const bounds = STAGE_ORDER.filter(isWide).map((stage) => `${settings[`${stage}Concurrency`]} of ${stage}`);
  return `Tasks at once: ${bounds.join(', ')}; this account allows ${settings.accountConcurrency} functions at once in this region.\n`;
}

/** Settings that the account or the user decides, as arguments. @throws CommandError, SettingsError where they cannot be had */
async function settled(client: CloudFormationClient, given: readonly string[]): Promise<string[]> {
  const context = contextOf(given);
  const settings = settingsOf(given);
  const stack = await describeStack(client, pipelineStackName(settings));
  const found: SettingTexts = {};
  if (context.accountConcurrency === undefined) found.accountConcurrency = String(await accountConcurrency(client));
  const uploads = await uploadEvents(s3Client({ attempts: 3 }), settings, 'uploadEvents' in context, stack?.StackId);
  found.uploadEvents = String(uploads.value);
  const mayAsk = process.stdin.isTTY && !given.includes('never');
  found.alarmEmail = await alarmEmail('alarmEmail' in context, stack, mayAsk ? askUser : undefined);
  if (uploads.note !== undefined) process.stdout.write(`${uploads.note}\n`);
  return Object.entries(found).flatMap(([name, value]) => (value === undefined ? [] : ['-c', `${name}=${value}`]));
}

/** The buckets, and what to type next. @param outputs of the pipeline stack */
export function nextSteps(outputs: Readonly<Record<string, string>>, settings: Settings): string {
  const { CapturesBucket, WorkBucket, ResultsBucket, CapturesReaders } = outputs;
  const stack = settings.name === 'flowstitch' ? '' : ` --stack ${pipelineStackName(settings)}`;
  const readers =
    CapturesReaders === undefined
      ? ''
      : `
If the bucket of captures, or its key, belongs to another account, its policy must let these roles read it:
  ${(JSON.parse(CapturesReaders) as string[]).join('\n  ')}
`;
  return `
Captures  s3://${CapturesBucket}
Work      s3://${WorkBucket}
Results   s3://${ResultsBucket}
${readers}
What to type next:
  npm run smoke${settings.name === 'flowstitch' ? '' : ` -- -c name=${settings.name}`}
  aws s3 cp captures/ s3://${CapturesBucket}/site-a/ --recursive
  npx flowstitch submit s3://${CapturesBucket}/site-a/ --wait${stack}
  npx flowstitch sql "SELECT proto, count(*) FROM sessions GROUP BY proto" --data s3://${ResultsBucket}/
${settings.localstack ? '' : `Or query with Athena: workgroup ${workgroupName(settings)}, database ${settings.database}.\n`}`;
}

if (import.meta.main) await runCommand(deploy);
