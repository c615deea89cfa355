import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { AnomalyRow } from '../../shared/capture/anomaly.ts';
import { openResults } from '../../shared/query/results.ts';
import { ANOMALIES } from '../../shared/table/anomalies.ts';
import { AnomalySort } from '../../shared/table/anomalysort.ts';
import { CAPTURES, type CaptureRow } from '../../shared/table/captures.ts';
import { writeRows } from '../../shared/table/parquet/tablefile.ts';
import { athenaType } from '../../shared/table/tablecolumn.ts';
import { TABLES } from '../../shared/table/tables.ts';
import { pick, random, SEED } from '../job/harness.ts';

const dir = mkdtempSync(join(tmpdir(), 'flowstitch-small-'));
after(() => rmSync(dir, { recursive: true }));

async function readParquet(path: string): Promise<Record<string, unknown>[]> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  return (await parquetReadObjects({ file, compressors })) as Record<string, unknown>[];
}

const sound: CaptureRow = {
  capture: 'site-1/2026-01-01T00.pcapng.zst',
  format: 'pcapng',
  compression: 'zstd',
  linkTypes: ['EN10MB', 'RAW'],
  snaplen: 262_144,
  timestampResolution: 'ns',
  first: { us: 1_700_000_000_999_999, ns: 999 },
  last: { us: 1_700_000_001_000_000, ns: 1 },
  packets: 36,
  bytes: 2 ** 53 - 1,
  storedBytes: 5_000_000_000,
  outOfOrder: 3,
  status: 'complete',
  damageOffset: null,
  damageReason: null,
  packetsInSessions: 10,
  fragmentsCompleted: 5,
  fragmentsIncomplete: 4,
  notIp: 7,
  undecodable: { truncated_tcp: 4, bad_ip_length: 6, never_seen: 0 },
  undecoded: [
    { name: 'ethertype_0x88cc_LLDP', count: 5 },
    { name: 'ethertype_0x0806_ARP', count: 2 },
  ],
  packetsOfCopy: 0,
  copyOf: null,
  version: 'null',
  digest: 'sha256:0123',
  rank: 1,
};

const broken: CaptureRow = {
  ...sound,
  capture: 'empty 😀',
  linkTypes: [],
  snaplen: null,
  timestampResolution: null,
  first: null,
  last: null,
  packets: 0,
  damageOffset: 24,
  damageReason: 'truncated_record',
  packetsInSessions: 0,
  fragmentsCompleted: 0,
  fragmentsIncomplete: 0,
  notIp: 0,
  undecodable: {},
  undecoded: [],
  packetsOfCopy: 0,
  copyOf: 'größe 😀',
  version: null,
  digest: null,
  rank: 0,
};

describe('captures table', () => {
  test('is written in order of rank, with NULLs, exact numbers and both sides of the count', async () => {
    const path = join(dir, 'captures.parquet');
    await writeRows(path, CAPTURES, [broken, sound]);
    const [first, second] = await readParquet(path);
    assert.deepEqual(
      Object.keys(first),
      CAPTURES.columns.map((c) => c.name),
    );
    assert.deepEqual(second, {
      capture: sound.capture,
      format: 'pcapng',
      compression: 'zstd',
      link_types: 'EN10MB,RAW',
      snaplen: 262_144n,
      timestamp_resolution: 'ns',
      first_ts: new Date('2023-11-14T22:13:20.999Z'),
      first_ns: 1_700_000_000_999_999_999n,
      last_ts: new Date('2023-11-14T22:13:21.000Z'),
      last_ns: 1_700_000_001_000_000_001n,
      packets: 36n,
      bytes: 2n ** 53n - 1n,
      stored_bytes: 5_000_000_000n,
      out_of_order: 3n,
      status: 'complete',
      damage_offset: null,
      damage_reason: null,
      packets_in_sessions: 10n,
      fragments_completed: 5n,
      fragments_incomplete: 4n,
      not_ip: 7n,
      undecodable: 10n,
      undecodable_reasons: 'bad_ip_length=6,truncated_tcp=4',
      undecoded_protocols: 'ethertype_0x88cc_LLDP=5,ethertype_0x0806_ARP=2',
      packets_of_copy: 0n,
      copy_of: null,
      version: 'null',
      digest: 'sha256:0123',
      rank: 1,
    });
    assert.deepEqual(
      [
        first.capture,
        first.first_ts,
        first.first_ns,
        first.snaplen,
        first.damage_offset,
        first.undecodable_reasons,
        first.undecoded_protocols,
        first.copy_of,
        first.version,
      ],
      ['empty 😀', null, null, null, 24n, '', '', 'größe 😀', null],
    );
    const results = await openResults({ captures: [path] });
    const { rows } = await results.runQuery(
      `SELECT packets - packets_in_sessions - fragments_completed - fragments_incomplete - not_ip - undecodable - packets_of_copy FROM captures`,
    );
    results.close();
    assert.deepEqual(rows, [[0n], [0n]]);
  });

  test('a null in a column that is not nullable is refused', async () => {
    const bad = { ...sound, status: null as unknown as string };
    await assert.rejects(writeRows(join(dir, 'bad.parquet'), CAPTURES, [bad]), /column status cannot be NULL/);
  });

  test('thousands of captures span chunks', async () => {
    const path = join(dir, 'many.parquet');
    const rows = Array.from({ length: 5000 }, (_, rank) => ({ ...sound, capture: `capture-${rank}`, rank }));
    assert.equal((await writeRows(path, CAPTURES, rows)).rows, 5000);
    const read = await readParquet(path);
    assert.deepEqual(
      read.map((row) => row.capture),
      rows.map((row) => row.capture),
    );
  });
});

describe('anomalies table', () => {
  const row = (capture: number, offset: number, name: string, us = 1_700_000_000_000_000): AnomalyRow => ({
    capture,
    offset,
    name,
    us,
    ns: us < 0 ? 0 : 5,
    detail: '\0\x1b"quo\'te"\n',
    count: 1,
  });

  test('is ordered by rank, offset and name, and has NULL for anomalies without a time', async () => {
    const path = join(dir, 'anomalies.parquet');
    const sort = new AnomalySort(dir);
    for (const given of [row(1, 0, 'a'), row(0, 50, 'b'), row(0, 50, 'a', -1), row(0, 2 ** 40, 'z'), row(0, 7, 'z')])
      sort.add(given);
    await writeRows(
      path,
      ANOMALIES,
      [...sort.sorted()].map((r) => ({ ...r, captureName: `c${r.capture}` })),
    );
    sort.close();
    const read = await readParquet(path);
    assert.deepEqual(
      read.map((r) => [r.capture, r.offset, r.name]),
      [
        ['c0', 7n, 'z'],
        ['c0', 50n, 'a'],
        ['c0', 50n, 'b'],
        ['c0', 2n ** 40n, 'z'],
        ['c1', 0n, 'a'],
      ],
    );
    assert.deepEqual([read[0].ts_ns, read[1].ts_ns, read[1].ts], [1_700_000_000_000_000_005n, null, null]);
    assert.equal(read[0].detail, '\0\x1b"quo\'te"\n');
  });

  test('rows from scratch and from memory are in one order, equal ones in order of arrival', () => {
    const next = random(SEED);
    const rows = Array.from({ length: 5000 }, (_, i) => ({
      ...row(Math.floor(next() * 200), Math.floor(next() * 5), pick(next, ['a', 'b'])),
      detail: `${i}`,
    }));
    const expected = [...rows].sort(
      (a, b) => a.capture - b.capture || a.offset - b.offset || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
    );
    for (const most of [1, 7, 999, 1e6]) {
      const sort = new AnomalySort(dir, most);
      for (const given of rows) sort.add(given);
      assert.equal(sort.rows, rows.length);
      assert.deepEqual([...sort.sorted()], expected, `seed ${SEED}, ${most} rows in memory`);
      sort.close();
    }
  });

  test('without rows the file has the columns and no rows', async () => {
    const path = join(dir, 'none.parquet');
    assert.equal((await writeRows(path, ANOMALIES, [])).rows, 0);
    assert.deepEqual(await readParquet(path), []);
    const results = await openResults({ anomalies: [path] });
    const { columns } = await results.runQuery('SELECT * FROM anomalies');
    results.close();
    assert.deepEqual(
      columns.map((c) => c.name),
      ANOMALIES.columns.map((c) => c.name),
    );
  });
});

describe('schemas', () => {
  test('every column has a distinct lower-case name, a sentence, and a type that Athena has', () => {
    for (const [table, { columns }] of Object.entries(TABLES)) {
      assert.equal(new Set(columns.map((c) => c.name)).size, columns.length, table);
      for (const column of columns) {
        assert.match(column.name, /^[a-z][a-z0-9_]*$/);
        assert.ok(column.description.length > 5, column.name);
        assert.match(athenaType(column.type), /^(timestamp|bigint|int|double|boolean|string)$/);
      }
    }
  });
});
