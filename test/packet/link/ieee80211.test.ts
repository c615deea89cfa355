/** 802.11 data frames, aggregates, and radiotap before them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { META_TRUNCATED } from '../../../shared/packet/columns.ts';
import type { FateName } from '../../../shared/packet/fate.ts';
import { be16, bytes, hex, ipv4, text, udp, Workbench } from '../harness.ts';

const IEEE80211 = 105;
const RADIOTAP = 127;
const datagram = ipv4(udp(1000, 53, text('query')));
const FLOW = '17 10.0.0.1:1000 10.0.0.2:53';
const SNAP = 'aaaa03 000000 0800';
const body = bytes(SNAP, datagram);
/** Frame control and the rest of a header with three addresses. */
const frame = (control: string, rest: Uint8Array, more = '') => bytes(control, '00'.repeat(22), more, rest);
const subframe = (payload: Uint8Array) => bytes('00'.repeat(12), be16(payload.length), payload);

for (const [name, packet] of [
  ['data', frame('0801', body)],
  ['QoS data', frame('8801', body, '0000')],
  ['data with four addresses', frame('0803', body, '00'.repeat(6))],
  ['QoS data with four addresses', frame('8803', body, '00'.repeat(8))],
] as const)
  test(`a frame of ${name} leads to the datagram, alone and after radiotap`, () => {
    for (const [bytesOf, linkType] of [
      [packet, IEEE80211],
      [bytes('0000 0c00 00000000 01020304', packet), RADIOTAP],
    ] as const) {
      const bench = new Workbench();
      assert.equal(bench.decode(bytesOf, linkType), 'session');
      assert.equal(bench.flow(), FLOW);
      assert.deepEqual(bench.odd, []);
    }
  });

test('frames without IP, encrypted ones and cut ones', () => {
  const cases: [Uint8Array, FateName][] = [
    [frame('8000', body), 'not_ip'], // beacon
    [frame('b400', body), 'not_ip'], // control
    [frame('4801', body), 'not_ip'], // null data
    [frame('0801', bytes('424203', new Uint8Array(20))), 'not_ip'],
    [frame('0801', bytes('aaaa03 000000 0806', new Uint8Array(20))), 'not_ip'],
    [frame('8841', body, '0000'), 'protected_802_11'],
    [frame('0801', hex('aaaa03')), 'truncated_802_11_llc_header'],
    [frame('0801', hex('')), 'truncated_802_11_header'],
    [frame('0803', hex('00000000')), 'truncated_802_11_header'],
    [frame('8801', hex('0000')), 'truncated_802_11_header'],
  ];
  for (const [packet, fate] of cases) assert.equal(new Workbench().decode(packet, IEEE80211), fate);
});

test('a radiotap header longer than the record, or cut, is refused', () => {
  for (const packet of [hex('0000'), hex('0000 0800 00000000'), hex('0000 ffff 00000000')])
    assert.equal(new Workbench().decode(packet, RADIOTAP), 'truncated_radiotap_header');
});

test('every packet of an aggregate has its row, and the record counts once', () => {
  const other = bytes(SNAP, ipv4(udp(1000, 54, text('query!'))));
  const bench = new Workbench();
  const padding = '00'.repeat(body.length % 4);
  assert.equal(
    bench.decode(frame('8801', bytes(subframe(body), padding, subframe(other)), '8000'), IEEE80211),
    'session',
  );
  assert.deepEqual([bench.flow(0), bench.flow(1)], [FLOW, '17 10.0.0.1:1000 10.0.0.2:54']);
  assert.deepEqual([...bench.columns.offset.subarray(0, 2)], [24, 24]);
});

test('an aggregate has the best fate of its packets, and ends where it cannot be read', () => {
  const arp = bytes('aaaa03 000000 0806', new Uint8Array(28));
  const bench = new Workbench();
  const both = bytes(subframe(arp), subframe(body));
  assert.equal(bench.decode(frame('8801', both, '8000'), IEEE80211), 'session');
  assert.equal(bench.columns.length, 1);
  const cut = new Workbench();
  assert.equal(cut.decode(frame('8801', bytes(subframe(arp), '00'.repeat(13)), '8000'), IEEE80211), 'not_ip');
  assert.deepEqual(cut.odd, ['truncated_802_11_amsdu_header']);
});

test('a subframe that announces more than there is was cut, and is the last of its aggregate', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(frame('8801', bytes('00'.repeat(12), '0100', body), '8000'), IEEE80211), 'session');
  assert.deepEqual([bench.flow(), bench.payload(), bench.odd], [FLOW, 5, ['truncated_802_11_amsdu_packet']]);
  const long = bytes(SNAP, ipv4(udp(1000, 53, new Uint8Array(500))));
  const both = frame('8801', bytes(subframe(body), '00'.repeat(body.length % 4), subframe(long)), '8000');
  const cut = new Workbench();
  assert.equal(cut.decode(both, IEEE80211, 140), 'session');
  assert.deepEqual([cut.payload(0), cut.payload(1), cut.columns.length], [5, 500, 2]);
  assert.deepEqual([[...cut.columns.meta.subarray(0, 2)], cut.odd], [[0, META_TRUNCATED], []]);
});

test('in an aggregate in a tunnel in an aggregate each packet has one row', () => {
  const inside = frame('8801', subframe(body), '8000');
  const gre = bytes(SNAP, ipv4(bytes('0000 8200', inside), { proto: 47 }));
  const bench = new Workbench();
  assert.equal(bench.decode(frame('8801', subframe(gre), '8000'), IEEE80211), 'session');
  assert.equal(bench.columns.length, 1);
  assert.deepEqual([bench.flow(), bench.tunnel()], [FLOW, 'gre 10.0.0.1>10.0.0.2']);
});

test('of several fragments in an aggregate one counts for the record', () => {
  const piece = (offset: number) =>
    bytes(SNAP, ipv4(new Uint8Array(24), { id: 7, offset, more: offset === 0, proto: 17 }));
  const bench = new Workbench();
  assert.equal(
    bench.decode(frame('8801', bytes(subframe(piece(0)), subframe(piece(24))), '8000'), IEEE80211),
    'fragment',
  );
  assert.deepEqual([...bench.fragments.counts.subarray(0, 2)], [1, 0]);
  assert.equal(
    bench.decode(
      frame('8801', bytes(subframe(body), '00'.repeat(body.length % 4), subframe(piece(0))), '8000'),
      IEEE80211,
    ),
    'session',
  );
  assert.equal(bench.fragments.counts[2], 0);
});
