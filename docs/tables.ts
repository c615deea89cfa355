/** Writes docs/tables.md from the tables' schemas: `npm run docs`. A test compares the two. */
import { writeFileSync } from 'node:fs';
import type { Table, TableColumn } from '../shared/table/tablecolumn.ts';
import { TABLES } from '../shared/table/tables.ts';

function columnTable(schema: readonly TableColumn[]): string {
  const rows = schema.map(
    ({ name, type, nullable, description }) =>
      `| ${name} | ${type}${nullable ? ', may be NULL' : ''} | ${description} |`,
  );
  return `| column | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

/** Where a table's files are, when there are none, and how its rows are sorted. */
function placeText({ order, byDay, option }: Table): string {
  const files = byDay
    ? 'Files are partitioned by the day on which the session starts (UTC), which SQL has as a last column, `dt`'
    : 'One file per job';
  const asked = option === undefined ? '' : `, only in jobs run with \`${option}\``;
  return `${files}${asked}; rows are sorted by ${order}.`;
}

/** The text of docs/tables.md. */
export function tablesText(): string {
  const sections = Object.entries<Table>(TABLES).map(
    ([name, table]) => `## ${name}\n\n${table.description}\n\n${placeText(table)}\n\n${columnTable(table.columns)}`,
  );
  return `# Tables\n\nWritten from the lists in \`shared/table/\` by \`npm run docs\`.\n\n${sections.join('\n')}`;
}

if (import.meta.main) writeFileSync(new URL('./tables.md', import.meta.url), tablesText());
