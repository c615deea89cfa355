/** flowstitch sql: a query over the newest committed results. */
import type { Options, OptionValues } from '../../shared/job/options/optiondescription.ts';
import type { QueryResult } from '../../shared/query/queryresult.ts';
import { formatCsv, formatJson, formatTable } from '../../shared/query/resulttext.ts';
import type { Table } from '../../shared/table/tablecolumn.ts';
import { TABLE_NAMES, TABLES, type TableName } from '../../shared/table/tables.ts';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { interruptibly } from '../signals.ts';
import { DATA_OPTIONS, givenData } from '../sql/dataoption.ts';
import { givenQuery } from '../sql/givenquery.ts';
import { print } from '../text/output.ts';
import { defineCommand } from '../usage/command.ts';
import { UsageError } from '../usage/usage.ts';

const OPTIONS = {
  ...DATA_OPTIONS,
  query: { value: 'NAME', meaning: 'run a saved query', choices: SAVED_QUERIES.map(({ name }) => name) },
  queries: { meaning: 'list the saved queries' },
  csv: { meaning: 'print CSV; on a terminal control characters are shown as \\xNN' },
  json: { meaning: 'print JSON, an array of one object a row' },
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
    usage: '["SELECT ..."|-]',
    least: 0,
    most: 1,
    wanted: 'give one query, in quotes, with --query or on standard input',
  },
  needs: '--data FOLDER|s3://...',
  summary: 'query the newest results',
  description: [
    `Runs a query over the tables of the newest finished job: ${TABLE_NAMES.map(tableText).join(', ')}. With "-" or without a query it is read from standard input. Of several statements, separated by semicolons, the results of all queries are printed.`,
    `Views of the sessions in other dialects: ${VIEWS.map(({ name }) => name).join(', ')}. "describe sessions" lists the columns of a table or view.`,
  ],
  options: OPTIONS,
  notes: [
    "Times are UTC, whatever the machine's time zone; now() compares with them. timezone('Asia/Kolkata', ts::timestamptz) tells another zone's time.",
    "in_subnet(orig_h, '10.0.0.0/8') tells whether an address, IPv4 or IPv6, lies in a subnet; NULL for a text that is no address. In Athena and Trino: contains('10.0.0.0/8', cast(orig_h as ipaddress)).",
    "A condition on dt, the day of a session's start (YYYY-MM-DD), skips the files of other days.",
    'In JSON each result is an array of its own. Integers up to 2^53-1, DECIMAL of up to 15 digits and DOUBLE are numbers. Text are those that a reader would round, NaN and infinities, times, BLOB (bytes that are no ASCII as \\xNN) and all other types. A list is an array, STRUCT and MAP are objects; a second column of the same name is name_2.',
    "For results in S3, the files that a query needs are downloaded and cached in $XDG_CACHE_HOME or ~/.cache, up to $FLOWSTITCH_CACHE_GB gigabytes (default: 10). If $FLOWSTITCH_HTTPFS names the file of DuckDB's extension httpfs, DuckDB reads ranges of them instead, and nothing is cached.",
  ],
  examples: [
    ['sql "select proto, count(*) from sessions group by all" --data results/', 'a query over results on disk'],
    ['sql --query scans --data s3://RESULTS/ --csv', 'a saved query over those of the pipeline, as CSV'],
    ['sql "describe sessions" --data results/', 'the columns of a table'],
    ['sql - --data results/ --json', 'a query from standard input, as JSON'],
  ],
  run: answer,
});

/** The saved queries, one per line. */
function listQueries(): string {
  const width = Math.max(...SAVED_QUERIES.map(({ name }) => name.length));
  return SAVED_QUERIES.map(({ name, description }) => `${name.padEnd(width)}  ${description}\n`).join('');
}

async function answer(values: OptionValues<typeof OPTIONS>, operands: readonly string[]): Promise<number> {
  if (values.queries) {
    print(listQueries());
    return 0;
  }
  // Reading a query takes as long as its writer does.
  const data = givenData('sql', values);
  if (values.csv && values.json) throw new UsageError('sql: --csv or --json, not both');
  const query = await givenQuery(operands, values.query);
  const { queryResults } = await import('../sql/newestresults.ts');
  const results = await interruptibly(() => queryResults(data, values.dataset, query));
  const format = (result: QueryResult): string => {
    if (values.csv) return formatCsv(result, process.stdout.isTTY === true);
    return values.json ? formatJson(result) : formatTable(result);
  };
  // JSON needs nothing in between.
  print(results.map(format).join(values.json ? '' : '\n'));
  return 0;
}
