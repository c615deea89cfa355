/** Packets whose transport header is damaged: they open sessions and count as Zeek counts them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAMAGE_SHORT_HEADER } from '../../shared/packet/columns.ts';
import { ACK, Dialogue, SECOND, SYN } from './dialogue.ts';

test('a broken TCP header opens a session that counts nothing', () => {
  const d = new Dialogue(49671, 25014).a({ flags: ACK, seq: 7, broken: true }).a({ flags: ACK, seq: 7, broken: true });
  const [row, ...others] = d.end();
  assert.equal(others.length, 0);
  assert.deepEqual([row.state, row.history, row.pkts, row.ipBytes, row.duration], ['OTH', '', [0, 0], [0, 0], -1]);
});

test('a broken SYN begins a new session over an open one, unless its header claims to be shorter than 20 bytes', () => {
  const opened = (hint: number): number =>
    new Dialogue(40000, 80)
      .a({ flags: SYN, seq: 100 })
      .b({ flags: SYN | ACK, seq: 500, ack: 101 })
      .a({ flags: SYN, seq: 9000, broken: true, hint })
      .end().length;
  assert.equal(opened(0), 2);
  assert.equal(opened(DAMAGE_SHORT_HEADER), 1);
});

test('a UDP datagram that announces less than its header counts, but has sent nothing', () => {
  const d = new Dialogue(47044, 4789, 17).a({ ipLen: 60, broken: true });
  const [row] = d.end();
  assert.deepEqual([row.state, row.history, row.pkts, row.ipBytes], ['OTH', 'D', [1, 0], [60, 0]]);
});

test('a session of broken headers only ends at the second check, eleven seconds after it began', () => {
  const sessions = (at: number) =>
    new Dialogue(49671, 25014).a({ flags: ACK, broken: true, at: 0 }).a({ flags: ACK, broken: true, at }).end();
  assert.equal(sessions(11 * SECOND - 1).length, 1);
  assert.deepEqual(
    sessions(11 * SECOND).map((s) => s.reason),
    ['inactive', 'end_of_input'],
  );
});
