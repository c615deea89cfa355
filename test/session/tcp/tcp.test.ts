import assert from 'node:assert/strict';
import test from 'node:test';
import { ACK, Dialogue, FIN, RST, SECOND, type Seen, SYN } from '../dialogue.ts';

function only(seen: Seen[]): Seen {
  assert.equal(seen.length, 1);
  return seen[0];
}

function tcp(): Dialogue {
  return new Dialogue(40000, 80);
}

test('S0: a SYN without an answer', () => {
  const s = only(tcp().a({ flags: SYN, seq: 100 }).end());
  assert.equal(s.state, 'S0');
  assert.equal(s.history, 'S');
  assert.deepEqual(s.pkts, [1, 0]);
  assert.deepEqual(s.bytes, [-1, -1], 'no duration, no bytes');
});

test('S1: established, not closed', () => {
  const s = only(tcp().handshake().a({ flags: ACK, seq: 101, ack: 501, len: 30 }).end());
  assert.equal(s.state, 'S1');
  assert.equal(s.history, 'ShAD');
  assert.deepEqual(s.bytes, [30, 0]);
  assert.deepEqual(s.ipBytes, [150, 40]);
  assert.equal(s.synRtt, 1000);
  assert.equal(s.reason, 'end_of_input');
});

test('SF: both sides close; the trailing acknowledgement is not part of the duration', () => {
  const d = tcp().handshake();
  d.a({ flags: ACK, seq: 101, ack: 501, len: 10 }).b({ flags: ACK, seq: 501, ack: 111, len: 20 });
  d.a({ flags: ACK | FIN, seq: 111, ack: 521 }).b({ flags: ACK | FIN, seq: 521, ack: 112 });
  d.a({ flags: ACK, seq: 112, ack: 522 });
  const s = only(d.end());
  assert.equal(s.state, 'SF');
  assert.equal(s.history, 'ShADdFf');
  assert.deepEqual(s.bytes, [10, 20]);
  assert.deepEqual(s.pkts, [5, 3]);
  assert.equal(s.duration, 6000);
});

test('REJ: a SYN answered by a reset', () => {
  const s = only(
    tcp()
      .a({ flags: SYN, seq: 100 })
      .b({ flags: RST | ACK, seq: 0, ack: 101 })
      .end(),
  );
  assert.equal(s.state, 'REJ');
  assert.equal(s.history, 'Sr');
});

test('S2: only the originator closes', () => {
  const s = only(
    tcp()
      .handshake()
      .a({ flags: ACK | FIN, seq: 101, ack: 501 })
      .end(),
  );
  assert.equal(s.state, 'S2');
  assert.equal(s.history, 'ShAF');
});

test('S3: only the responder closes', () => {
  const s = only(
    tcp()
      .handshake()
      .b({ flags: ACK | FIN, seq: 501, ack: 101 })
      .end(),
  );
  assert.equal(s.state, 'S3');
  assert.equal(s.history, 'ShAf');
});

test('RSTO: the originator resets an established session', () => {
  const d = tcp().handshake().a({ flags: ACK, seq: 101, ack: 501, len: 5 });
  const s = only(d.a({ flags: RST, seq: 106 }).end());
  assert.equal(s.state, 'RSTO');
  assert.equal(s.history, 'ShADR');
  assert.deepEqual(s.bytes, [5, 0]);
});

test('RSTR: the responder resets an established session', () => {
  const s = only(tcp().handshake().b({ flags: RST, seq: 501 }).end());
  assert.equal(s.state, 'RSTR');
  assert.equal(s.history, 'ShAr');
});

test('RSTOS0: the originator resets its own attempt', () => {
  const s = only(tcp().a({ flags: SYN, seq: 100 }).a({ flags: RST, seq: 101 }).end());
  assert.equal(s.state, 'RSTOS0');
  assert.equal(s.history, 'SR');
});

test('RSTRH: the responder resets, no SYN seen', () => {
  const d = tcp()
    .b({ flags: SYN | ACK, seq: 500, ack: 101 })
    .b({ flags: RST, seq: 501 });
  const s = only(d.end());
  assert.equal(s.state, 'RSTRH');
  assert.equal(s.history, '^hr');
  assert.equal(s.origIsB, 0, 'port 80 is the responder');
});

test('SH: a SYN and a FIN of the originator, nothing else', () => {
  const s = only(tcp().a({ flags: SYN, seq: 100 }).a({ flags: FIN, seq: 101 }).end());
  assert.equal(s.state, 'SH');
  assert.equal(s.history, 'SF');
});

test('SHR: a SYN-ACK and a FIN of the responder, nothing else', () => {
  const s = only(
    tcp()
      .b({ flags: SYN | ACK, seq: 500, ack: 101 })
      .b({ flags: FIN | ACK, seq: 501, ack: 101 })
      .end(),
  );
  assert.equal(s.state, 'SHR');
  assert.equal(s.history, '^hf');
});

test('OTH: the middle of a session', () => {
  const d = tcp().a({ flags: ACK, seq: 7000, ack: 9000, len: 10 }).b({ flags: ACK, seq: 9000, ack: 7010, len: 20 });
  const s = only(d.end());
  assert.equal(s.state, 'OTH');
  assert.equal(s.history, 'Dd');
  assert.deepEqual(s.bytes, [10, 20]);
});

test('bytes and history continue across the wrap of the sequence space', () => {
  const isn = 0xfffffff0;
  const d = tcp().handshake(isn, isn);
  d.a({ flags: ACK, seq: isn + 1, ack: isn + 1, len: 100 });
  d.b({ flags: ACK, seq: isn + 1, ack: (isn + 101) >>> 0, len: 50 });
  d.a({ flags: ACK | FIN, seq: (isn + 101) >>> 0, ack: (isn + 51) >>> 0 });
  d.b({ flags: ACK | FIN, seq: (isn + 51) >>> 0, ack: (isn + 102) >>> 0 });
  const s = only(d.end());
  assert.equal(s.state, 'SF');
  assert.equal(s.history, 'ShADdFf');
  assert.deepEqual(s.bytes, [100, 50]);
  assert.equal(s.missed, 0);
  assert.deepEqual(s.counts, { retransmitted: 0, outOfOrder: 0, duplicate: 0, truncated: 0 });
});

test('more than 4 GB are counted', () => {
  const d = tcp().handshake(0, 0);
  const step = 0x40000000;
  for (let i = 1; i <= 5; i++) {
    // Only the last kilobyte of each gigabyte is captured.
    d.a({ flags: ACK, seq: (1 + i * step - 1024) >>> 0, ack: 1, len: 1024 });
    d.b({ flags: ACK, seq: 1, ack: (1 + i * step) >>> 0 });
  }
  const s = only(d.end());
  assert.equal(s.bytes[0], 5 * step);
});

test('acknowledged bytes that were not seen are missed, and add a G after the acknowledgement', () => {
  const d = tcp().handshake();
  d.a({ flags: ACK, seq: 101, ack: 501, len: 10 }).a({ flags: ACK, seq: 211, ack: 501, len: 10 });
  d.b({ flags: ACK, seq: 501, ack: 221 });
  const s = only(d.end());
  assert.equal(s.missed, 100);
  assert.equal(s.history, 'ShADaG');
});

test('a segment that fills a hole is out of order, one without new bytes is a retransmission', () => {
  const d = tcp().handshake();
  d.a({ flags: ACK, seq: 111, ack: 501, len: 10 }).a({ flags: ACK, seq: 101, ack: 501, len: 10 });
  d.a({ flags: ACK, seq: 101, ack: 501, len: 20 }).a({ flags: ACK, seq: 101, ack: 501, len: 20 });
  const s = only(d.end());
  assert.deepEqual(s.counts, { retransmitted: 2, outOfOrder: 1, duplicate: 1, truncated: 0 });
  assert.equal(s.history, 'ShADT', 'the letter T is added at the 1st and 10th');
  assert.deepEqual(s.bytes, [20, 0]);
});

test('letters of retransmissions are added at 1, 10 and 100', () => {
  const d = tcp().handshake().a({ flags: ACK, seq: 101, ack: 501, len: 10 });
  for (let i = 0; i < 99; i++) d.a({ flags: ACK, seq: 101, ack: 501, len: 10 });
  assert.equal(only(d.end()).history, 'ShADTT');
});

test('truncated payload is counted and neither seen nor missed before it is acknowledged', () => {
  const d = tcp().handshake().a({ flags: ACK, seq: 101, ack: 501, len: 100, truncated: true });
  assert.equal(only(d.end()).counts.truncated, 1);
});

test('SYN, FIN and RST letters repeat when the sequence number differs', () => {
  const d = tcp().a({ flags: SYN, seq: 100 }).a({ flags: SYN, seq: 100 }).b({ flags: RST, seq: 5 });
  d.b({ flags: RST, seq: 5 }).b({ flags: RST, seq: 77 });
  assert.equal(only(d.end()).history, 'Srr');
});

test('FIN+RST is I, SYN+FIN is Q, once a side', () => {
  const d = tcp()
    .a({ flags: SYN | FIN, seq: 100 })
    .b({ flags: FIN | RST, seq: 5 })
    .b({ flags: FIN | RST, seq: 9 });
  assert.equal(only(d.end()).history, 'Qi');
});

test('a zero window adds a W, but not with a reset', () => {
  const d = tcp().handshake().b({ flags: ACK, seq: 501, ack: 101, window: 0 }).a({ flags: RST, seq: 101, window: 0 });
  assert.equal(only(d.end()).history, 'ShAawR');
});

test('a server port as source flips a session that begins in the middle', () => {
  const s = only(tcp().b({ flags: ACK, seq: 9000, ack: 7000, len: 20 }).end());
  assert.equal(s.history, '^d');
  assert.equal(s.origIsB, 0);
  assert.deepEqual(s.pkts, [0, 1]);
});

test('with two server ports the smaller one is the server, but a SYN-ACK flips nothing', () => {
  const middle = only(new Dialogue(80, 443).a({ flags: ACK, seq: 9000, ack: 7000, len: 20 }).end());
  assert.equal(middle.history, '^d');
  const synAck = only(new Dialogue(80, 443).a({ flags: SYN | ACK, seq: 9000, ack: 7000 }).end());
  assert.equal(synAck.history, 'H');
});

test('a SYN-ACK between unknown ports flips once an acknowledgement follows', () => {
  const alone = only(new Dialogue(40000, 50000).b({ flags: SYN | ACK, seq: 500, ack: 101 }).end());
  assert.equal(alone.history, 'H');
  assert.equal(alone.origIsB, 1);
  const d = new Dialogue(40000, 50000).b({ flags: SYN | ACK, seq: 500, ack: 101 });
  const flipped = only(d.a({ flags: ACK, seq: 101, ack: 501 }).end());
  assert.equal(flipped.history, '^hA');
  assert.equal(flipped.origIsB, 0);
  assert.deepEqual(flipped.pkts, [1, 1]);
});

test('a SYN-ACK that overtook its SYN flips the session', () => {
  const d = new Dialogue(40000, 50000).b({ flags: SYN | ACK, seq: 500, ack: 101 }).a({ flags: SYN, seq: 100 });
  const s = only(d.end());
  assert.equal(s.history, 'Hs^');
  assert.equal(s.origIsB, 0);
  assert.equal(s.state, 'S1');
  assert.deepEqual(s.pkts, [1, 1], 'the SYN counts for its sender, the originator');
});

test('a SYN with another sequence number on an open session begins a new one', () => {
  const d = tcp()
    .handshake()
    .a({ flags: SYN, seq: 90000, at: 2 * SECOND });
  const seen = d.end();
  assert.deepEqual(
    seen.map((s) => [s.state, s.reason]),
    [
      ['S1', 'reused'],
      ['S0', 'end_of_input'],
    ],
  );
  assert.notEqual(seen[0].uid, seen[1].uid);
});

test('the same SYN again is a retransmission, not a new session', () => {
  assert.equal(only(tcp().handshake().a({ flags: SYN, seq: 100 }).end()).history, 'ShA');
});

test('any SYN on a closed session begins a new one', () => {
  const d = tcp().handshake().a({ flags: RST, seq: 101 }).a({ flags: SYN, seq: 100 });
  assert.equal(d.end().length, 2);
});

test('sessions of one flow that begin at the same time have different uids', () => {
  const d = tcp();
  for (let i = 0; i < 3; i++) d.a({ flags: SYN, seq: 1000 * i, at: 0 });
  const uids = d.end().map((s) => s.uid);
  assert.equal(new Set(uids).size, 3);
});

test('a close waits for the data before it', () => {
  // The FIN comes with ten bytes missing; the session is closed once they have arrived.
  const d = tcp()
    .handshake()
    .a({ flags: ACK | FIN, seq: 111, ack: 501 });
  d.b({ flags: ACK | FIN, seq: 501, ack: 101 }).a({ flags: ACK, seq: 101, ack: 502, len: 10 });
  const s = only(d.end());
  assert.equal(s.state, 'SF');
  assert.equal(s.missed, 0);
  assert.deepEqual(s.bytes, [10, 0]);
});
