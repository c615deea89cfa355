/**
 * npm run demo:localstack: the pipeline's stack on LocalStack, from an upload to a query, and the tables beside those
 * of a run on this machine. AWS_ENDPOINT_URL names a LocalStack that runs; without it one is started and stopped.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareTables, DEMO_CAPTURES, flowstitch, ROOT } from '../infra/smoke/comparison.ts';
import { s3Client } from '../shared/store/aws/s3client.ts';
import { S3Store } from '../shared/store/aws/s3store.ts';
import { deployPipeline } from './pipeline.ts';
import { type LocalStack, startLocalStack } from './start.ts';

const DATASET = 'demo';
const SUMMARY =
  'select proto, count(*) as sessions, max(capture_count) as most_captures from sessions group by 1 order by 2 desc';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function upload(bucket: string): Promise<void> {
  const store = new S3Store(s3Client(), bucket);
  const names = await readdir(join(ROOT, DEMO_CAPTURES));
  for (const name of names) await store.put(`${DATASET}/${name}`, await readFile(join(ROOT, DEMO_CAPTURES, name)));
  say(`${names.length} captures are in s3://${bucket}/${DATASET}/`);
}

async function demo(endpoint: string, folder: string): Promise<void> {
  say('The functions are bundled, and the stack is deployed by CloudFormation ...');
  const { outputs, stackName } = await deployPipeline(endpoint);
  const { CapturesBucket, ResultsBucket } = outputs;
  say(`${stackName}: captures in s3://${CapturesBucket}, results in s3://${ResultsBucket}`);
  await upload(CapturesBucket);
  await flowstitch('submit', `s3://${CapturesBucket}/${DATASET}/`, '--wait', '--stack', stackName);
  await flowstitch('sql', SUMMARY, '--data', `s3://${ResultsBucket}/`, '--dataset', DATASET);
  say('');
  for (const line of await compareTables(`s3://${ResultsBucket}/`, DATASET, join(folder, 'results'))) say(line);
}

const given = process.env.AWS_ENDPOINT_URL;
const folder = await mkdtemp(join(tmpdir(), 'flowstitch-demo-'));
let localStack: LocalStack | undefined;
try {
  if (given === undefined) localStack = await startLocalStack({ onLog: say });
  const endpoint = given ?? localStack!.endpoint;
  // For this process and the commands that it starts. What is fetched goes with the demo.
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: process.env.AWS_REGION ?? 'us-east-1',
    AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID ?? 'test',
    AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY ?? 'test',
    XDG_CACHE_HOME: folder,
  });
  await demo(endpoint, folder);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  await localStack?.stop();
  await rm(folder, { recursive: true, force: true });
}
