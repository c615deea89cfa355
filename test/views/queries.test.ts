/** The saved queries in DuckDB: what each finds in sessions made for it, and what it leaves out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal, type QueryValue } from '../../shared/query/queryresult.ts';
import { SAVED_QUERIES } from '../../shared/views/index.ts';
import { beacons, big, EDGES, type Made, NOT_TCP, SCANNERS, START, scans, UNANSWERED, uploads } from './made.ts';
import { askMade, openMade } from './open.ts';

type Context = Parameters<typeof askMade>[0];

/** The answer of a saved query as objects, or only some of its columns. */
async function saved(t: Context, name: string, sessions: readonly Made[], columns = '*'): Promise<QueryValue[][]> {
  const query = SAVED_QUERIES.find((candidate) => candidate.name === name);
  assert.ok(query, name);
  return askMade(t, sessions, `SELECT ${columns} FROM (${query.sql}) AS answer`);
}

test('saved queries have names of their own, fit for a command line, and run over no sessions at all', async (t) => {
  const names = SAVED_QUERIES.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const none = await openMade(t, []);
  for (const { name, sql } of SAVED_QUERIES) {
    assert.match(name, /^[a-z][a-z_]*$/);
    assert.deepEqual((await none.runQuery(sql)).rows, [], name);
  }
});

test('spanning_captures: those in several captures, most captures first, then by time', async (t) => {
  const sessions = [1, 2, 12, 2].map((capture_count, i) => ({ capture_count, at: START + 10 - i }));
  const rows = await saved(t, 'spanning_captures', sessions, 'uid, capture_count');
  assert.deepEqual(rows, [
    ['made00000002', 12],
    ['made00000003', 2],
    ['made00000001', 2],
  ]);
});

test('by_protocol: sums pass 2^63, unset bytes count nothing', async (t) => {
  const max = big(2n ** 62n);
  const sessions: Made[] = [
    { orig_ip_bytes: max, resp_ip_bytes: 0 },
    { orig_ip_bytes: max, resp_ip_bytes: 0 },
    { orig_ip_bytes: max, resp_ip_bytes: 1, orig_bytes: null },
    { service: 'dns', ...NOT_TCP, proto: 'udp', ip_proto: 17, orig_bytes: null, resp_bytes: null },
    { service: 'dns' },
    { service: null, ...NOT_TCP, proto: 'udp', ip_proto: 17 },
  ];
  assert.deepEqual(await saved(t, 'by_protocol', sessions), [
    ['tcp', 6, null, 3n, 27n, 3n * 2n ** 62n + 1n, 200n, 3000n],
    ['tcp', 6, 'dns', 1n, 9n, 1460n, 100n, 1000n],
    ['udp', 17, null, 1n, 9n, 1460n, 100n, 1000n],
    ['udp', 17, 'dns', 1n, 9n, 1460n, 0n, 0n],
  ]);
});

test('per_millisecond: sessions that begin in one millisecond are together, whatever their nanoseconds', async (t) => {
  const sessions: Made[] = [
    { at: START + 0.001 },
    { at: START + 0.001999, atNs: 999, orig_h: '10.0.0.9' },
    { at: START + 0.002 },
    { at: START },
  ];
  assert.deepEqual(await saved(t, 'per_millisecond', sessions), [
    ['2023-11-14 22:13:20.001', 2n, 2n, 1n, 18n, 2920n],
    ['2023-11-14 22:13:20', 1n, 1n, 1n, 9n, 1460n],
    ['2023-11-14 22:13:20.002', 1n, 1n, 1n, 9n, 1460n],
  ]);
});

test('top_talkers: both roles, a session of a host with itself once', async (t) => {
  const sessions: Made[] = [
    { orig_h: 'a', resp_h: 'b', orig_ip_bytes: 10, resp_ip_bytes: 1 },
    { orig_h: 'b', resp_h: 'a', orig_ip_bytes: big(2n ** 62n), resp_ip_bytes: 2 },
    { orig_h: 'b', resp_h: 'a', orig_ip_bytes: big(2n ** 62n), resp_ip_bytes: 2 },
    { orig_h: 'c', resp_h: 'c', orig_ip_bytes: 100, resp_ip_bytes: 100 },
  ];
  assert.deepEqual(await saved(t, 'top_talkers', sessions), [
    ['a', 3n, 1n, 14n, 2n ** 63n + 1n, 27n],
    ['b', 3n, 1n, 2n ** 63n + 1n, 14n, 27n],
    ['c', 1n, 1n, 100n, 100n, 9n],
  ]);
});

test('long_sessions: the longest first; those without a duration are left out', async (t) => {
  const sessions: Made[] = [
    { lasts: 3 },
    { duration: null, lasts: 9 },
    { lasts: 86_400.5 },
    { lasts: 3, at: START - 1 },
  ];
  assert.deepEqual(await saved(t, 'long_sessions', sessions, 'duration, uid'), [
    [86_400.5, 'made00000002'],
    [3, 'made00000003'],
    [3, 'made00000000'],
  ]);
});

test('scans: twenty failed targets are one, nineteen are none, and neither is a client that mostly succeeds', async (t) => {
  assert.deepEqual(await saved(t, 'scans', scans()), [
    [SCANNERS.a, 20n, 1n, 20n, 10n, 30n, 0n, '2023-11-14 22:13:20', '2023-11-14 22:14:39'],
    [SCANNERS.ping, 20n, 20n, 1n, 20n, 0n, 0n, '2023-11-14 22:13:20', '2023-11-14 22:13:20'],
    [SCANNERS.b, 20n, 20n, 1n, 20n, 0n, 0n, '2023-11-14 22:13:20', '2023-11-14 22:13:20'],
  ]);
});

test('scans: traffic seen one way only is no scan', async (t) => {
  const oneWay = Array.from(
    { length: 50 },
    (_, i): Made => ({ ...UNANSWERED, conn_state: 'OTH', resp_h: `10.9.9.${i}` }),
  );
  assert.deepEqual(await saved(t, 'scans', oneWay), []);
});

test('beacons: regular ones, and those with jitter up to a fifth of the interval', async (t) => {
  const rows = await saved(t, 'beacons', beacons(), 'resp_h, resp_p, sessions, seconds_apart, variation, orig_bytes');
  assert.deepEqual(rows, [
    ['5.5.5.1', 8443, 10n, new Decimal('60.000'), new Decimal('0.000'), 1000n],
    ['5.5.5.2', 8443, 11n, new Decimal('60.000'), new Decimal('0.183'), 1100n],
  ]);
});

test('beacons: each pair of hosts and port is a series of its own', async (t) => {
  // Every 60 seconds to either of two hosts: 120 seconds apart to each.
  const turns = Array.from({ length: 20 }, (_, i): Made => ({ at: START + 60 * i, resp_h: `5.5.6.${i % 2}` }));
  const rows = await saved(t, 'beacons', turns, 'resp_h, sessions, seconds_apart');
  assert.deepEqual(rows, [
    ['5.5.6.0', 10n, new Decimal('120.000')],
    ['5.5.6.1', 10n, new Decimal('120.000')],
  ]);
});

test('uploads_to_rare_hosts: in pieces, with nothing known to have come back, but not to hosts that three use', async (t) => {
  const rows = await saved(t, 'uploads_to_rare_hosts', uploads(), '* EXCLUDE (first_ts, last_ts)');
  assert.deepEqual(rows, [
    ['10.4.0.1', '6.6.6.4', 1n, 2n, 12000000n, 0n],
    ['10.4.0.1', '6.6.6.1', 2n, 2n, 10000000n, 2000n],
  ]);
});

test('every saved query runs over every kind of session', async (t) => {
  const all = await openMade(t, [...EDGES, ...scans(), ...beacons(), ...uploads()]);
  for (const { name, sql } of SAVED_QUERIES) assert.ok((await all.runQuery(sql)).rows.length > 0, name);
});
