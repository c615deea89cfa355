/**
 * Writes docs/queries.md from the views and saved queries in shared/views/: `npm run docs`.
 * A test compares the two.
 */
import { writeFileSync } from 'node:fs';
import { SAVED_QUERIES, VIEWS } from '../shared/views/index.ts';
import { PARTITION_COLUMNS, type View, type ViewColumn } from '../shared/views/view.ts';

const HEAD = `# Views and queries

Written from \`shared/views/\` by \`npm run docs\`.

The views give the sessions in the dialects of other tools; the saved queries answer common questions. Each is one SQL text that DuckDB and Trino, on which Athena is based, run unchanged.

\`\`\`
npx flowstitch sql 'select id.orig_h, id.resp_h, conn_state from zeek_conn limit 10' --data results/
npx flowstitch sql --queries
npx flowstitch sql --query scans --data results/
\`\`\`

Every view, and the tables sessions and packets, have a last column \`dt\`: the day a session began, as text (YYYY-MM-DD, UTC). Files are partitioned by it, so a condition on \`dt\` skips the files of other days; for results in S3, one on \`ts\` of sessions does too.

\`\`\`
npx flowstitch sql "select * from zeek_conn where dt between '2026-11-01' and '2026-11-07'" --data s3://RESULTS/
\`\`\`

Times are UTC in \`flowstitch sql\`, whatever the machine's time zone, and \`ts\` compares with \`now()\`. Subnets are told by \`in_subnet\`, for IPv4 and IPv6; it needs no extension of DuckDB:

\`\`\`
npx flowstitch sql "select * from sessions where in_subnet(orig_h, '10.0.0.0/8') and not in_subnet(resp_h, '2001:db8::/32')" --data results/
\`\`\`

It is NULL for a text that is no address, and an error for one that is no subnet. An IPv4-mapped address is the IPv4 address; otherwise an IPv4 address is in no IPv6 subnet. Athena and Trino have \`contains('10.0.0.0/8', cast(orig_h as ipaddress))\` instead.

Of results in S3, DuckDB's planner says which tables and days a query can need. Their files are downloaded and kept; or DuckDB reads ranges of them where they are, if \`FLOWSTITCH_HTTPFS\` names the file of its extension httpfs
(\`INSTALL httpfs\` in a DuckDB of the version of \`@duckdb/node-api\` puts it into \`~/.duckdb/extensions/\`; on PyPI it is in the package \`duckdb-extension-httpfs\`). Flowstitch downloads no extension and looks for none. A query reaches the files of its job either way, and nothing else: no other object of the bucket, no other address, no credentials.

In Athena views and queries are in the database and the workgroup of the catalog stack. Every table and view there has \`dataset\`, the data set, before \`dt\`. A query reads all data sets and days unless it says otherwise:

\`\`\`
select * from zeek_conn where dataset = 'site-a' and dt between '2026-11-01' and '2026-11-07'
\`\`\`

The saved queries say nothing of data sets and days: put the same condition into their \`WHERE\` (an inner query's, where it reads \`sessions\`).

- Names of columns are lower-case letters, digits and \`_\`, which is what AWS documents for names in Athena. Names with dots, as Zeek, OCSF and Elastic have them, are fields of ROWs and need no quotes: \`id.orig_h\`, \`src_endpoint.ip\`, \`source.ip\`. Only keywords of SQL do: \`event."end"\`, \`network."inner".vlan.id\`. Elastic's \`@timestamp\` is \`timestamp\`.
- A ROW selected as a whole is an object in \`flowstitch sql --json\`, and text in a table or CSV.
- For a field of a ROW, Trino reads what that field is made of; DuckDB reads what the whole ROW is made of, and a condition on the field does not let it skip parts of a file. Where that is slow, query \`sessions\` instead.
- A *local* address is one that Zeek considers local by default: the blocks of IANA's special-purpose registries that are not routed, such as 10.0.0.0/8, fc00::/7 and fe80::/10. Multicast addresses are not among them.
- Integers divide as floating point in DuckDB and as integers in Trino, and \`sum\` of BIGINT fails in Trino beyond 2^63: cast to DECIMAL(38, 0) where it can, as the saved queries do.
`;

function typeText(column: ViewColumn): string {
  return 'fields' in column ? 'ROW' : column.type;
}

function viewSection({ name, description, columns }: View): string {
  const rows = columns.flatMap((column) => columnRows(column, ''));
  return `### ${name}\n\n${description}\n\n| column | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function columnRows(column: ViewColumn, prefix: string): string[] {
  const name = `${prefix}${column.name}`;
  const row = `| ${name} | ${typeText(column)} | ${column.description} |`;
  const fields = 'fields' in column ? column.fields : [];
  return [row, ...fields.flatMap((field) => columnRows(field, `${name}.`))];
}

/** The text of docs/queries.md. */
export function queriesText(): string {
  const added = PARTITION_COLUMNS.map(({ name }) => `\`${name}\``).join(' and ');
  const views = VIEWS.map(viewSection).join('\n');
  const queries = SAVED_QUERIES.map(
    ({ name, description, sql }) => `### ${name}\n\n${description}\n\n\`\`\`sql\n${sql}\n\`\`\`\n`,
  ).join('\n');
  return `${HEAD}\n## Views\n\nEach has \`dt\` after these columns; in Athena ${added}.\n\n${views}\n## Saved queries\n\n${queries}`;
}

if (import.meta.main) writeFileSync(new URL('./queries.md', import.meta.url), queriesText());
