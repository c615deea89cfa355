import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { Part, pairRows } from './fidelity/compare.ts';
import { compareOther } from './fidelity/corpus.ts';
import { fallen, reportText, shares } from './fidelity/report.ts';
import { type ConnRow, zeekRow } from './fidelity.ts';

/** A line of Zeek's table as it stands in JSON. */
const LINE = {
  ts: 1.5,
  'id.orig_h': '10.0.0.1',
  'id.orig_p': 1000,
  'id.resp_h': '10.0.0.2',
  'id.resp_p': 80,
  proto: 'tcp',
  ip_proto: 6,
  conn_state: 'S0',
  history: 'S',
  missed_bytes: 0,
  orig_pkts: 1,
  orig_ip_bytes: 40,
  resp_pkts: 0,
  resp_ip_bytes: 0,
};

function row(other: Partial<ConnRow> = {}): ConnRow {
  return { ...zeekRow(LINE), ...other };
}

function part(ours: ConnRow[], zeek: ConnRow[], limit?: number): Part {
  const made = new Part('part', limit);
  made.add('capture', pairRows(ours, zeek));
  return made;
}

test('a row of the other direction is the same row, with other ends', () => {
  const turned = row({ orig_h: '10.0.0.2', orig_p: 80, resp_h: '10.0.0.1', resp_p: 1000 });
  const { rows, differences } = part([turned], [row()]);
  assert.equal(rows, 1);
  assert.deepEqual(differences[0].fields, ['orig_h', 'orig_p', 'resp_h', 'resp_p']);
});

test('a row that only one side has differs in every field, and its capture counts as different', () => {
  const made = part([row(), row({ ts: 7 })], [row(), row({ ts: 8 })]);
  assert.deepEqual([made.rows, made.equal, made.captures, made.capturesEqual], [3, 1, 1, 0]);
  assert.equal(made.equalBy.missed_bytes, 1);
  assert.deepEqual(
    made.differences.map((d) => d.kind),
    ['tcp: only we have the row', 'tcp: only Zeek has the row'],
  );
});

test('a capped part takes the first rows in time order', () => {
  const made = part([row({ ts: 3 }), row({ ts: 1 })], [row({ ts: 3 }), row({ ts: 1, history: 'Sr' })], 1);
  assert.deepEqual([made.rows, made.equal], [1, 0]);
  assert.match(reportText([made]), /tcp: history \| 1 \|/);
});

test('a share that fell is reported with both values', () => {
  const held = shares(part([row()], [row()]));
  const now = shares(part([row({ orig_pkts: 2 })], [row()]));
  assert.deepEqual(fallen(held, held), []);
  assert.deepEqual(fallen(now, held), ['rows: 0 < 1', 'captures: 0 < 1', 'orig_pkts: 0 < 1']);
});

test('a capture of one packet agrees with tables of both forms', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-'));
  try {
    // A pcap of raw IP: one SYN from 10.0.0.1:1000 to 10.0.0.2:80 at 1.5 s.
    const capture = join(folder, 'syn.pcap');
    const hex = `d4c3b2a1020004000000000000000000ffff000065000000 0100000020a107002800000028000000
      45000028000000004006000 00a0000010a000002 03e80050 00000001 00000000 50022000 00000000`;
    writeFileSync(capture, Buffer.from(hex.replace(/\s/g, ''), 'hex'));
    const plain = join(folder, 'plain.jsonl.gz');
    writeFileSync(plain, gzipSync(`${JSON.stringify(LINE)}\n`));
    const table = join(folder, 'table.jsonl.gz');
    const line = { capture: 'syn.pcap', odd: '', zeek_exit: 0, zeek_stderr: '', conns: [LINE] };
    writeFileSync(table, gzipSync(`${JSON.stringify(line)}\n`));
    for (const parts of [
      await compareOther(capture, false, plain),
      await compareOther(capture, false, table),
      await compareOther(folder, true, table),
    ])
      assert.deepEqual([parts[0].rows, parts[0].equal], [1, 1], JSON.stringify(parts[0].differences));
    const broken = join(folder, 'broken.jsonl.gz');
    const stopped = { ...line, zeek_exit: 1 };
    writeFileSync(broken, gzipSync(`${JSON.stringify(stopped)}\n${JSON.stringify({ ...stopped, capture: 'x' })}\n`));
    assert.equal((await compareOther(folder, true, broken)).length, 0, 'Zeek did not read it to the end');
    await assert.rejects(compareOther(join(folder, 'other.pcap'), false, broken), /no line for/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
