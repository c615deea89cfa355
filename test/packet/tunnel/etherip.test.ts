/** EtherIP: frames, and packets of its protocol that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, ethernet, hex, ipv4, ipv6, text, udp, V6_ONE, V6_TWO, Workbench } from '../harness.ts';

const RAW = 101;
const frame = ethernet('8100 0007 0800', ipv4(udp(1000, 2000, text('query'))));
const outer = { src: '192.0.2.1', dst: '192.0.2.2', proto: 97 };

test('the frame inside is decoded, with the version at either place, and the carrier has no row', () => {
  for (const header of ['3000', '0300']) {
    const bench = new Workbench();
    assert.equal(bench.decode(ipv4(bytes(header, frame), outer), RAW), 'session');
    assert.deepEqual([bench.flow(), bench.payload(), bench.levels()], ['17 10.0.0.1:1000 10.0.0.2:2000', 5, [0]]);
    assert.equal(bench.tunnel(), 'etherip 192.0.2.1>192.0.2.2');
    assert.equal(bench.columns.vlan[0], 8);
  }
});

test('over IPv6 it is the same', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(ipv6(bytes('3000', frame), 97, V6_ONE, V6_TWO), RAW), 'session');
  assert.equal(bench.tunnel(), 'etherip 2001:db8::1>2001:db8::2');
});

test('a frame without IP is not IP', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(ipv4(bytes('3000', ethernet('0806', new Uint8Array(46))), outer), RAW), 'not_ip');
  assert.equal(bench.undecodedNames(), 'ethertype_0x0806_ARP=1');
  assert.equal(bench.columns.length, 0);
});

test('another version, or a header without a frame, is a flow of the protocol', () => {
  for (const content of [
    bytes('4000', frame),
    bytes('3001', frame),
    bytes('3300', frame),
    hex('3000'),
    hex('30'),
    hex(''),
  ]) {
    const bench = new Workbench();
    assert.equal(bench.decode(ipv4(content, outer), RAW), 'session');
    assert.deepEqual([bench.flow(), bench.payload()], ['97 192.0.2.1:0 192.0.2.2:0', content.length]);
  }
});
