/** The table of tunnels: numbers, bytes and text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_TUNNEL_BYTES, TunnelTable } from '../../../shared/packet/flow/tunneltable.ts';
import { LAYER_HAS_ID, LAYER_V6 } from '../../../shared/packet/tunnellayers.ts';
import { tunnelText } from '../../../shared/packet/tunneltext.ts';
import { kindNumber } from '../harness.ts';

const KIND_GENEVE = kindNumber('geneve');
const KIND_GTP = kindNumber('gtpv1');
const KIND_IP = kindNumber('ip');
const KIND_TEREDO = kindNumber('teredo');
const KIND_VXLAN = kindNumber('vxlan');

const A = 0xc0000201;
const B = 0xc0000202;
const layer4 = (kind: number, id = 0): number[] => [kind, 0, 0, 0, A, 0, 0, 0, B, id];
const layer6 = (kind: number): number[] => [kind | LAYER_V6, 0x20010db8, 0, 0, 1, 0x20010db8, 0, 0, 2, 0];

test('equal tunnels have one number, different ones have different numbers', () => {
  const table = new TunnelTable();
  const seen = new Map<string, number>();
  for (let round = 0; round < 2; round++)
    for (let id = 0; id < 2000; id++)
      for (const words of [
        layer4(KIND_VXLAN | LAYER_HAS_ID, id),
        [...layer4(KIND_GENEVE | LAYER_HAS_ID, id), ...layer6(KIND_IP)],
      ]) {
        const number = table.lookup(words, words.length / 10);
        const known = seen.get(words.join());
        if (known === undefined) seen.set(words.join(), number);
        else assert.equal(number, known);
      }
  assert.equal(new Set(seen.values()).size, 4000);
  assert.deepEqual([table.count, Math.min(...seen.values()), Math.max(...seen.values())], [4000, 1, 4000]);
  assert.equal(table.lookup([], 0), 0);
  table.clear();
  assert.equal(table.lookup(layer4(KIND_IP), 1), 1);
});

test('a tunnel is read back from its bytes, and copied into another table', () => {
  const table = new TunnelTable();
  const other = new TunnelTable();
  other.lookup(layer4(KIND_IP), 1);
  const bytes = new Uint8Array(MAX_TUNNEL_BYTES + 2).fill(0xee);
  for (const [words, size] of [
    [[], 1],
    [layer4(KIND_IP), 10],
    [layer4(KIND_GTP | LAYER_HAS_ID, 0xffffffff), 14],
    [layer6(KIND_TEREDO), 34],
    [[...layer6(KIND_VXLAN | LAYER_HAS_ID), ...layer6(KIND_VXLAN | LAYER_HAS_ID)], MAX_TUNNEL_BYTES],
  ] as const) {
    const number = table.lookup(words, words.length / 10);
    assert.equal(table.put(number, bytes, 1), 1 + size);
    assert.equal(TunnelTable.bytes(bytes, 1), size);
    assert.equal(table.take(bytes, 1), number);
    assert.equal(tunnelText(other, other.take(bytes, 1)), tunnelText(table, number));
    assert.equal(other.copy(table, number), other.take(bytes, 1));
    assert.equal(other.hash(other.copy(table, number)), table.hash(number));
    assert.equal(bytes[0], 0xee);
  }
});

test('the text has kind, outer addresses and identifier, the outermost layer first', () => {
  const table = new TunnelTable();
  assert.equal(tunnelText(table, 0), '');
  const words = [...layer4(KIND_GTP | LAYER_HAS_ID, 0xfffffffe), ...layer6(KIND_TEREDO)];
  assert.equal(
    tunnelText(table, table.lookup(words, 2)),
    'gtpv1 192.0.2.1>192.0.2.2 teid=4294967294, teredo 2001:db8::1>2001:db8::2',
  );
});

test('the cost of clearing a table depends on its current tunnels, not on those it once had', () => {
  const table = new TunnelTable();
  for (let id = 0; id < 20_000; id++) table.lookup(layer4(KIND_VXLAN | LAYER_HAS_ID, id), 1);
  table.clear();
  table.lookup(layer4(KIND_IP), 1);
  table.clear();
  assert.ok(table.size <= 64, `${table.size} slots`);
  for (let id = 0; id < 1000; id++) assert.equal(table.lookup(layer4(KIND_VXLAN | LAYER_HAS_ID, id), 1), id + 1);
  for (let id = 0; id < 1000; id++) assert.equal(table.lookup(layer4(KIND_VXLAN | LAYER_HAS_ID, id), 1), id + 1);
});
