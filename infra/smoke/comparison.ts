/** The tables of a run on this machine beside those in the cloud, over the same captures. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { currentJob, queryJob } from '../../cli/sql/newestresults.ts';
import { S3Results } from '../../cli/sql/s3results.ts';
import { formatJson } from '../../shared/query/resulttext.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
/** Captures that the project brings along. */
export const DEMO_CAPTURES = join('test', 'captures', 'demo');

/** Every row of a table; captures by the last part of their names, since one run names files and the other objects. */
const ROWS = {
  sessions: `select * replace (regexp_extract(capture_first, '[^/]*$') as capture_first,
    regexp_extract(capture_last, '[^/]*$') as capture_last) from sessions order by ts_ns, uid`,
  captures: `select * exclude (version) replace (regexp_extract(capture, '[^/]*$') as capture) from captures order by capture`,
  anomalies: `select * replace (regexp_extract(capture, '[^/]*$') as capture) from anomalies order by all`,
};

/** Runs a command of flowstitch as a person would, and shows it. @throws Error when it fails */
export async function flowstitch(...args: string[]): Promise<void> {
  process.stdout.write(`\n$ flowstitch ${args.map((arg) => (/\s/.test(arg) ? `"${arg}"` : arg)).join(' ')}\n`);
  const main = `import('${join(ROOT, 'cli/main.ts')}').then(({ main }) => main(process.argv.slice(1)))`;
  const command = spawn(process.execPath, ['-e', main, '--', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise((settle, reject) => command.on('error', reject).on('exit', settle));
  if (code !== 0) throw new Error(`flowstitch ${args[0]} ended with code ${code}`);
}

/**
 * Runs the project's captures on this machine, and compares every row with those in the cloud.
 * @param results s3://BUCKET/
 * @param folder where the run's results go
 * @returns a line for each table
 * @throws Error when rows differ
 */
export async function compareTables(results: string, dataset: string, folder: string): Promise<string[]> {
  await flowstitch('run', DEMO_CAPTURES, '--out', folder, '--quiet');
  const here = await currentJob(folder);
  const there = new S3Results(results, null);
  const job = (await there.currentJobs()).get(dataset);
  if (job === undefined) throw new Error(`${results} has no finished results of ${dataset}`);
  const lines: string[] = [];
  for (const [table, query] of Object.entries(ROWS)) {
    const [[local], [cloud]] = [await queryJob(folder, here, query), await there.query(dataset, job, query)];
    if (formatJson(local) !== formatJson(cloud)) throw new Error(`the ${table} of the two runs differ`);
    lines.push(`${table}: ${local.rows.length} rows, the same from the cloud and from this machine`);
  }
  return lines;
}
