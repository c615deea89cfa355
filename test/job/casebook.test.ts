/** The casebook's captures, all of them in one job: its table holds the rows that are reasoned there. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { connRow } from '../session/casebook/case.ts';
import { differencesOf, writeCase } from '../session/casebook/compare.ts';
import { CASES } from '../session/casebook/index.ts';
import { Part, pairRows } from '../session/fidelity/compare.ts';
import type { ConnRow } from '../session/fidelity.ts';
import { captureRefs, plainConfig, type Row, random, runJob, SEED, shuffled, temporaryFolder } from './harness.ts';

/** A row of the table in conn.log's terms. */
function tableRow(row: Row): ConnRow {
  const optional = (value: unknown) => (value === null ? undefined : Number(value));
  const { duration } = row;
  return {
    ts: Number((row.ts_ns as bigint) / 1000n),
    orig_h: row.orig_h as string,
    orig_p: row.orig_p as number,
    resp_h: row.resp_h as string,
    resp_p: row.resp_p as number,
    proto: row.proto as string,
    duration: duration === null ? undefined : Math.round((duration as number) * 1e6),
    orig_bytes: optional(row.orig_bytes),
    resp_bytes: optional(row.resp_bytes),
    conn_state: row.conn_state as string,
    history: row.history === '' ? undefined : (row.history as string),
    missed_bytes: Number(row.missed_bytes),
    orig_pkts: Number(row.orig_pkts),
    resp_pkts: Number(row.resp_pkts),
    orig_ip_bytes: Number(row.orig_ip_bytes),
    resp_ip_bytes: Number(row.resp_ip_bytes),
    ip_proto: row.ip_proto as number,
  };
}

test('one job over the captures of all cases, in any order, has the rows of all of them', async (t) => {
  using folder = temporaryFolder();
  const captures = join(folder.path, 'captures');
  mkdirSync(captures);
  t.diagnostic(`seed ${SEED}`);
  const paths = shuffled(
    random(SEED),
    CASES.flatMap((one) => writeCase(captures, one)),
  );
  const { summary, tables } = await runJob(
    join(folder.path, 'out'),
    await captureRefs(paths),
    plainConfig({ sizes: { partitions: 3 } }),
    random(SEED),
    ['sessions'],
  );
  const part = new Part('casebook');
  part.add(
    'the job',
    pairRows(
      tables.sessions.map(tableRow),
      CASES.flatMap(({ rows }) => rows.map(connRow)),
    ),
  );
  assert.deepEqual(differencesOf(part), []);
  const spans = CASES.filter(({ captures: { length } }) => length > 1).map(({ captures: { length } }) => length);
  const counts = tables.sessions.map((row) => row.capture_count as number).filter((count) => count > 1);
  assert.deepEqual(counts.sort(), spans.sort(), 'sessions over several captures, by how many');
  assert.equal(summary.spanning, spans.length);
  assert.deepEqual(summary.damaged, []);
});
