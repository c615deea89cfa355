/** Packets whose transport header is damaged or cut: they count for their session. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACK, Dialogue, FIN, SECOND, SYN } from './dialogue.ts';

const CUT = { broken: true, truncated: true, ipLen: 52 };

test('TCP headers that were cut count packets, IP bytes and time, and nothing else', () => {
  const d = new Dialogue(49671, 25014).a(CUT).b(CUT).a(CUT);
  const [row, ...others] = d.end();
  assert.equal(others.length, 0);
  assert.deepEqual([row.state, row.history, row.pkts, row.ipBytes, row.duration], ['OTH', '', [2, 1], [104, 52], 2000]);
  assert.equal(row.counts.truncated, 3);
});

/** A conversation from SYN to FIN, a packet every four seconds; `cut` says which of them were cut. */
function conversation(cut: readonly number[]) {
  const d = new Dialogue(40000, 80);
  const packets: [from: 'a' | 'b', said: Parameters<Dialogue['a']>[0]][] = [
    ['a', { flags: SYN, seq: 100 }],
    ['b', { flags: SYN | ACK, seq: 500, ack: 101 }],
    ['a', { flags: ACK, seq: 101, ack: 501 }],
    ['a', { flags: ACK, seq: 101, ack: 501, len: 50 }],
    ['b', { flags: ACK, seq: 501, ack: 151, len: 70 }],
    ['a', { flags: ACK | FIN, seq: 151, ack: 571 }],
    ['b', { flags: ACK | FIN, seq: 571, ack: 152 }],
  ];
  for (const [i, [from, said]] of packets.entries()) {
    const length = { ipLen: 40 + (said.len ?? 0), at: i * 4 * SECOND };
    d[from](cut.includes(i) ? { broken: true, truncated: true, ...length } : { ...said, ...length });
  }
  return d.end();
}

test('a conversation is one session whichever of its packets were cut', () => {
  for (let some = 0; some < 1 << 7; some++) {
    const cut = [0, 1, 2, 3, 4, 5, 6].filter((i) => (some & (1 << i)) !== 0);
    const rows = conversation(cut);
    assert.equal(rows.length, 1, `cut: ${cut}`);
    const [{ pkts, ipBytes, duration, counts }] = rows;
    assert.deepEqual([pkts, ipBytes, duration], [[4, 3], [210, 190], 24 * SECOND], `cut: ${cut}`);
    assert.equal(counts.truncated, cut.length);
  }
});

test('the sender of a SYN is the originator, whichever side was seen first with a cut header', () => {
  const d = new Dialogue(40001, 40000)
    .a(CUT)
    .b({ flags: SYN, seq: 500 })
    .a({ flags: SYN | ACK, seq: 100, ack: 501 });
  const [row, ...others] = d.b({ flags: ACK, seq: 501, ack: 101 }).end();
  assert.equal(others.length, 0);
  assert.deepEqual([row.state, row.history, row.pkts], ['S1', '^ShA', [2, 2]]);
});

test('the second SYN of a flow begins a new session, the first after cut headers does not', () => {
  const d = new Dialogue(40000, 80).a(CUT).a({ flags: SYN, seq: 100 }).a({ flags: SYN, seq: 9000 });
  assert.deepEqual(
    d.end().map((s) => [s.pkts[0], s.reason]),
    [
      [2, 'reused'],
      [1, 'end_of_input'],
    ],
  );
});

test('a cut answer to a SYN is an answer: the attempt goes on', () => {
  const sessions = (answer: boolean) => {
    const d = new Dialogue(40000, 80).a({ flags: SYN, seq: 100 });
    if (answer) d.b(CUT);
    return d.a({ flags: ACK, seq: 101, ack: 501, at: 20 * SECOND }).end().length;
  };
  assert.deepEqual([sessions(false), sessions(true)], [2, 1]);
});

test('a UDP datagram that announces less than its header counts, but has sent nothing', () => {
  const d = new Dialogue(47044, 4789, 17).a({ ipLen: 60, broken: true });
  const [row] = d.end();
  assert.deepEqual([row.state, row.history, row.pkts, row.ipBytes], ['OTH', 'D', [1, 0], [60, 0]]);
});

test('a session of cut headers only ends after five minutes of silence, as any other of TCP', () => {
  const sessions = (at: number) =>
    new Dialogue(49671, 25014)
      .a({ ...CUT, at: 0 })
      .a({ ...CUT, at })
      .end();
  assert.equal(sessions(300 * SECOND - 1).length, 1);
  assert.deepEqual(
    sessions(300 * SECOND).map((s) => s.reason),
    ['inactive', 'end_of_input'],
  );
});
