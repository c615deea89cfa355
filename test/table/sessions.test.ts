import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { KEY_FLAG_V6, KEY_PORTS, KEY_PROTO, KEY_WORDS } from '../../shared/packet/flow/flowtable.ts';
import { tunnelText } from '../../shared/packet/tunneltext.ts';
import { openResults } from '../../shared/query/results.ts';
import { CONN_STATES, END_REASONS, SessionRows } from '../../shared/session/rows/sessionrows.ts';
import { SESSIONS } from '../../shared/table/sessions.ts';
import { writeSessions } from '../../shared/table/sessionsfile.ts';
import { startOrder } from '../../shared/table/startorder.ts';
import { HEAVY } from '../heavy.ts';
import { CONTEXT, nanoseconds, randomSessions, takeSessions, uidOf } from './rows.ts';

const dir = mkdtempSync(join(tmpdir(), 'flowstitch-sessions-'));
after(() => rmSync(dir, { recursive: true }));

type Row = Record<string, unknown>;

async function readParquet(path: string): Promise<Row[]> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  return (await parquetReadObjects({ file, compressors })) as Row[];
}

const unset = (value: number): bigint | null => (value === -1 ? null : BigInt(value));

/** The row without addresses and the Community ID, which have tests of their own. */
function expectedRow(rows: SessionRows, i: number): Row {
  const protoWord = rows.key[i * KEY_WORDS + KEY_PROTO];
  const ipProto = protoWord & 0xff;
  // SCTP's ports are kept for the Community ID alone.
  const ports = ipProto === 132 ? 0 : rows.key[i * KEY_WORDS + KEY_PORTS];
  const [a, b] = [ports >>> 16, ports & 0xffff];
  const b0 = rows.origIsB[i] === 1;
  const names: Record<number, string> = { 6: 'tcp', 17: 'udp', 1: 'icmp', 58: 'icmp', 132: 'sctp' };
  return {
    ts: new Date(Math.floor(rows.startUs[i] / 1000)),
    ts_ns: nanoseconds(rows.startUs[i], rows.startNs[i]),
    end_ns: nanoseconds(rows.endUs[i], rows.endNs[i]),
    duration: rows.durationUs[i] === -1 ? null : rows.durationUs[i] / 1e6,
    uid: uidOf(rows.uid, i),
    proto: names[ipProto] ?? 'unknown_transport',
    ip_proto: ipProto,
    orig_p: b0 ? b : a,
    resp_p: b0 ? a : b,
    service: null,
    conn_state: CONN_STATES[rows.connState[i]],
    history: rows.history[i],
    orig_bytes: unset(rows.origBytes[i]),
    resp_bytes: unset(rows.respBytes[i]),
    orig_pkts: BigInt(rows.origPkts[i]),
    resp_pkts: BigInt(rows.respPkts[i]),
    orig_ip_bytes: BigInt(rows.origIpBytes[i]),
    resp_ip_bytes: BigInt(rows.respIpBytes[i]),
    missed_bytes: BigInt(rows.missedBytes[i]),
    retransmitted_pkts: BigInt(rows.retransmitted[i]),
    out_of_order_pkts: BigInt(rows.outOfOrder[i]),
    duplicate_pkts: BigInt(rows.duplicate[i]),
    truncated_pkts: BigInt(rows.truncated[i]),
    orig_tcp_flags: ipProto === 6 ? rows.origTcpFlags[i] : null,
    resp_tcp_flags: ipProto === 6 ? rows.respTcpFlags[i] : null,
    vlan: rows.vlan[i] === 0 ? null : rows.vlan[i] - 1,
    inner_vlan: rows.innerVlan[i] === 0 ? null : rows.innerVlan[i] - 1,
    tunnel: rows.tunnel[i] === 0 ? null : tunnelText(rows.tunnels, rows.tunnel[i]),
    syn_rtt_us: unset(rows.synRttUs[i]),
    end_reason: END_REASONS[rows.endReason[i]],
    capture_first: CONTEXT.captureName(rows.captureFirst[i]),
    capture_last: CONTEXT.captureName(rows.captureLast[i]),
    capture_count: rows.captureCount[i],
  };
}

describe('sessions table', () => {
  test('hyparquet reads back every value in order, over chunk borders', async () => {
    const rows = randomSessions(5000, 11);
    rows.origBytes[7] = 2 ** 53;
    rows.retransmitted[8] = 0xffffffff;
    const path = join(dir, 'values.parquet');
    assert.equal((await writeSessions(path, rows, CONTEXT)).rows, 5000);
    const read = await readParquet(path);
    assert.equal(read.length, 5000);
    for (const [at, i] of startOrder(rows).entries()) {
      const { orig_h, resp_h, community_id, ...rest } = read[at];
      assert.deepEqual(rest, expectedRow(rows, i));
      assert.match(String(community_id), /^1:[A-Za-z0-9+/]{27}=$/);
      assert.match(`${orig_h} ${resp_h}`, /^[0-9a-f.:]+ [0-9a-f.:]+$/);
    }
  });

  test('addresses, ports and Community ID follow from the flow key and the direction', async () => {
    const rows = takeSessions(randomSessions(1, 10), [0, 0, 0]);
    const key = (at: number, a: number[], b: number[], ports: number[], proto: number): void => {
      rows.startUs[at] = at;
      rows.key.fill(0, at * KEY_WORDS, (at + 1) * KEY_WORDS);
      rows.key.set([...a, ...b, ports[0] * 0x10000 + ports[1], proto], at * KEY_WORDS);
    };
    // The Community IDs are those of the specification's baseline for the same flows.
    key(0, [0, 0, 0, 0x08080808], [0, 0, 0, 0xc0a80134], [53, 54585], 17);
    key(1, [0, 0, 0, 0xc0a80001], [0, 0, 0, 0xc0a80059], [0, 8], 1);
    key(2, [0x20010db8, 0, 0, 1], [0xfe800000, 0, 0, 2], [443, 50000], 6 | KEY_FLAG_V6);
    rows.origIsB.set([1, 1, 1]);
    const path = join(dir, 'keys.parquet');
    await writeSessions(path, rows, CONTEXT);
    const read = await readParquet(path);
    const tuple = (row: Row): unknown[] => [row.proto, row.orig_h, row.orig_p, row.resp_h, row.resp_p];
    assert.deepEqual(read.map(tuple), [
      ['udp', '192.168.1.52', 54585, '8.8.8.8', 53],
      ['icmp', '192.168.0.89', 8, '192.168.0.1', 0],
      ['tcp', 'fe80::2', 50000, '2001:db8::1', 443],
    ]);
    assert.equal(read[0].community_id, '1:d/FP5EW3wiY1vCndhwleRRKHowQ=');
    assert.equal(read[1].community_id, '1:X0snYXpgwiv9TZtqg64sgzUn6Dk=');
  });

  test('DuckDB reads back the same as hyparquet', async () => {
    const path = join(dir, 'same.parquet');
    await writeSessions(path, randomSessions(3000, 12), CONTEXT);
    const results = await openResults({ sessions: [path] });
    const { columns, rows } = await results.runQuery(
      'SELECT * EXCLUDE (dt) REPLACE (epoch_ms(ts) AS ts) FROM sessions',
    );
    results.close();
    const read = await readParquet(path);
    const names = columns.map((c) => c.name);
    for (const [i, row] of rows.entries()) {
      const there = { ...read[i], ts: BigInt((read[i].ts as Date).getTime()) };
      assert.deepEqual(Object.fromEntries(row.map((value, c) => [names[c], value])), there);
    }
  });

  test('the file has the columns of the schema, with plain types', async () => {
    const path = join(dir, 'empty.parquet');
    assert.equal((await writeSessions(path, new SessionRows(0), CONTEXT)).rows, 0);
    const results = await openResults({ sessions: [path] });
    const { columns, rows } = await results.runQuery('SELECT * EXCLUDE (dt) FROM sessions');
    results.close();
    assert.deepEqual(
      columns,
      SESSIONS.columns.map((c) => ({ name: c.name, type: c.type })),
    );
    assert.deepEqual(rows, []);
    const bytes = readFileSync(path);
    const metadata = await parquetMetadataAsync(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
    );
    const types: Record<string, string> = {
      BIGINT: 'INT64',
      TIMESTAMP: 'INT64',
      INTEGER: 'INT32',
      DOUBLE: 'DOUBLE',
      VARCHAR: 'BYTE_ARRAY',
    };
    assert.deepEqual(
      metadata.schema.slice(1).map((c) => [c.name, c.type]),
      SESSIONS.columns.map((c) => [c.name, types[c.type]]),
    );
  });

  test(
    'row groups near 100,000 rows, zstd but for chunks of a few bytes, V1 pages, sorted by start, and NULL only where a column can be',
    HEAVY,
    async () => {
      const rows = randomSessions(120_000, 13);
      // A flood: every session from another IPv6 address, and a wide scan of IPv4 addresses among them.
      for (let i = 0; i < rows.length; i++) {
        const at = i * KEY_WORDS;
        rows.key.set([0x20010db8, i, ~i, 7, 0, 0, 0, 0xc0a80000 + (i % 70_000)], at);
        if (i % 3 === 0) rows.key.fill(0, at, at + 3);
        if (i % 3 === 0) rows.key[at + 3] = 0x0a000000 + i;
        rows.key[at + KEY_PROTO] = i % 3 === 0 ? 6 : 6 | KEY_FLAG_V6;
      }
      const path = join(dir, 'groups.parquet');
      await writeSessions(path, rows, CONTEXT);
      const bytes = readFileSync(path);
      const metadata = await parquetMetadataAsync(
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
      );
      assert.deepEqual(
        metadata.row_groups.map((g) => Number(g.num_rows)),
        [100_352, 19_648],
      );
      assert.deepEqual(
        metadata.schema.slice(1).map(({ name, repetition_type }) => [name, repetition_type]),
        SESSIONS.columns.map(({ name, nullable }) => [name, nullable ? 'OPTIONAL' : 'REQUIRED']),
      );
      for (const group of metadata.row_groups) {
        assert.deepEqual(
          group.sorting_columns?.map(({ column_idx }) => SESSIONS.columns[column_idx].name),
          ['ts_ns', 'uid'],
        );
        for (const chunk of group.columns) {
          if (chunk.meta_data!.total_uncompressed_size > 512n) assert.equal(chunk.meta_data!.codec, 'ZSTD');
          for (const encoding of chunk.meta_data!.encodings)
            assert.ok(['PLAIN', 'RLE', 'PLAIN_DICTIONARY', 'RLE_DICTIONARY'].includes(encoding), encoding);
          const name = chunk.meta_data!.path_in_schema[0];
          const lookedUp = ['orig_h', 'resp_h', 'uid', 'community_id'].includes(name);
          assert.equal(chunk.meta_data!.bloom_filter_offset !== undefined, lookedUp, name);
        }
      }
    },
  );

  test('the same rows in another order give the same bytes', async () => {
    const rows = randomSessions(4000, 14);
    const [one, two] = [join(dir, 'one.parquet'), join(dir, 'two.parquet')];
    await writeSessions(one, rows, CONTEXT);
    await writeSessions(two, takeSessions(rows, [...Array(4000).keys()].reverse()), CONTEXT);
    assert.deepEqual(readFileSync(two), readFileSync(one));
  });

  test('capture names of any kind are read back unchanged', async () => {
    const names = ["quo'te", 'a"b', 'line\nbreak', '😀', '', '%s', '\\x00', 'é'.repeat(500), 'DROP TABLE'];
    const rows = randomSessions(names.length, 15);
    rows.captureFirst.set([...names.keys()]);
    rows.captureLast.fill(0);
    rows.history.fill('ShADad');
    const path = join(dir, 'names.parquet');
    await writeSessions(path, rows, { ...CONTEXT, captureName: (rank) => names[rank] });
    const read = await readParquet(path);
    assert.deepEqual(
      read.map((row) => row.capture_first),
      [...startOrder(rows)].map((i) => names[rows.captureFirst[i]]),
    );
    assert.deepEqual(new Set(read.map((row) => row.capture_last)), new Set([names[0]]));
  });

  test('works in worker threads, two at once', async () => {
    const paths = [join(dir, 'worker0.parquet'), join(dir, 'worker1.parquet'), join(dir, 'main.parquet')];
    const worker = (path: string): Promise<void> =>
      new Promise((done, fail) => {
        const w = new Worker(new URL('./sessionsworker.ts', import.meta.url), { workerData: path });
        w.on('error', fail);
        w.on('exit', (code) => (code === 0 ? done() : fail(new Error(`exit ${code}`))));
      });
    await Promise.all([
      worker(paths[0]),
      worker(paths[1]),
      writeSessions(paths[2], randomSessions(10_000, 16), CONTEXT),
    ]);
    assert.deepEqual(readFileSync(paths[0]), readFileSync(paths[2]));
    assert.deepEqual(readFileSync(paths[1]), readFileSync(paths[2]));
  });

  test('an error while rows are produced is thrown unchanged', async () => {
    const rows = randomSessions(10, 17);
    rows.tunnel.fill(1);
    rows.tunnels.read = () => {
      throw new RangeError('no such tunnel');
    };
    await assert.rejects(writeSessions(join(dir, 'failed.parquet'), rows, CONTEXT), /^RangeError: no such tunnel$/);
    await assert.rejects(writeSessions(join(dir, 'no', 'such', 'directory.parquet'), rows, CONTEXT), /directory/);
  });
});
