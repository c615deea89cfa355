/** Rarer state transitions: Zeek's UpdateInactiveState() and FlipRoles(). */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ACK, Dialogue, FIN, SECOND, type Seen, SYN } from '../dialogue.ts';

function only(d: Dialogue): Seen {
  const [seen, ...others] = d.end();
  assert.equal(others.length, 0);
  return seen;
}

test('a session that starts with a SYN-ACK of end A has B as originator', () => {
  const d = new Dialogue(50000, 40000).a({ flags: SYN | ACK, seq: 100, ack: 501 });
  const s = only(d.a({ flags: ACK, seq: 101, ack: 501, len: 10 }));
  assert.deepEqual([s.origIsB, s.history, s.bytes, s.pkts], [1, '^hd', [0, 10], [0, 2]]);
});

test("a SYN after the peer's SYN-ACK flips roles; two SYNs or two SYN-ACKs do not", () => {
  // simultaneous_open, with equal sequence numbers: with another one the second SYN would start a new session.
  const open = only(new Dialogue(40000, 50000).a({ flags: SYN, seq: 100 }).b({ flags: SYN, seq: 100 }));
  assert.deepEqual([open.history, open.origIsB, open.state], ['Ss', 0, 'S1']);
  const twice = new Dialogue(40000, 50000).a({ flags: SYN | ACK, seq: 100, ack: 501 });
  const acks = only(twice.b({ flags: SYN | ACK, seq: 500, ack: 101 }));
  assert.deepEqual([acks.history, acks.origIsB], ['Hh', 0]);
});

test('after a SYN-ACK and then its SYN both ends are seen from their start: a first byte that is only acknowledged is missed', () => {
  const d = new Dialogue(40000, 50000).b({ flags: SYN | ACK, seq: 500, ack: 101 }).a({ flags: SYN, seq: 100 });
  const s = only(d.a({ flags: ACK, seq: 101, ack: 501 }).b({ flags: ACK, seq: 501, ack: 102 }));
  assert.deepEqual([s.history, s.missed], ['Hs^AaG', 1]);
});

test("a SYN-ACK after a partial session's data does not establish it, so a port of an interactive service gives no longer timeout", () => {
  const sessions = (d: Dialogue) => d.a({ flags: ACK, seq: 121, ack: 502, len: 10, at: 600 * SECOND }).end().length;
  const middle = new Dialogue(40000, 22).a({ flags: ACK, seq: 101, ack: 501, len: 10 });
  assert.equal(sessions(middle.b({ flags: SYN | ACK, seq: 501, ack: 111 })), 2);
  assert.equal(sessions(new Dialogue(40000, 22).handshake()), 1);
});

test('a FIN as the first packet of the responder closes its side', () => {
  const d = new Dialogue(40000, 80, 6, { tcpPartialCloseDelayUs: 3 * SECOND }).a({ flags: SYN, seq: 100 });
  const [s, ...later] = d
    .b({ flags: FIN, seq: 500 })
    .a({ flags: ACK, seq: 101, ack: 501, at: 4 * SECOND })
    .end();
  assert.deepEqual([s.state, s.history], ['S3', 'Sf']);
  assert.deepEqual([s.reason, later.length], ['half_closed', 1], 'the originator had three seconds to close too');
});

test("the handshake's round trip ends at the SYN-ACK, not at an acknowledgement before it", () => {
  const d = new Dialogue(40000, 80).a({ flags: SYN, seq: 100 }).b({ flags: ACK, seq: 500, ack: 101 });
  assert.equal(only(d.b({ flags: SYN | ACK, seq: 500, ack: 101 })).synRtt, 2000);
});
