/** The views in DuckDB: what each dialect says of sessions in which the dialects differ. */
import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { describe, test } from 'node:test';
import { ipv4Text, ipv6Text } from '../../shared/packet/address.ts';
import { openResults } from '../../shared/query/results.ts';
import { CONN_STATES } from '../../shared/session/rows/sessionrows.ts';
import { SESSIONS } from '../../shared/table/sessions.ts';
import type { TableColumn } from '../../shared/table/tablecolumn.ts';
import { TABLES } from '../../shared/table/tables.ts';
import { VIEWS } from '../../shared/views/index.ts';
import { PARTITION_COLUMNS, sqlType, type ViewColumn } from '../../shared/views/view.ts';
import { random } from '../table/rows.ts';
import { big, EDGES, type Made, NOT_TCP, START } from './made.ts';
import { askMade } from './open.ts';

/** A type as DuckDB reports it. */
function duckdbType(column: ViewColumn): string {
  return sqlType(column).replaceAll('ROW(', 'STRUCT(');
}

test('no view has the name of a table, and each is declared with the names and types it has', async (t) => {
  const open = await openResults({});
  t.after(() => open.close());
  for (const { name, columns } of VIEWS) {
    assert.ok(!(name in TABLES));
    const answer = await open.runQuery(`SELECT * FROM ${name}`);
    const declared = columns.map((column) => ({ name: column.name, type: duckdbType(column) }));
    assert.deepEqual(answer.columns, [...declared, { name: 'dt', type: 'VARCHAR' }], name);
    assert.deepEqual(answer.rows, [], name);
  }
});

/** Columns and the fields of ROWs, each with the path that asks for it. */
function everyField(columns: readonly ViewColumn[], prefix = ''): { name: string; path: string }[] {
  return columns.flatMap((column) => {
    const path = `${prefix}${column.name}`;
    const fields = 'fields' in column ? everyField(column.fields, `${path}.`) : [];
    return [{ name: column.name, path }, ...fields];
  });
}

test('every column and field has a name that Athena documents as allowed, in tables and views', () => {
  const views = everyField([...VIEWS.flatMap(({ columns }) => columns), ...PARTITION_COLUMNS]);
  const names = [...Object.values(TABLES).flatMap(({ columns }): readonly TableColumn[] => columns), ...views].map(
    ({ name }) => name,
  );
  assert.ok(names.length > 200, `${names.length} names`);
  assert.deepEqual(
    names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name)),
    [],
  );
});

test('zeek_conn has as many rows as sessions; every column that Zeek has means the same', async (t) => {
  const skip = new Set(['ts', 'history']);
  const zeek = everyField(VIEWS[0].columns);
  const differences = SESSIONS.columns
    .filter(({ name }) => !skip.has(name))
    .flatMap(({ name }) => {
      const same = zeek.find(({ path }) => path === name || path === `id.${name}`);
      return same === undefined ? [] : [`s.${name} IS DISTINCT FROM z.${same.path}`];
    });
  assert.equal(differences.length, 20);
  const [row] = await askMade(
    t,
    EDGES,
    `SELECT (SELECT count(*) FROM zeek_conn), (SELECT count(*) FROM sessions),
      (SELECT count(*) FROM sessions s JOIN zeek_conn z USING (uid) WHERE ${differences.join(' OR ')})`,
  );
  assert.deepEqual(row, [BigInt(EDGES.length), BigInt(EDGES.length), 0n]);
});

test('zeek_conn gives times in seconds, and no history as NULL', async (t) => {
  const rows = await askMade(
    t,
    [EDGES[0], EDGES[2]],
    'SELECT ts, history, tunnel_parents, vlan, inner_vlan FROM zeek_conn ORDER BY uid',
  );
  assert.deepEqual(rows, [
    [START + 0.123456789, 'ShADadFf', null, 100, 7],
    [START, null, null, null, null],
  ]);
});

describe('local addresses', () => {
  // IANA's special-purpose registries, those blocks that are not routed, each IPv4 block as 6to4 too.
  const V4 =
    '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4';
  const V6 =
    '::/128 ::1/128 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 fc00::/7 fe80::/10 2002::/24 2002:a00::/24 2002:6440::/26 2002:7f00::/24 2002:a9fe::/32 2002:ac10::/28 2002:c000::/40 2002:c000:200::/40 2002:c0a8::/32 2002:c612::/31 2002:c633:6400::/40 2002:cb00:7100::/40 2002:f000::/20';

  /** First, last and the two addresses next to a block, and some inside and near it. */
  function around(first: bigint, size: bigint, bits: bigint, next: () => number): bigint[] {
    const inside = Array.from({ length: 6 }, () => first + (BigInt(Math.floor(next() * 2 ** 32)) * size) / 2n ** 32n);
    const near = Array.from(
      { length: 6 },
      () => first + (BigInt(Math.floor((next() - 0.5) * 2 ** 32)) * size) / 2n ** 30n,
    );
    const all = [first - 1n, first, first + 1n, first + size - 1n, first + size, ...inside, ...near];
    return all.filter((address) => address >= 0n && address < 1n << bits);
  }

  test('are those of the blocks that Zeek takes for private, up to their edges', async (t) => {
    const next = random(5);
    const list = new BlockList();
    const addresses: string[] = [];
    for (const block of V4.split(' ')) {
      const [net, prefix] = block.split('/');
      list.addSubnet(net, Number(prefix), 'ipv4');
      const first = net.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
      for (const address of around(first, 1n << BigInt(32 - Number(prefix)), 32n, next))
        addresses.push(ipv4Text(Number(address)));
    }
    const textOf = (address: bigint): string =>
      ipv6Text(
        Uint32Array.from([96n, 64n, 32n, 0n], (shift) => Number((address >> shift) & 0xffffffffn)),
        0,
      );
    for (const block of V6.split(' ')) {
      const [net, prefix] = block.split('/');
      list.addSubnet(net, Number(prefix), 'ipv6');
      const groups = net
        .split('::')[0]
        .split(':')
        .filter((group) => group !== '');
      const last = net === '::1' ? 1n : 0n;
      const first = Array.from({ length: 8 }, (_, i) => Number.parseInt(groups[i] ?? '0', 16)).reduce(
        (sum, group) => sum * 65536n + BigInt(group),
        0n,
      );
      for (const address of around(first + last, 1n << BigInt(128 - Number(prefix)), 128n, next))
        addresses.push(textOf(address));
    }
    const rows = await askMade(
      t,
      addresses.map((orig_h): Made => ({ orig_h, resp_h: orig_h })),
      'SELECT id.orig_h, local_orig, local_resp FROM zeek_conn ORDER BY uid',
    );
    assert.equal(rows.length, addresses.length);
    let local = 0;
    for (const [address, orig, resp] of rows) {
      // Node matches IPv4 blocks against mapped addresses too; text like ::ffff:1.2.3.4 is none of ours.
      const expected = list.check(address as string, (address as string).includes(':') ? 'ipv6' : 'ipv4');
      assert.deepEqual([orig, resp], [expected, expected], address as string);
      local += expected ? 1 : 0;
    }
    assert.ok(local > 200 && rows.length - local > 100, `${local} of ${rows.length} are local`);
  });
});

describe('vpc_flow_logs', () => {
  const ask = (t: Parameters<typeof askMade>[0], made: Made, columns: string) =>
    askMade(t, [made], `SELECT ${columns} FROM vpc_flow_logs ORDER BY packets DESC`);

  test('is a row a direction, in whole seconds, with what a capture cannot know as - or NULL', async (t) => {
    const rows = await ask(t, EDGES[0], '* EXCLUDE (dt)');
    const common = ['OK', '-', '-', '-'];
    const tail = ['-', '-', '-', '-', '-', '-'];
    const second = BigInt(START);
    assert.deepEqual(rows, [
      [
        ...[5, '-', '-', '10.0.0.1', '93.184.216.34', 50000, 443, 6, 5n, 300n, second, second + 12n, 'ACCEPT'],
        ...[...common, 3, 'IPv4', '10.0.0.1', '93.184.216.34', ...tail, 'egress', null],
      ],
      [
        ...[5, '-', '-', '93.184.216.34', '10.0.0.1', 443, 50000, 6, 4n, 1160n, second, second + 12n, 'ACCEPT'],
        ...[...common, 19, 'IPv4', '93.184.216.34', '10.0.0.1', ...tail, 'ingress', null],
      ],
    ]);
  });

  test('has no row for a direction without packets', async (t) => {
    const columns = 'srcaddr, dstaddr, dstport, protocol, action, tcp_flags, type, flow_direction';
    assert.deepEqual(await ask(t, EDGES[1], columns), [
      ['2a00:1450::5', 'fe80::1', 53, 17, 'ACCEPT', 0, 'IPv6', 'ingress'],
    ]);
    assert.deepEqual(await ask(t, EDGES[9], 'action, tcp_flags, packets'), [['REJECT', 2, 1n]]);
    assert.deepEqual(await ask(t, { orig_pkts: 0 }, 'srcaddr, srcport'), [['93.184.216.34', 443]]);
  });

  test('has ports of TCP, UDP and SCTP only, and no direction between two local or two other addresses', async (t) => {
    const columns = 'srcport, dstport, protocol, flow_direction';
    assert.deepEqual(await ask(t, EDGES[2], columns), [
      [0, 0, 1, '-'],
      [0, 0, 1, '-'],
    ]);
    assert.deepEqual(await ask(t, EDGES[4], columns), [
      [0, 0, 47, '-'],
      [0, 0, 47, '-'],
    ]);
    assert.deepEqual(await ask(t, EDGES[5], columns), [
      [50000, 443, 132, 'ingress'],
      [443, 50000, 132, 'egress'],
    ]);
  });

  test('counts ACK as a flag of SYN-ACKs only, whoever sent them', async (t) => {
    assert.deepEqual(await ask(t, EDGES[8], 'action, tcp_flags'), [
      ['REJECT', 2],
      ['REJECT', 4],
    ]);
    assert.deepEqual(await ask(t, EDGES[10], 'action, tcp_flags'), [
      ['ACCEPT', 18],
      ['ACCEPT', 4],
    ]);
  });

  test('cuts times to the second and keeps numbers above 2^53', async (t) => {
    assert.deepEqual(await ask(t, EDGES[11], 'start, "end"'), [
      [1_700_006_399n, 1_700_006_400n],
      [1_700_006_399n, 1_700_006_400n],
    ]);
    assert.deepEqual(await ask(t, EDGES[6], 'bytes'), [[2n ** 53n + 1n], [2n ** 62n]]);
  });
});

describe('ocsf_network_activity', () => {
  test('nests its objects, by names that need no quotes', async (t) => {
    const rows = await askMade(
      t,
      [EDGES[0], EDGES[3]],
      `SELECT metadata.version, metadata.product.vendor_name, class_uid, category_uid, type_uid, type_name, severity_id,
         status_id, time, end_time, duration, src_endpoint.ip, src_endpoint.port, dst_endpoint.port, connection_info.uid,
         connection_info.community_uid, connection_info.protocol_num, connection_info.protocol_name,
         connection_info.protocol_ver_id, connection_info.direction_id, connection_info.tcp_flags,
         connection_info.flag_history, traffic.bytes, traffic.bytes_out, traffic.bytes_in, traffic.packets, app_name
       FROM ocsf_network_activity ORDER BY connection_info.uid`,
    );
    const ms = BigInt(START) * 1000n;
    assert.deepEqual(rows, [
      [
        ...['1.5.0', 'Flowstitch', 4001, 4, 400102, 'Network Activity: Close', 1, 1, ms + 123n, ms + 12_623n, 12_500n],
        ...['10.0.0.1', 50000, 443, 'made00000000', '1:made', 6, 'tcp', 4, 2, 27, 'ShADadFf'],
        ...[1460n, 300n, 1160n, 9n, 'ssl'],
      ],
      [
        ...['1.5.0', 'Flowstitch', 4001, 4, 400106, 'Network Activity: Traffic', 1, 0, ms, ms + 1000n, 1000n],
        ...['fd00::1', null, null, 'made00000001', '1:made', 58, 'ipv6-icmp', 6, 3, null, null],
        ...[1460n, 300n, 1160n, 9n, null],
      ],
    ]);
  });

  test('has an activity and a status for every state of TCP; UDP is traffic', async (t) => {
    const rows = await askMade(
      t,
      [
        ...CONN_STATES.map((conn_state) => ({ conn_state })),
        { ...NOT_TCP, proto: 'udp', ip_proto: 17, conn_state: 'S0' },
      ],
      'SELECT activity_id, activity_name, status_id, type_uid FROM ocsf_network_activity ORDER BY connection_info.uid',
    );
    const [open, close, reset, fail, refuse, traffic] = [
      [1, 'Open', 1, 400101],
      [2, 'Close', 1, 400102],
      [3, 'Reset', 0, 400103],
      [4, 'Fail', 2, 400104],
      [5, 'Refuse', 2, 400105],
      [6, 'Traffic', 0, 400106],
    ];
    const byState = Object.fromEntries(CONN_STATES.map((state, i) => [state, rows[i]]));
    assert.deepEqual(byState, {
      ...{ S0: fail, S1: open, SF: close, REJ: refuse, S2: traffic, S3: traffic },
      ...{ RSTO: reset, RSTR: reset, RSTOS0: reset, RSTRH: reset, SH: fail, SHR: traffic, OTH: traffic },
    });
    assert.deepEqual(rows[CONN_STATES.length], traffic);
  });

  test('gives the OR of all flags, and the four directions', async (t) => {
    const flags = 'SELECT connection_info.tcp_flags, traffic.bytes_missed FROM ocsf_network_activity';
    assert.deepEqual(await askMade(t, [EDGES[10]], flags), [[18 | 260, 0n]]);
    assert.deepEqual(await askMade(t, [EDGES[6]], flags), [[27, 2n ** 62n]]);
    const rows = await askMade(
      t,
      [
        { orig_h: '10.0.0.1', resp_h: '10.0.0.2' },
        { orig_h: '10.0.0.1', resp_h: '8.8.8.8' },
        { orig_h: '8.8.8.8', resp_h: '10.0.0.1' },
        { orig_h: '8.8.8.8', resp_h: '8.8.4.4' },
      ],
      `SELECT connection_info.direction_id, network.direction FROM ocsf_network_activity
       JOIN ecs ON event.id = connection_info.uid ORDER BY event.id`,
    );
    assert.deepEqual(rows, [
      [3, 'internal'],
      [2, 'outbound'],
      [1, 'inbound'],
      [0, 'external'],
    ]);
  });
});

describe('ecs', () => {
  test('has the fields by their dotted names without quotes, durations in nanoseconds', async (t) => {
    const rows = await askMade(
      t,
      [EDGES[0], EDGES[3]],
      `SELECT timestamp, event.start, event."end", event.duration, event.outcome, event.id, source.ip, source.port,
         source.bytes, source.packets, destination.port, destination.bytes, network.type, network.iana_number,
         network.transport, network.protocol, network.community_id, network.bytes, network.packets, network.vlan.id,
         network."inner".vlan.id, zeek.connection.history
       FROM ecs ORDER BY event.id`,
    );
    assert.deepEqual(rows, [
      [
        ...[
          '2023-11-14 22:13:20.123',
          '2023-11-14 22:13:20.123',
          '2023-11-14 22:13:32.623',
          12_500_000_000n,
          'success',
        ],
        ...['made00000000', '10.0.0.1', 50000, 300n, 5n, 443, 1160n, 'ipv4', '6', 'tcp', 'ssl', '1:made', 1460n, 9n],
        ...['100', '7', 'ShADadFf'],
      ],
      [
        ...['2023-11-14 22:13:20', '2023-11-14 22:13:20', '2023-11-14 22:13:21', 1_000_000_000n, 'unknown'],
        ...[
          'made00000001',
          'fd00::1',
          null,
          300n,
          5n,
          null,
          1160n,
          'ipv6',
          '58',
          'ipv6-icmp',
          null,
          '1:made',
          1460n,
          9n,
        ],
        ...[null, null, null],
      ],
    ]);
  });

  test('cuts times to the millisecond, at midnight and after 2038', async (t) => {
    const rows = await askMade(t, EDGES.slice(11), 'SELECT event.start, event."end" FROM ecs ORDER BY event.id');
    assert.deepEqual(rows, [
      ['2023-11-14 23:59:59.999', '2023-11-15 00:00:00'],
      ['2100-01-01 00:00:01', '2100-01-02 00:00:01'],
    ]);
  });

  test('names the protocols often seen and leaves the others NULL', async (t) => {
    const rows = await askMade(
      t,
      [...EDGES.slice(1, 6), { ...NOT_TCP, proto: 'unknown_transport', ip_proto: 255 }],
      'SELECT network.transport, destination.port FROM ecs ORDER BY event.id',
    );
    assert.deepEqual(rows, [
      ['udp', 53],
      ['icmp', null],
      ['ipv6-icmp', null],
      ['gre', null],
      ['sctp', 443],
      [null, null],
    ]);
  });
});

test('numbers above 2^53 pass through every view', async (t) => {
  const bytes = 2n ** 62n + 2n ** 53n + 1n;
  const rows = await askMade(
    t,
    [{ orig_ip_bytes: big(2n ** 53n + 1n), resp_ip_bytes: big(2n ** 62n) }],
    `SELECT (SELECT orig_ip_bytes + resp_ip_bytes FROM zeek_conn), (SELECT traffic.bytes FROM ocsf_network_activity),
       (SELECT network.bytes FROM ecs), (SELECT sum(bytes) FROM vpc_flow_logs)`,
  );
  assert.deepEqual(rows, [[bytes, bytes, bytes, bytes]]);
});
