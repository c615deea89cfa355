/** Whatever bytes come: no throw, one fate, no row without a session. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { META_LEVELS } from '../../shared/packet/columns.ts';
import { SEED } from '../seed.ts';
import { be16, be32, bytes, ethernet, ipv4, ipv6, random, tcp, text, udp, Workbench } from './harness.ts';

const LINK_TYPES = [0, 1, 9, 10, 12, 50, 101, 105, 108, 113, 127, 192, 228, 229, 239, 276, 147];

const packets: [name: string, packet: Uint8Array][] = [
  ['TCP', ethernet('0800', ipv4(tcp(1, 2, text('SSH-2.0-x'), { options: '0101080a0000000100000002' }), { proto: 6 }))],
  ['UDP behind options', ethernet('0800', ipv4(udp(1, 2, text('abcdef')), { options: '9404000001010101' }))],
  ['ICMP', ethernet('0800', ipv4(bytes('0800 0000 0001 0002', text('ping')), { proto: 1 }))],
  ['SCTP', ethernet('0800', ipv4(new Uint8Array(28), { proto: 132 }))],
  ['a fragment', ethernet('0800', ipv4(new Uint8Array(80), { offset: 80, more: true }))],
  [
    'IPv6 with every extension header',
    ethernet(
      '86dd',
      ipv6(
        bytes(
          '2b000104 00000000',
          '3c020001 00000000',
          new Uint8Array(16),
          '33000104 00000000',
          '11010000 00000001 00000002',
          udp(7, 8, text('abcd')),
        ),
        0,
      ),
    ),
  ],
  ['an IPv6 fragment', ethernet('86dd', ipv6(bytes([17, 0], be16(1), be32(5), new Uint8Array(80)), 44))],
  ['an atomic fragment', ethernet('86dd', ipv6(bytes([17, 0], be16(0), be32(5), udp(7, 8, text('abcd'))), 44))],
  [
    'VXLAN in GENEVE',
    ethernet(
      '0800',
      ipv4(
        udp(
          60000,
          6081,
          bytes(
            '01006558 00000100 01080000',
            ethernet(
              '0800',
              ipv4(udp(60000, 4789, bytes('08000000 00000100', ethernet('0800', ipv4(udp(1, 2, text('abc'))))))),
            ),
          ),
        ),
      ),
    ),
  ],
  [
    'GTP',
    ethernet('0800', ipv4(udp(2152, 2152, bytes('34ff0028 00000001 00000085 01000000', ipv4(udp(1, 2, text('abc'))))))),
  ],
  ['Teredo', ethernet('0800', ipv4(udp(1, 3544, bytes('0000fbbf3f57fefe', ipv6(udp(7, 8, text('abcd')), 17)))))],
  [
    'ERSPAN III in IPv6',
    ethernet(
      '86dd',
      ipv6(
        bytes(
          '100022eb 00000001 200500010000000000000001',
          '00'.repeat(8),
          ethernet('0800', ipv4(udp(1, 2, text('abc')))),
        ),
        47,
      ),
    ),
  ],
  [
    'enhanced GRE',
    ethernet('0800', ipv4(bytes('3001880b 00000000 00000001 ff030021', ipv4(udp(1, 2, text('abc')))), { proto: 47 })),
  ],
  [
    '802.11 in GRE',
    ethernet(
      '0800',
      ipv4(
        bytes(
          '00008200 8801',
          '00'.repeat(22),
          '8000',
          '00'.repeat(12),
          '0023',
          'aaaa03 000000 0800',
          ipv4(udp(1, 2, text('abcd'))).subarray(0, 27),
        ),
        { proto: 47 },
      ),
    ),
  ],
  [
    'VLAN, MPLS, PPPoE',
    ethernet('88a8 0005 8100 0006 8864 1100 0001 0020 0281 00010140', ipv4(udp(1, 2, text('abc')))),
  ],
];

/** Records with rows on level 0. */
function innermostRows({ columns }: Workbench): number {
  const offsets = new Set<number>();
  for (let row = 0; row < columns.length; row++)
    if ((columns.meta[row] & META_LEVELS) === 0) offsets.add(columns.offset[row]);
  return offsets.size;
}

for (const [name, packet] of packets) {
  test(`${name} cut at any byte has a stable fate and conserves records`, () => {
    for (let capLen = 0; capLen <= packet.length; capLen++) {
      const bench = new Workbench();
      const fate = bench.decode(packet, 1, capLen);
      // The bytes behind the record differ here: they must not matter.
      const rows = innermostRows(bench);
      const again = bench.decode(packet.subarray(0, capLen), 1, capLen, capLen) === 'session';
      assert.equal(innermostRows(bench) - rows, again ? 1 : 0);
      const other = new Workbench();
      assert.equal(other.decode(packet, 1, capLen), fate);
      assert.deepEqual(
        [innermostRows(other), other.fragments.length],
        [fate === 'session' ? 1 : 0, fate === 'fragment' ? 1 : 0],
      );
    }
  });
}

test('random bytes and damaged packets never throw, and every record has one fate', () => {
  const seed = SEED;
  const next = random(seed);
  const bench = new Workbench();
  const seen = new Set<string>();
  let sessions = 0;
  let fragments = 0;
  const RECORDS = 60_000;
  for (let i = 0; i < RECORDS; i++) {
    let packet: Uint8Array;
    if (next(3) === 0) {
      packet = Uint8Array.from({ length: next(120) }, () => next(256));
    } else {
      packet = packets[next(packets.length)][1].slice();
      for (let flips = next(4); flips > 0; flips--) packet[next(packet.length)] = next(256);
      packet = packet.subarray(0, next(4) === 0 ? next(packet.length + 1) : packet.length);
    }
    try {
      const fate = bench.decode(
        packet,
        next(2) === 0 ? 1 : LINK_TYPES[next(LINK_TYPES.length)],
        packet.length,
        packet.length + next(3) * next(1500),
      );
      seen.add(fate);
      if (fate === 'session') sessions++;
      if (fate === 'fragment') fragments++;
    } catch (cause) {
      throw new Error(`seed ${seed}, record ${i}: ${Buffer.from(packet).toString('hex')}`, { cause });
    }
    if (bench.odd.length > 1000) bench.odd.length = 0;
  }
  assert.equal(innermostRows(bench), sessions, `seed ${seed}`);
  let standing = 0;
  for (let row = 0; row < bench.fragments.length; row++) standing += bench.fragments.counts[row];
  assert.equal(standing, fragments, `seed ${seed}`);
  assert.ok(seen.size > 15, `only ${seen.size} fates seen, seed ${seed}`);
  for (let row = 0; row < bench.columns.length; row++)
    assert.ok(
      bench.columns.payloadLen[row] <= 0x1ffff,
      `payload ${bench.columns.payloadLen[row]} of row ${row}, seed ${seed}`,
    );
});
