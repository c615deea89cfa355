/** flowstitch sql: a query over the newest committed results. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { CurrentJob } from '../shared/job/commit.ts';
import { currentKey } from '../shared/job/keys.ts';
import { DirectoryStore } from '../shared/store/directory.ts';
import { getJson } from '../shared/store/objectstore.ts';
import { openResults } from '../shared/table/query.ts';
import { formatCsv, formatJson, formatTable } from '../shared/table/resulttext.ts';
import { UsageError } from './usage.ts';

const SQL_HELP = `flowstitch sql "SELECT ..." --data FOLDER

  --data FOLDER     results of flowstitch run
  --dataset NAME    data set, where the folder has several
  --csv | --json    instead of a table

Tables: sessions, captures, anomalies, and packets when the job was run with --packets.
`;

/** The newest committed job of a folder. @throws UsageError when there is none */
export async function currentJob(folder: string, dataset: string | undefined): Promise<CurrentJob> {
  const store = new DirectoryStore(resolve(folder));
  let name = dataset;
  if (name === undefined) {
    const names: string[] = [];
    const entries = await readdir(join(folder, 'datasets')).catch(() => []);
    for (const entry of entries) if ((await store.head(currentKey(entry))) !== undefined) names.push(entry);
    if (names.length > 1) throw new UsageError(`${folder} has the data sets ${names.join(', ')}: choose with --dataset`);
    name = names[0];
  }
  const current = name === undefined ? undefined : await getJson<CurrentJob>(store, currentKey(name));
  if (current === undefined)
    throw new UsageError(`${folder} has no finished results yet: flowstitch run CAPTURES --out ${folder} makes them`);
  return current;
}

/** @returns the exit code */
export async function sql(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      data: { type: 'string' },
      dataset: { type: 'string' },
      csv: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(SQL_HELP);
    return 0;
  }
  if (positionals.length !== 1) throw new UsageError('sql: give one query, in quotes');
  if (values.data === undefined) throw new UsageError('sql: over which results? Name their folder with --data');
  if (values.csv && values.json) throw new UsageError('sql: --csv or --json, not both');
  const { files } = await currentJob(values.data, values.dataset);
  const paths = (keys: readonly string[]): string[] => keys.map((key) => resolve(values.data!, key));
  const open = await openResults({
    sessions: paths(files.sessions),
    packets: paths(files.packets),
    captures: paths(files.captures),
    anomalies: paths(files.anomalies),
  });
  try {
    const result = await open.runQuery(positionals[0]);
    const format = values.csv ? formatCsv : values.json ? formatJson : formatTable;
    process.stdout.write(format(result));
  } finally {
    open.close();
  }
  return 0;
}
