import assert from 'node:assert/strict';
import test from 'node:test';
import { KEY_WORDS } from '../../shared/packet/flow/flowtable.ts';
import { uidText, writeUid } from '../../shared/session/rows/uid.ts';
import { ACK, Dialogue, SYN, T0 } from './dialogue.ts';

test('captures: first, last, and the exact number of distinct ones', () => {
  const count = (captures: number[]) => {
    const d = new Dialogue(40000, 5000, 17);
    for (const capture of captures) d.a({ capture });
    return d.end()[0].captures;
  };
  assert.deepEqual(count([7]), [7, 7, 1]);
  assert.deepEqual(count([7, 7, 8, 8]), [7, 8, 2]);
  assert.deepEqual(count([1, 2, 1, 2, 1]), [1, 1, 2]);
  assert.deepEqual(count([3, 1, 2, 3, 1, 2, 0]), [3, 0, 4]);
});

test('a session starts at the nanosecond of its first packet', () => {
  const d = new Dialogue(40000, 5000, 17).a({ ns: 123 }).b({ ns: 456 });
  d.end();
  assert.equal(d.rows.startNs[0], 123);
});

test('captures: a thousand, entered in any order, are counted once each', () => {
  const d = new Dialogue(40000, 5000, 17);
  for (let i = 0; i < 3000; i++) d.a({ capture: (i * 7919) % 1000 });
  assert.equal(d.end()[0].captures[2], 1000);
});

test('fragments are not counted, but are in the packet rows and the captures', () => {
  const d = new Dialogue(40000, 5000, 17);
  d.a({ fragment: 2500, at: 5000, ns: 100, capture: 1 });
  d.a({ datagram: true, len: 2000, ipLen: 2028, at: 5000, ns: 100, capture: 2 });
  d.a({ fragment: 0, at: 5000, ns: 100, capture: 2 });
  const [s] = d.end();
  assert.deepEqual(s.pkts, [1, 0]);
  assert.deepEqual(s.ipBytes, [2028, 0]);
  assert.deepEqual(s.captures, [2, 2, 2]);
  const p = d.packetRows;
  assert.equal(p.length, 3);
  assert.deepEqual([...p.session.subarray(0, 3)], [0, 0, 0]);
  // The datagram's row comes first: the fragment before it waited for it.
  assert.deepEqual([...p.fragOfUs.subarray(0, 3)], [-1, T0 + 5000, T0 + 5000]);
  assert.deepEqual([...p.us.subarray(0, 3)], [T0 + 5000, T0 + 2500, T0 + 5000]);
});

test('a fragment belongs to the session of its datagram, not to one that ended before', () => {
  const d = new Dialogue(40000, 5000, 17).a({ len: 1, at: 0 });
  d.a({ fragment: 10, at: 100_000_000 }).a({ datagram: true, len: 1, at: 100_000_000 });
  assert.equal(d.end().length, 2);
  assert.deepEqual([...d.packetRows.session.subarray(0, 3)], [0, 1, 1]);
});

test('a fragment without a datagram is counted as an orphan', () => {
  const d = new Dialogue(40000, 5000, 17).a({ fragment: 10, at: 0 }).a({ len: 1, at: 50 });
  d.end();
  assert.equal(d.tracker.orphanFragments, 1);
  assert.equal(d.packetRows.length, 1);
});

test('packet rows carry level, place and session number', () => {
  const d = new Dialogue(40000, 80).a({ flags: SYN, seq: 5, level: 2, capture: 9 }).a({ flags: SYN, seq: 99 });
  d.end();
  const p = d.packetRows;
  assert.deepEqual([...p.session.subarray(0, 2)], [0, 1]);
  assert.deepEqual([...p.level.subarray(0, 2)], [2, 0]);
  assert.deepEqual([...p.offset.subarray(0, 2)], [0, 100]);
  assert.deepEqual([...p.capture.subarray(0, 2)], [9, 0]);
});

test('the directory knows uid and direction, and lists flips that come after a flush', () => {
  const d = new Dialogue(40000, 50000).b({ flags: SYN | ACK, seq: 500, ack: 101 });
  assert.equal(d.directory.origIsB[0], 1);
  d.directory.markFlushed(0);
  d.a({ flags: ACK, seq: 101, ack: 501 });
  assert.equal(d.directory.origIsB[0], 0);
  assert.deepEqual(d.directory.lateFlips, [0]);
  const [s] = d.end();
  assert.equal(uidText(d.directory.uid, 0), s.uid);
  assert.equal(d.directory.startUs[0], T0);
});

const KEY = Uint32Array.of(0, 0, 0, 0x0a000001, 0, 0, 0, 0x0a000002, 0x9c400050, 6, 0, 0);

function uid(key: Uint32Array, us: number, ns: number, ordinal: number): string {
  const bytes = new Uint8Array(12);
  writeUid(key, 0, us, ns, ordinal, bytes, 0);
  return uidText(bytes, 0);
}

test('a uid never changes: saved queries depend on it', () => {
  assert.equal(KEY.length, KEY_WORDS);
  assert.equal(uid(KEY, 1_700_000_000_000_000, 0, 0), 'FVJm78BjMewV');
});

test('a uid depends on the key, the time to the nanosecond and the ordinal', () => {
  const us = 1_700_000_000_000_000;
  const uids = [uid(KEY, us, 0, 0), uid(KEY, us, 1, 0), uid(KEY, us + 1, 0, 0), uid(KEY, us, 0, 1)];
  for (let word = 0; word < KEY_WORDS; word++) {
    const key = KEY.slice();
    key[word] ^= 1;
    uids.push(uid(key, us, 0, 0));
  }
  assert.equal(new Set(uids).size, uids.length);
});

test('uids are spread evenly over all digits, and do not collide', () => {
  const seen = new Set<string>();
  const counts = new Map<string, number>();
  const n = 20_000;
  for (let i = 0; i < n; i++) {
    const text = uid(KEY, 1_700_000_000_000_000 + i, 0, 0);
    seen.add(text);
    for (let at = 0; at < 12; at++) counts.set(`${at}${text[at]}`, (counts.get(`${at}${text[at]}`) ?? 0) + 1);
  }
  assert.equal(seen.size, n);
  assert.equal(counts.size, 12 * 62);
  // Each digit is binomial with mean n / 62 = 323 and deviation 18; the times are fixed, so this test is deterministic.
  for (const [digit, count] of counts) assert.ok(Math.abs(count - n / 62) < 6 * 18, `${digit}: ${count}`);
});
