/** Tags between the addresses and the EtherType: what they hold, and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FateName } from '../../../shared/packet/fate.ts';
import { bytes, ethernet, hex, Workbench } from '../harness.ts';
import { datagram } from '../layers.ts';

const DSA = 284;
const ADDRESSES = '020000000001020000000002';

test('a DSA tag holds the VLAN id of the tag that it takes the place of', () => {
  const bench = new Workbench();
  for (const tag of ['60000064', '00000064', 'e0070fff', '20001000 8100 0007'])
    assert.equal(bench.decode(bytes(ADDRESSES, tag, '0800', datagram), DSA), 'session');
  assert.deepEqual([...bench.columns.vlan.subarray(0, 4)], [101, 0, 4096, 1]);
  assert.deepEqual([...bench.columns.innerVlan.subarray(0, 4)], [0, 0, 0, 8]);
});

test('tags of 0x9200 and 0x9300 hold VLAN ids', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(ethernet('9200 0064 9300 0065 0800', datagram)), 'session');
  assert.deepEqual([bench.columns.vlan[0], bench.columns.innerVlan[0]], [101, 102]);
});

test('what tags carry besides IP, and what they are not, is not_ip', () => {
  const padding = new Uint8Array(46);
  const frames: [string, string][] = [
    ['metadata of another version', '8909 02 01 0001 0064 0800'],
    ['ARP behind a timestamp tag', '8988 000000000000 0806'],
    ['supervision of HSR', '88fb 0001 0002'],
    ['encrypted MACsec', '88e5 2c 00 00000001 0200000000010001'],
    ['changed MACsec', '88e5 04 00 00000001 0800'],
    ['a service header without a protocol', '894f 0fc2 0207 00000aff'],
    ['another subtype of Arista', 'd28b 0002 0010 6553f100 00000001 0800'],
    ['another version of Arista’s timestamp', 'd28b 0001 0030 6553f100 00000001 0800'],
  ];
  for (const [name, tags] of frames) {
    const bench = new Workbench();
    assert.equal(bench.decode(ethernet(tags, padding)), 'not_ip', name);
    assert.deepEqual(bench.odd, []);
  }
});

test('tags that are cut or too long are refused by name', () => {
  const cases: [string, string, FateName][] = [
    ['a timestamp that ends', '8988 0000000000', 'truncated_link_header'],
    ['nothing behind a timestamp', '8988 000000000000 0800', 'truncated_link_header'],
    ['more metadata than there is', '8909 01 ff 0001 0064 0800 00', 'truncated_link_header'],
    ['a service header shorter than itself', '894f 0fc1 0201 00000aff 4500', 'truncated_link_header'],
    ['a service header longer than the frame', '894f 0fff 0201 00000aff 4500', 'truncated_link_header'],
    ['more options of TRILL than there are', '22f3 07c0 0001 0002 00000000', 'truncated_link_header'],
    ['a number between length and EtherType', '892f 0029 0007 05dd 00', 'undefined_ether_type'],
  ];
  for (const [name, tags, fate] of cases) {
    const bench = new Workbench();
    assert.equal(bench.decode(ethernet(tags, hex('')), 1), fate, name);
    assert.deepEqual(bench.odd, [fate]);
  }
});

test('endless tags end', () => {
  for (const tags of [
    '8988 000000000000 ',
    '892f 0000 0000 ',
    'dada 0000 00000000 ',
    '893f 000000000000 ',
    '8909 0100 ',
  ])
    assert.equal(
      new Workbench().decode(ethernet(tags.repeat(2000), hex(''))),
      'max_packet_analyzer_depth_exceeded',
      tags,
    );
});
