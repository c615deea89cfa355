/** Where an end's sequence numbers start, and the letters that depend on them: Zeek's init_endpoint() and update_history(). */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ACK, Dialogue, FIN, RST, type Seen, SYN } from '../dialogue.ts';

function tcp(): Dialogue {
  return new Dialogue(40000, 80);
}

function only(d: Dialogue): Seen {
  const [seen, ...others] = d.end();
  assert.equal(others.length, 0);
  return seen;
}

test("without a SYN the sequence numbers start one before the first packet's, odd or even", () => {
  for (const first of [7000, 7001]) {
    const d = tcp().a({ flags: ACK, seq: first, ack: 9000, len: 10 });
    assert.deepEqual(only(d.a({ flags: ACK, seq: first + 10, ack: 9000, len: 5 })).bytes, [15, 0]);
  }
});

test('after an unanswered SYN, only a SYN with another sequence number moves the start', () => {
  const data = tcp().a({ flags: SYN, seq: 100 }).a({ flags: ACK, seq: 101, len: 10 });
  assert.deepEqual(only(data.a({ flags: SYN, seq: 100 })).bytes, [10, 0]);
  // SYN_seq_jump: relative to the new start it has number 0, like the SYN before it, and adds no letter.
  const jump = tcp()
    .a({ flags: SYN, seq: 100 })
    .a({ flags: SYN | ACK, seq: 900, ack: 1 });
  const s = only(jump.a({ flags: ACK, seq: 901, ack: 1, len: 10 }));
  assert.deepEqual([s.history, s.bytes], ['SD', [10, 0]]);
});

test('a SYN-ACK on an established session restarts the sequence numbers of its sender', () => {
  const d = tcp().handshake().b({ flags: ACK, seq: 501, ack: 101, len: 30 });
  const s = only(d.b({ flags: SYN | ACK, seq: 9000, ack: 101 }).b({ flags: ACK, seq: 9001, ack: 101, len: 20 }));
  assert.equal(s.history, 'ShAd');
  assert.deepEqual([s.bytes, s.counts.outOfOrder], [[0, 20], 0]);
});

test("a SYN-ACK after a reset restarts the sequence numbers only if the reset was the sender's first packet", () => {
  // The first reset may be forged: its sequence number says nothing about the payload.
  const forged = tcp().a({ flags: SYN, seq: 100 }).b({ flags: RST, seq: 7777 });
  forged.b({ flags: SYN | ACK, seq: 500, ack: 101 }).b({ flags: ACK, seq: 501, ack: 101, len: 20 });
  assert.equal(only(forged).counts.retransmitted, 0);
  const reset = tcp().handshake().b({ flags: RST, seq: 501 });
  assert.equal(only(reset.b({ flags: SYN | ACK, seq: 9000, ack: 101 })).history, 'ShArh');
});

test('a FIN with the same 32-bit sequence number 4 GiB later adds a letter', () => {
  const d = tcp()
    .handshake(0, 0)
    .a({ flags: FIN | ACK, seq: 1, ack: 1 });
  for (let quarter = 1; quarter <= 4; quarter++)
    d.a({ flags: ACK, seq: (quarter * 0x40000000 - 9) >>> 0, ack: 1, len: 10 });
  assert.equal(only(d.a({ flags: FIN | ACK, seq: 1, ack: 1 })).history, 'ShAFDF');
});

test('SYN+RST is Q, not I', () => {
  assert.equal(only(tcp().a({ flags: SYN | RST, seq: 100 })).history, 'Q');
});
