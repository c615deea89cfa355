/**
 * npm run demo:localstack: the pipeline's stack on LocalStack, from an upload to a query, and the tables beside those
 * of a run on this machine. AWS_ENDPOINT_URL names a LocalStack that runs; without it one is started and stopped.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { currentJob, queryJob } from '../cli/sql/newestresults.ts';
import { S3Results } from '../cli/sql/s3results.ts';
import { formatJson } from '../shared/query/resulttext.ts';
import { s3Client } from '../shared/store/aws/s3client.ts';
import { S3Store } from '../shared/store/aws/s3store.ts';
import { deployPipeline } from './pipeline.ts';
import { type LocalStack, startLocalStack } from './start.ts';

const ROOT = join(import.meta.dirname, '..');
const CAPTURES = 'test/captures/demo';
const DATASET = 'demo';
const SUMMARY =
  'select proto, count(*) as sessions, max(capture_count) as most_captures from sessions group by 1 order by 2 desc';

/** Every row of a table; captures by the last part of their names, since one run names files and the other objects. */
const ROWS = {
  sessions: `select * replace (regexp_extract(capture_first, '[^/]*$') as capture_first,
    regexp_extract(capture_last, '[^/]*$') as capture_last) from sessions order by ts_ns, uid`,
  captures: `select * exclude (version) replace (regexp_extract(capture, '[^/]*$') as capture) from captures order by capture`,
  anomalies: `select * replace (regexp_extract(capture, '[^/]*$') as capture) from anomalies order by all`,
};

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Runs a command of flowstitch as a person would, and shows it. @throws Error when it fails */
async function flowstitch(...args: string[]): Promise<void> {
  say(`\n$ flowstitch ${args.map((arg) => (/\s/.test(arg) ? `"${arg}"` : arg)).join(' ')}`);
  const main = `import('${join(ROOT, 'cli/main.ts')}').then(({ main }) => main(process.argv.slice(1)))`;
  const command = spawn(process.execPath, ['-e', main, '--', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise((settle, reject) => command.on('error', reject).on('exit', settle));
  if (code !== 0) throw new Error(`flowstitch ${args[0]} ended with code ${code}`);
}

async function upload(bucket: string): Promise<void> {
  const store = new S3Store(s3Client(), bucket);
  const names = await readdir(join(ROOT, CAPTURES));
  for (const name of names) await store.put(`${DATASET}/${name}`, await readFile(join(ROOT, CAPTURES, name)));
  say(`${names.length} captures are in s3://${bucket}/${DATASET}/`);
}

/** Compares every row with those of a run on this machine. @throws Error when they differ */
async function compare(results: string, folder: string): Promise<void> {
  await flowstitch('run', CAPTURES, '--out', folder, '--quiet');
  const here = await currentJob(folder);
  const there = new S3Results(results, null);
  const job = (await there.currentJobs()).get(DATASET);
  if (job === undefined) throw new Error(`${results} has no finished results of ${DATASET}`);
  say('');
  for (const [table, query] of Object.entries(ROWS)) {
    const [[local], [cloud]] = [await queryJob(folder, here, query), await there.query(DATASET, job, query)];
    if (formatJson(local) !== formatJson(cloud)) throw new Error(`the ${table} of the two runs differ`);
    say(`${table}: ${local.rows.length} rows, the same from LocalStack and from this machine`);
  }
}

async function demo(endpoint: string, folder: string): Promise<void> {
  say('The functions are bundled, and the stack is deployed by CloudFormation ...');
  const { outputs, stackName } = await deployPipeline(endpoint);
  const { CapturesBucket, ResultsBucket } = outputs;
  say(`${stackName}: captures in s3://${CapturesBucket}, results in s3://${ResultsBucket}`);
  await upload(CapturesBucket);
  await flowstitch('submit', `s3://${CapturesBucket}/${DATASET}/`, '--wait', '--stack', stackName);
  await flowstitch('sql', SUMMARY, '--data', `s3://${ResultsBucket}/`, '--dataset', DATASET);
  await compare(`s3://${ResultsBucket}/`, join(folder, 'results'));
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
