/** flowstitch sql: a query over the newest committed results. */
import type { Options, OptionValues } from '../../shared/job/optiondescription.ts';
import { formatCsv, formatJson, formatTable } from '../../shared/query/resulttext.ts';
import type { Table } from '../../shared/table/tablecolumn.ts';
import { TABLE_NAMES, TABLES, type TableName } from '../../shared/table/tables.ts';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { interruptibly } from '../signals.ts';
import { DATA_OPTIONS, givenData } from '../sql/dataoption.ts';
import { commandName } from '../text/format.ts';
import { print } from '../text/output.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';
import { UsageError } from '../usage/usage.ts';

const OPTIONS = {
  ...DATA_OPTIONS,
  query: { value: 'NAME', meaning: 'run a saved query', choices: SAVED_QUERIES.map(({ name }) => name) },
  queries: { meaning: 'list the saved queries' },
  csv: { meaning: 'print CSV; on a terminal control characters are shown as \\xNN' },
  ...JSON_OPTION,
} as const satisfies Options;

/** A table, and the option with which it is made where it is not always. */
function tableText(name: TableName): string {
  const { option }: Table = TABLES[name];
  return option === undefined ? name : `${name} (jobs run with ${option})`;
}

export const COMMAND = defineCommand({
  name: 'sql',
  group: 'local',
  operands: {
    usage: '["SELECT ..."]',
    least: 0,
    most: 1,
    wanted: 'give one query, in quotes',
  },
  needs: '--data FOLDER|s3://...',
  summary: 'query the newest results',
  description: [
    `Runs one query over the tables of the newest finished job: ${TABLE_NAMES.map(tableText).join(', ')}.`,
    `Views of the sessions in other dialects: ${VIEWS.map(({ name }) => name).join(', ')}. "describe sessions" lists the columns of a table or view.`,
  ],
  options: OPTIONS,
  notes: [
    "A condition on dt, the day of a session's start (YYYY-MM-DD), skips the files of other days.",
    "For results in S3, the files that a query needs are downloaded and cached in $XDG_CACHE_HOME or ~/.cache, up to $FLOWSTITCH_CACHE_GB gigabytes (default: 10). If $FLOWSTITCH_HTTPFS names the file of DuckDB's extension httpfs, DuckDB reads ranges of them instead, and nothing is cached.",
  ],
  examples: [
    ['sql "select proto, count(*) from sessions group by all" --data results/', 'a query over results on disk'],
    ['sql --query scans --data s3://RESULTS/ --csv', 'a saved query over those of the pipeline, as CSV'],
    ['sql "describe sessions" --data results/', 'the columns of a table'],
  ],
  run: answer,
});

/** The saved queries, one per line. */
function listQueries(): string {
  const width = Math.max(...SAVED_QUERIES.map(({ name }) => name.length));
  return SAVED_QUERIES.map(({ name, description }) => `${name.padEnd(width)}  ${description}\n`).join('');
}

/** @throws UsageError when there is none of that name */
function savedQuery(name: string): string {
  const query = SAVED_QUERIES.find((candidate) => candidate.name === name);
  if (query !== undefined) return query.sql;
  throw new UsageError(`sql: there is no saved query '${name}'; ${commandName()} sql --queries lists them`);
}

async function answer(values: OptionValues<typeof OPTIONS>, operands: readonly string[]): Promise<number> {
  if (values.queries) {
    print(listQueries());
    return 0;
  }
  const given = values.query === undefined ? operands : [...operands, savedQuery(values.query)];
  if (given.length !== 1) throw new UsageError('sql: give one query, in quotes or with --query');
  const data = givenData('sql', values);
  if (values.csv && values.json) throw new UsageError('sql: --csv or --json, not both');
  const [query] = given;
  const { queryResults } = await import('../sql/newestresults.ts');
  const result = await interruptibly(() => queryResults(data, values.dataset, query));
  if (values.csv) print(formatCsv(result, process.stdout.isTTY === true));
  else print(values.json ? formatJson(result) : formatTable(result));
  return 0;
}
