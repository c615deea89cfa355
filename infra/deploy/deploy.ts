/**
 * `npm run deploy`: bundles, synthesizes and deploys both stacks, and prints what to
 * type next. Arguments are passed to `cdk deploy`: settings as `-c name=value` (see
 * infra/settings.ts), `--profile`, `--require-approval never`.
 */

import { pipelineStackName, workgroupName } from '../names.ts';
import type { Settings } from '../settings.ts';
import { cloudFormation, describeStack, requireBootstrap, runCdk, runCommand, settingsOf } from './command.ts';

async function deploy(args: string[]): Promise<number> {
  const settings = settingsOf(args);
  const client = cloudFormation(args);
  await requireBootstrap(client, args);
  const code = await runCdk(['deploy', '--all', ...args]);
  if (code !== 0) return code;
  const stack = await describeStack(client, pipelineStackName(settings));
  const outputs = (stack?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]);
  process.stdout.write(nextSteps(Object.fromEntries(outputs), settings));
  return 0;
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
  aws s3 cp captures/ s3://${CapturesBucket}/site-a/ --recursive
  npx flowstitch submit s3://${CapturesBucket}/site-a/ --wait${stack}
  npx flowstitch sql "SELECT proto, count(*) FROM sessions GROUP BY proto" --data s3://${ResultsBucket}/
${settings.localstack ? '' : `Or query with Athena: workgroup ${workgroupName(settings)}, database ${settings.database}.\n`}`;
}

if (import.meta.main) await runCommand(deploy);
