/**
 * `npm run smoke`: whether a deployed pipeline works, from an upload to a query. Puts the project's captures, runs a
 * job over them, reads the tables, asks Athena, compares all with a run on this machine, and removes what it made.
 * Settings as `-c name=value`, `--profile`; `--keep` leaves everything there.
 */

import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPipeline, type Pipeline } from '../../cli/cloud/pipeline.ts';
import { currentJob, queryJob } from '../../cli/sql/newestresults.ts';
import { readBehind } from '../../shared/catalog/step.ts';
import { S3Store } from '../../shared/store/aws/s3store.ts';
import { datasetOf } from '../../shared/upload/watchedprefixes.ts';
import { CommandError, cloudFormation, describeStack, runCommand, settingsOf } from '../deploy/command.ts';
import { catalogStackName, pipelineStackName, workgroupName } from '../names.ts';
import type { Settings } from '../settings.ts';
import { queryAthena } from './athena.ts';
import { cleanUp } from './cleanup.ts';
import { compareTables, DEMO_CAPTURES, flowstitch, ROOT } from './comparison.ts';
import { missingPermission } from './permission.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** What is asked of Athena and of the run on this machine: text alone, since both write numbers differently. */
const protocols = (where: string): string =>
  `select cast(proto as varchar) as proto, cast(conn_state as varchar) as conn_state, cast(count(*) as varchar) as sessions,
   cast(count(distinct uid) as varchar) as uids from sessions ${where} group by 1, 2 order by 1, 2`;

/** One step. @throws CommandError with what failed, and the permission that is missing where one is */
async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  say(`\n${what} ...`);
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const permission = missingPermission(message);
    throw new CommandError(
      `${what}: ${message}${permission === null ? '' : `\nThe permission that is missing: ${permission}`}`,
      { cause: error },
    );
  }
}

async function upload(captures: S3Store): Promise<string> {
  const names = await readdir(join(ROOT, DEMO_CAPTURES));
  for (const name of names) await captures.put(name, await readFile(join(ROOT, DEMO_CAPTURES, name)));
  return `${names.length} captures are in ${captures.url('')}`;
}

/** Whether a key that is not there is told from one that may not be read. */
async function askForNothing({ work, results }: Pipeline): Promise<void> {
  for (const store of [work, results])
    if ((await store.head('smoke/absent')) !== undefined) throw new Error('the key smoke/absent is there');
}

async function askAthena(
  client: Parameters<typeof queryAthena>[0],
  settings: Settings,
  { work }: Pipeline,
  dataset: string,
  folder: string,
): Promise<string> {
  const behind = await readBehind(work, dataset);
  if (behind !== undefined) throw new Error(`the log of the results does not show the job: ${behind.reason}`);
  const question = { workgroup: workgroupName(settings), database: settings.database };
  const there = await queryAthena(client, { ...question, sql: protocols(`where dataset = '${dataset}'`) });
  const [{ rows }] = await queryJob(folder, await currentJob(folder), protocols(''));
  if (JSON.stringify(there) !== JSON.stringify(rows))
    throw new Error(`Athena's answer differs: ${JSON.stringify(there)}; on this machine it is ${JSON.stringify(rows)}`);
  return `${there.length} rows, the same from Athena and from this machine`;
}

async function smoke(args: string[]): Promise<number> {
  const keep = args.includes('--keep');
  const settings = settingsOf(args);
  const client = cloudFormation(args);
  const stack = pipelineStackName(settings);
  const pipeline = await findPipeline(stack);
  const prefix = `flowstitch-smoke-${randomBytes(4).toString('hex')}/`;
  const dataset = datasetOf(pipeline.capturesBucket, prefix, pipeline.capturesBucket);
  const captures = new S3Store(pipeline.s3, pipeline.capturesBucket, prefix);
  const results = `s3://${pipeline.resultsBucket}/`;
  const folder = await mkdtemp(join(tmpdir(), 'flowstitch-smoke-'));
  const hasCatalog = !settings.localstack && (await describeStack(client, catalogStackName(settings))) !== undefined;
  const test = async (): Promise<void> => {
    await step('Asking for keys that are not there', () => askForNothing(pipeline));
    say(await step("Uploading the project's captures", () => upload(captures)));
    await step('A job over them', () => flowstitch('submit', captures.url(''), '--wait', '--stack', stack));
    const local = join(folder, 'results');
    for (const line of await step('Reading the tables', () => compareTables(results, dataset, local))) say(line);
    if (hasCatalog) say(await step('Asking Athena', () => askAthena(client, settings, pipeline, dataset, local)));
    else
      say(
        `\nAthena is not asked: ${settings.localstack ? 'LocalStack has none' : `there is no stack ${catalogStackName(settings)}`}.`,
      );
    say(`\n${stack} works.`);
  };
  const clean = async (): Promise<void> => {
    await cleanUp({ captures, work: pipeline.work, results: pipeline.results }, dataset);
  };
  // What was made is removed also after a failure, which is the first to be told.
  const tested = await succeeds(test);
  await rm(folder, { recursive: true, force: true });
  if (keep) say(`\nLeft there: ${captures.url('')}, data set ${dataset}`);
  const cleaned = keep || (await succeeds(() => step('Removing what was made', clean)));
  return tested && cleaned ? 0 : 1;
}

/** Whether it was done; a step that failed is told. */
async function succeeds(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return false;
  }
}

if (import.meta.main) await runCommand(smoke);
