import assert from 'node:assert/strict';
import test from 'node:test';
import { Dialogue, SECOND } from './dialogue.ts';

test('UDP: one side S0, both SF, bytes are payload', () => {
  assert.equal(new Dialogue(40000, 5000, 17).a({ len: 10 }).end()[0].state, 'S0');
  const [s] = new Dialogue(40000, 5000, 17)
    .a({ len: 10, ipLen: 38 })
    .b({ len: 20, ipLen: 48 })
    .a({ len: 0, ipLen: 28 })
    .end();
  assert.equal(s.state, 'SF');
  assert.equal(s.history, 'Dd');
  assert.deepEqual(s.bytes, [10, 20]);
  assert.deepEqual(s.pkts, [2, 1]);
  assert.deepEqual(s.ipBytes, [66, 48]);
});

test('UDP: an answer seen first flips the session by its port', () => {
  const [s] = new Dialogue(40000, 53, 17).b({ len: 90 }).end();
  assert.equal(s.state, 'SHR');
  assert.equal(s.history, '^d');
  assert.equal(s.origIsB, 0);
});

test('UDP: with two server ports nothing flips', () => {
  assert.equal(new Dialogue(53, 53, 17).b({ len: 90 }).end()[0].history, 'D');
});

test('ICMP: no history, always OTH, payload counted', () => {
  const [s] = new Dialogue(8, 0, 1).a({ len: 56, ipLen: 84 }).b({ len: 56, ipLen: 84 }).end();
  assert.equal(s.state, 'OTH');
  assert.equal(s.history, '');
  assert.deepEqual(s.bytes, [56, 56]);
});

test('other protocols: packets and IP bytes only', () => {
  const [s] = new Dialogue(0, 0, 47).a({ len: 56, ipLen: 84 }).b({ len: 56, ipLen: 84 }).end();
  assert.equal(s.state, 'OTH');
  assert.deepEqual(s.bytes, [0, 0]);
  assert.deepEqual(s.ipBytes, [84, 84]);
});

test('IP protocols without connections have one minute', () => {
  for (const proto of [1, 47]) {
    const seen = new Dialogue(1, 2, proto)
      .a({ at: 0 })
      .a({ at: 60 * SECOND })
      .end();
    assert.equal(seen.length, 2, `protocol ${proto}`);
  }
});
