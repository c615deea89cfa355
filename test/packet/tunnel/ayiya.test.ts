/** AYIYA on its port and elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, hex, ipv4, ipv6, text, udp, Workbench } from '../harness.ts';

const RAW = 101;
const inner = ipv6(udp(1000, 2000, text('hi')), 17);
const FLOW = '17 2001:db8::1:1000 2001:db8::2:2000';
/** Identity of 16 bytes, signature of 20. */
const REST = `4f000000 ${'11'.repeat(16)} ${'22'.repeat(20)}`;
const carry = (payload: Uint8Array, port = 5072) =>
  ipv4(udp(50000, port, payload), { src: '192.0.2.1', dst: '192.0.2.2' });

test('a forwarded packet is found, on the port and by its first bytes', () => {
  for (const port of [5072, 40000]) {
    const bench = new Workbench();
    assert.equal(bench.decode(carry(bytes('44521129', REST, inner), port), RAW), 'session');
    assert.deepEqual(bench.levels(), [1, 0]);
    assert.deepEqual([bench.flow(), bench.tunnel()], [FLOW, 'ayiya 192.0.2.1>192.0.2.2']);
  }
});

test('an identity of 256 bytes and more is skipped whole', () => {
  const bench = new Workbench();
  const packet = carry(bytes('84521129 4f000000', '11'.repeat(256), '22'.repeat(20), inner));
  assert.equal(bench.decode(packet, RAW), 'session');
  assert.equal(bench.flow(), FLOW);
});

test('other operations, other payloads and cut headers', () => {
  for (const [payload, levels, odd] of [
    [bytes('44521029', REST, inner), [0], []], // nothing forwarded
    [bytes('44521129', '4f000000'), [0], []],
    [bytes('44521129', REST), [0], ['ayiya_empty_packet']],
    [hex('4452'), [0], []],
  ] as const) {
    const bench = new Workbench();
    assert.equal(bench.decode(carry(payload), RAW), 'session');
    assert.deepEqual([bench.levels(), bench.odd], [levels, odd]);
  }
  assert.equal(new Workbench().decode(carry(bytes('4452113b', REST, inner)), RAW), 'not_ip');
});
