/** in_subnet against Node's own list of subnets, and what it says of text that is no address or no subnet. */
import assert from 'node:assert/strict';
import { BlockList, isIPv6 } from 'node:net';
import { after, before, test } from 'node:test';
import { type OpenTables, openResults } from '../../shared/query/results.ts';
import { sqlLiteral } from '../../shared/table/parquet/sqltext.ts';
import { HEAVY } from '../heavy.ts';
import { SEED } from '../seed.ts';

let results: OpenTables;
before(async () => {
  results = await openResults({});
});
after(() => results.close());

/** Answers for pairs of address and subnet, computed at once for columns of them. */
async function answers(pairs: readonly (readonly [address: string | null, subnet: string | null, ...unknown[]])[]) {
  const text = (value: string | null): string => (value === null ? 'NULL::VARCHAR' : sqlLiteral(value));
  const rows = pairs.map(([address, subnet], i) => `(${i}, ${text(address)}, ${text(subnet)})`);
  const result = await results.runQuery(
    `SELECT in_subnet(address, subnet) FROM (VALUES ${rows.join(', ')}) AS t (i, address, subnet) ORDER BY i`,
  );
  return result.rows.flat();
}

test('addresses of both kinds, in every notation, are in the subnets that contain them', HEAVY, async () => {
  const cases: [string, string, boolean][] = [
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['110.1.2.3', '10.0.0.0/8', false],
    ['10.1.2.3', '10.99.99.99/8', true],
    ['172.31.255.255', '172.16.0.0/12', true],
    ['172.32.0.0', '172.16.0.0/12', false],
    ['203.0.113.9', '0.0.0.0/0', true],
    ['203.0.113.9', '203.0.113.9/32', true],
    ['203.0.113.9', '203.0.113.9', true],
    ['203.0.113.8', '203.0.113.9', false],
    ['255.255.255.255', '128.0.0.0/1', true],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db8:7fff::1', '2001:DB8:8000::/33', false],
    ['2001:db8:ffff::1', '2001:db8:8000::/33', true],
    ['2001:dbf:ffff::', '2001:db8::/29', true],
    ['2001:dc0::', '2001:db8::/29', false],
    ['fe80::1', 'fe80::/10', true],
    ['fec0::1', 'fe80::/10', false],
    ['::1', '::1', true],
    ['::', '::/128', true],
    ['1::', '::/1', true],
    ['8000::', '::/1', false],
    ['ff02::1:ff00:1', 'ff02:0:0:0:0:1:ff00::/104', true],
    ['0001:0:00::2', '1::2/128', true],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201', true],
    ['::10.0.0.1', '::a00:0/104', true],
    // IPv4-mapped addresses, on either side.
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['::FFFF:A01:203', '10.1.2.0/24', true],
    ['10.1.2.3', '::ffff:10.0.0.0/104', true],
    ['10.1.2.3', '::ffff:0:0/96', true],
    ['::ffff:11.1.2.3', '::ffff:10.0.0.0/104', false],
    // The other kind of address.
    ['10.1.2.3', '::/0', false],
    ['2001:db8::1', '0.0.0.0/0', false],
    ['::a01:203', '10.0.0.0/8', false],
  ];
  assert.deepEqual(
    (await answers(cases)).map((answer, i) => [...cases[i].slice(0, 2), answer]),
    cases,
  );
  // A constant subnet, which DuckDB computes before it begins.
  for (const [address, subnet, inside] of cases) {
    const sql = `SELECT in_subnet(a, ${sqlLiteral(subnet)}) FROM (VALUES (${sqlLiteral(address)})) AS t (a)`;
    assert.deepEqual((await results.runQuery(sql)).rows, [[inside]], `${address} ${subnet}`);
  }
});

test(`random addresses are where Node's BlockList has them (seed ${SEED})`, async () => {
  let state = SEED;
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const numbers = (count: number, most: number): number[] => Array.from({ length: count }, () => below(most));
  const v4 = (near: number[]): string => near.map((n, i) => (i > below(4) ? below(256) : n)).join('.');
  const v6 = (near: number[]): string => {
    const groups = near.map((n, i) => (i > below(8) ? below(2) * below(65536) : n).toString(16));
    // The first run of zeros is abbreviated.
    return groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
  };
  const pairs: [string, string][] = [];
  const expected: boolean[] = [];
  for (let i = 0; i < 3000; i++) {
    const six = i % 2 === 1;
    const near = six ? numbers(8, 65536) : numbers(4, 256);
    const [base, address] = six ? [v6(near), v6(near)] : [v4(near), v4(near)];
    const bits = below(six ? 129 : 33);
    const kind = six ? 'ipv6' : 'ipv4';
    assert.equal(isIPv6(base), six, base);
    const list = new BlockList();
    list.addSubnet(base, bits, kind);
    pairs.push([address, `${base}/${bits}`]);
    expected.push(list.check(address, kind));
  }
  const found = await answers(pairs);
  for (const [i, pair] of pairs.entries()) assert.equal(found[i], expected[i], pair.join(' in '));
  assert.ok(expected.filter(Boolean).length > 300, 'some are inside');
});

test('NULL and text that is no address are in no subnet and outside of none: NULL', async () => {
  const NO_ADDRESSES =
    '|host|1.2.3|1.2.3.4.5|1.2.3.256|01.2.3.4|1.2.3.4/8| 1.2.3.4|1e1.2.3.4|:|:::|1:2|1::2::3|:1::2|12345::|g::|1:2:3:4:5:6:7:8:9|fe80::1%eth0|::1.2.3|1.2.3.4::|1:2:3:4:5:6:7:1.2.3.4'.split(
      '|',
    );
  for (const subnet of ['10.0.0.0/8', '0.0.0.0/0', '::/0', '2001:db8::/33'])
    for (const [i, answer] of (await answers(NO_ADDRESSES.map((address) => [address, subnet]))).entries())
      assert.equal(answer, null, `${NO_ADDRESSES[i]} in ${subnet}`);
  assert.deepEqual(
    await answers([
      [null, '10.0.0.0/8'],
      ['10.0.0.1', null],
    ]),
    [null, null],
  );
});

test('text that is no subnet is an error that says how one is written', async () => {
  for (const subnet of [
    '',
    '10',
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/129',
    '::/1000',
    'x/8',
    '10.0.0.0/255.0.0.0',
  ])
    await assert.rejects(
      answers([['10.0.0.1', subnet]]),
      ({ message }: Error) =>
        message.includes(`in_subnet: '${subnet}' is no subnet: write ADDRESS/BITS, such as 10.0.0.0/8`),
      subnet,
    );
});
