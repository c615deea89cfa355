/** The pipeline's stack on LocalStack: the same that is deployed to AWS, synthesized with the settings that fit here. */
import { mkdtemp, rm } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipelineStackName } from '../infra/names.ts';
import { readSettings, type SettingTexts } from '../infra/settings.ts';
import { synthesize } from '../infra/stacks/stacks.ts';
import { deployTemplate } from './deploy.ts';

export interface DeployedPipeline {
  endpoint: string;
  stackName: string;
  /** The stack's outputs: CapturesBucket, WorkBucket, ResultsBucket, Queues, Version. */
  outputs: Record<string, string>;
}

/** Settings with which the stack fits here: functions run on this machine's processor, and the buckets go with the stack. */
export function localSettings(own: SettingTexts): Record<string, string> {
  const architecture = arch() === 'arm64' ? 'arm64' : 'x86_64';
  return { localstack: 'true', architecture, dataOnDestroy: 'delete', ...own };
}

/**
 * Bundles the functions, synthesizes the stack and deploys it, for the first time or once more.
 * destroyStack of deploy.ts removes it.
 * @param own settings that differ, e.g. `{name: 'mine', mostSeconds: '60'}`
 * @throws SettingsError for settings that cannot be used; Error with the resources that failed
 */
export async function deployPipeline(endpoint: string, own: SettingTexts = {}): Promise<DeployedPipeline> {
  const context = localSettings(own);
  const stackName = pipelineStackName(readSettings(context));
  const assemblyFolder = await mkdtemp(join(tmpdir(), 'flowstitch-assembly-'));
  try {
    await synthesize(assemblyFolder, context);
    return { endpoint, stackName, outputs: await deployTemplate({ endpoint, assemblyFolder, stackName }) };
  } finally {
    await rm(assemblyFolder, { recursive: true, force: true });
  }
}
