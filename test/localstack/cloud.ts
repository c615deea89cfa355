/** A pipeline on LocalStack, as tests use it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findPipeline, type Pipeline } from '../../cli/pipeline.ts';
import { destroyStack } from '../../localstack/deploy.ts';
import { type DeployedPipeline, deployPipeline, type SettingTexts } from '../../localstack/pipeline.ts';
import { STAGES } from '../../shared/job/keys.ts';
import { S3Store } from '../../shared/store/s3.ts';
import { CREDENTIALS, localStackFolder, REGION } from './running.ts';
import { hurry, uniqueName, waitFor } from './stack.ts';

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

async function deployCloud(endpoint: string, name: string): Promise<DeployedPipeline> {
  const deployed = await deployPipeline(endpoint, { name, ...QUICK });
  const urls = JSON.parse(deployed.outputs.Queues) as Record<string, string>;
  for (const stage of STAGES) await hurry(endpoint, urls[stage], HIDDEN_SECONDS);
  return deployed;
}

async function cloudOf({ endpoint, stackName, outputs }: DeployedPipeline): Promise<Cloud> {
  const pipeline = await findPipeline(stackName, { endpoint, region: REGION, credentials: CREDENTIALS });
  const captures = new S3Store(pipeline.s3, pipeline.capturesBucket);
  return { ...pipeline, endpoint, captures, queueUrls: JSON.parse(outputs.Queues) };
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
  if (isFirst) await writeFile(file, JSON.stringify(await deployCloud(endpoint, uniqueName('shared'))));
  const deployed = async (): Promise<string | undefined> => (await readFile(file, 'utf8').catch(() => '')) || undefined;
  return cloudOf(JSON.parse(await waitFor('another test to deploy the pipeline', deployed, DEPLOY_SECONDS)));
}

/** A pipeline of a test's own. */
export interface OwnCloud extends Cloud {
  /** Those it was deployed with. */
  settings: SettingTexts;
  destroy(): Promise<void>;
}

export async function ownCloud(endpoint: string, name: string): Promise<OwnCloud> {
  const cloud = await cloudOf(await deployCloud(endpoint, name));
  const destroy = (): Promise<void> => destroyStack({ endpoint, stackName: cloud.stack });
  return { ...cloud, settings: { name, ...QUICK }, destroy };
}
