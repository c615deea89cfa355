/** A pipeline on LocalStack, as tests use it. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findPipeline, type Pipeline } from '../../cli/cloud/pipeline.ts';
import { pipelineStackName } from '../../infra/names.ts';
import type { SettingTexts } from '../../infra/settings.ts';
import { readSettings } from '../../infra/settings.ts';
import { synthesize } from '../../infra/stacks/stacks.ts';
import { deployTemplate, destroyStack } from '../../localstack/deploy.ts';
import { type DeployedPipeline, deployPipeline, localSettings } from '../../localstack/pipeline.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { S3Store } from '../../shared/store/aws/s3store.ts';
import { CREDENTIALS, localStackFolder, REGION } from './running.ts';
import { hurry, POLLERS_END_MS, uniqueName, waitFor } from './stack.ts';

/** Functions that hang or die are noticed within seconds, not minutes. */
const QUICK: SettingTexts = { mostSeconds: '120', leaseSeconds: '5' };
/** Seconds for which a message stays hidden behind a function that was killed before it had said how long it needs. */
const HIDDEN_SECONDS = 15;
const DEPLOY_SECONDS = 300;

export interface Cloud extends Pipeline {
  endpoint: string;
  captures: S3Store;
  /** URLs by the name of the stage, and of `uploads`. */
  queueUrls: Record<string, string>;
}

async function cloudOf({ endpoint, stackName, outputs }: DeployedPipeline): Promise<Cloud> {
  const pipeline = await findPipeline(stackName, { endpoint, region: REGION, credentials: CREDENTIALS });
  const captures = new S3Store(pipeline.s3, pipeline.capturesBucket);
  const queueUrls = JSON.parse(outputs.Queues) as Record<string, string>;
  return { ...pipeline, endpoint, captures, queueUrls };
}

/** Makes the messages of a new pipeline come back soon when functions die. */
async function hurried(deployed: DeployedPipeline): Promise<DeployedPipeline> {
  const queueUrls = JSON.parse(deployed.outputs.Queues) as Record<string, string>;
  for (const stage of STAGE_ORDER) await hurry(deployed.endpoint, queueUrls[stage], HIDDEN_SECONDS);
  // LocalStack reads the timeout when a receive begins to wait: those that wait now would hide a message for minutes.
  await sleep(POLLERS_END_MS);
  return deployed;
}

/**
 * The one pipeline of a LocalStack: whichever test file needs it first deploys it, and it ends with LocalStack. Data
 * sets keep the tests apart.
 */
export async function sharedCloud(endpoint: string): Promise<Cloud> {
  const place = join(localStackFolder(), 'pipeline');
  const file = join(place, 'deployed.json');
  const isFirst = await mkdir(place).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const deployed = await hurried(await deployPipeline(endpoint, { name: uniqueName('shared'), ...QUICK }));
    await writeFile(file, JSON.stringify(deployed));
  }
  const deployed = async (): Promise<string | undefined> => (await readFile(file, 'utf8').catch(() => '')) || undefined;
  return cloudOf(JSON.parse(await waitFor('another test to deploy the pipeline', deployed, DEPLOY_SECONDS)));
}

/** A pipeline of a test's own. */
export interface OwnCloud extends Cloud {
  /** Folder of the assembly that it was deployed from. */
  assembly: string;
  /** Ends it, and removes the folder. */
  destroy(): Promise<void>;
}

export async function ownCloud(endpoint: string, name: string): Promise<OwnCloud> {
  const context = localSettings({ name: uniqueName(name), ...QUICK });
  const stackName = pipelineStackName(readSettings(context));
  const assembly = await mkdtemp(join(tmpdir(), 'flowstitch-assembly-'));
  const destroy = async (): Promise<void> => {
    await destroyStack({ endpoint, stackName });
    await rm(assembly, { recursive: true, force: true });
  };
  try {
    await synthesize(assembly, context);
    const outputs = await deployTemplate({ endpoint, stackName, assemblyFolder: assembly });
    return { ...(await cloudOf(await hurried({ endpoint, stackName, outputs }))), assembly, destroy };
  } catch (error) {
    await destroy();
    throw error;
  }
}
