/** Fragments of tunnels, in tunnels, and of fragments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { META_LEVEL_SHIFT, META_LEVELS, META_TRUNCATED } from '../../../shared/packet/columns.ts';
import { tunnelText } from '../../../shared/packet/tunneltext.ts';
import { bytes, ethernet, type Ipv4Options, ipv4, udp } from '../harness.ts';
import { cut, FLOW, Joinery, MESSAGE } from './joinery.ts';

/** A packet in VXLAN over IPv4, whole. */
function vxlan(packet: Uint8Array, o: Ipv4Options = {}): Uint8Array {
  return ipv4(udp(60000, 4789, bytes('08000000 00002a00', ethernet('0800', packet))), {
    src: '192.0.2.1',
    dst: '192.0.2.2',
    ...o,
  });
}

const OUTER = '17 192.0.2.1:60000 192.0.2.2:4789';
const TUNNEL = 'vxlan 192.0.2.1>192.0.2.2 vni=42';

function levelOf(joinery: Joinery, row: number): number {
  return (joinery.columns.meta[row] & META_LEVELS) >> META_LEVEL_SHIFT;
}

/** The fields that the tests of tunnels compare: kind, flow, level, tunnel, capture and payload of every row. */
function layered(joinery: Joinery): (string | number)[][] {
  return joinery
    .rows()
    .map(({ kind, flow, capture, payload }, row) => [
      kind,
      flow,
      levelOf(joinery, row),
      tunnelText(joinery.flows.tunnels, joinery.columns.tunnel[row]),
      capture,
      payload,
    ]);
}

test('a fragmented tunnel yields the outer and the inner session, each with all its fragments', () => {
  const whole = vxlan(ipv4(MESSAGE));
  const joinery = new Joinery();
  const parts = cut(whole.subarray(20), [1480, 2960], { src: '192.0.2.1', dst: '192.0.2.2' });
  for (const [i, part] of parts.entries()) joinery.add(part, i, i);
  joinery.join();
  assert.deepEqual(layered(joinery), [
    ['datagram', OUTER, 1, '', 2, whole.length - 28],
    ['datagram', FLOW, 0, TUNNEL, 2, 3000],
    ['fragment', OUTER, 1, '', 0, 0],
    ['fragment', OUTER, 1, '', 1, 0],
    ['fragment', FLOW, 0, TUNNEL, 0, 0],
    ['fragment', FLOW, 0, TUNNEL, 1, 0],
  ]);
  assert.deepEqual(joinery.counts(), [3, 0]);
  assert.equal(joinery.columns.meta[1] & META_TRUNCATED, 0, 'only the head is in memory, but nothing was cut off');
  assert.deepEqual(joinery.odd, []);
});

test('fragments inside a tunnel are joined under its layers', () => {
  const joinery = new Joinery();
  for (const [i, part] of cut(MESSAGE, [1480, 2960]).entries()) joinery.add(vxlan(part), i, i);
  assert.equal(joinery.bench.columns.length, 3, 'the outer datagrams have rows of their own already');
  assert.deepEqual(joinery.bench.levels(), [1, 1, 1]);
  joinery.join();
  assert.deepEqual(layered(joinery), [
    ['datagram', FLOW, 0, TUNNEL, 2, 3000],
    ['fragment', FLOW, 0, TUNNEL, 0, 0],
    ['fragment', FLOW, 0, TUNNEL, 1, 0],
  ]);
  assert.deepEqual(joinery.counts(), [3, 0]);
});

test('fragments inside two tunnels, the most that are unpacked, are joined', () => {
  const joinery = new Joinery();
  for (const [i, part] of cut(MESSAGE, [1480]).entries()) joinery.add(vxlan(vxlan(part)), i, i);
  joinery.join();
  assert.deepEqual(layered(joinery), [
    ['datagram', FLOW, 0, `${TUNNEL}, ${TUNNEL}`, 1, 3000],
    ['fragment', FLOW, 0, `${TUNNEL}, ${TUNNEL}`, 0, 0],
  ]);
  assert.deepEqual(joinery.counts(), [2, 0]);
});

test('fragments of fragments join with unfragmented ones, and every record belongs to the innermost session', () => {
  // Large inner fragments made the outer packet too long, so it was cut again; the last, small one was not.
  const [first, second, last] = cut(MESSAGE, [1480, 2960]);
  const joinery = new Joinery();
  let capture = 0;
  for (const [id, inner] of [first, second].entries())
    for (const piece of cut(vxlan(inner).subarray(20), [1480], { src: '192.0.2.1', dst: '192.0.2.2', id: 70 + id }))
      joinery.add(piece, capture, capture++);
  joinery.add(vxlan(last), capture, capture);
  joinery.join();
  const inner = layered(joinery).filter(([, flow]) => flow === FLOW);
  assert.deepEqual(
    inner.map(([kind, , level, , from, payload]) => [kind, level, from, payload]),
    [
      ['datagram', 0, 4, 3000],
      ['fragment', 0, 0, 0],
      ['fragment', 0, 1, 0],
      ['fragment', 0, 2, 0],
      ['fragment', 0, 3, 0],
    ],
  );
  assert.deepEqual(joinery.counts(), [5, 0]);
  assert.deepEqual([...joinery.joiner.completed.subarray(0, 5)], [1, 1, 1, 1, 1]);
  const outer = layered(joinery).filter(([, flow]) => flow === OUTER);
  assert.deepEqual(
    outer.map(([kind, , level, , from]) => [kind, level, from]),
    [
      ['datagram', 1, 1],
      ['fragment', 1, 0],
      ['datagram', 1, 3],
      ['fragment', 1, 2],
    ],
  );
});

test('fragments of a fragment whose datagram never completes are counted as such', () => {
  const [first] = cut(MESSAGE, [1480, 2960]);
  const joinery = new Joinery();
  joinery.addAll(cut(vxlan(first).subarray(20), [1480], { src: '192.0.2.1', dst: '192.0.2.2', id: 70 }));
  joinery.join();
  assert.deepEqual(joinery.counts(), [0, 2]);
});
