/** Writes docs/tables.md from the tables' schemas: `npm run docs`. A test compares the two. */
import { writeFileSync } from 'node:fs';
import { TABLES } from '../shared/query/results.ts';
import type { TableColumn } from '../shared/table/tablecolumn.ts';

const NOTES: Record<keyof typeof TABLES, string> = {
  sessions:
    'A row a session. Rows are sorted by (ts_ns, uid); files hold at most a million rows and never cross midnight UTC. Bloom filters on `orig_h` and `resp_h`.',
  packets:
    'A row a packet of a session, only in jobs run with `--packets`: a record that is a tunnel has one for each of its packets that belongs to a session. Sorted by session (its ts_ns, uid) and then time, in files by the day of the session’s start. `offset` is a keyword of SQL: write `"offset"`.',
  captures:
    'A row an input. packets = packets_in_sessions + fragments_completed + fragments_incomplete + not_ip + undecodable, by the fate of each record’s innermost packet.',
  anomalies:
    'What is odd, under stable names: at most 25 rows of one name in one capture, then one row with the count of the rest.',
};

function columnTable(schema: readonly TableColumn[]): string {
  const rows = schema.map(
    ({ name, type, nullable, description }) =>
      `| ${name} | ${type}${nullable ? ', may be NULL' : ''} | ${description} |`,
  );
  return `| column | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

/** The text of docs/tables.md. */
export function tablesText(): string {
  const sections = Object.entries(TABLES).map(
    ([name, schema]) => `## ${name}\n\n${NOTES[name as keyof typeof TABLES]}\n\n${columnTable(schema)}`,
  );
  return `# Tables\n\nWritten from the schemas in \`shared/table/\` by \`npm run docs\`.\n\n${sections.join('\n')}`;
}

if (import.meta.main) writeFileSync(new URL('./tables.md', import.meta.url), tablesText());
