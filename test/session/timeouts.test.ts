import assert from 'node:assert/strict';
import test from 'node:test';
import { SessionRows } from '../../shared/session/rows/sessionrows.ts';
import { DEFAULTS } from '../../shared/session/sessionconfig.ts';
import { SessionTracker } from '../../shared/session/tracker.ts';
import { seeds } from '../seed.ts';
import { ACK, Dialogue, FIN, RST, SECOND, SYN, seenRows, T0 } from './dialogue.ts';
import { walk } from './walk.ts';

/** The sessions of two packets that are `gap` microseconds apart. */
function udpSessions(gap: number): string[] {
  return new Dialogue(40000, 5000, 17)
    .a({ len: 10, at: 0 })
    .b({ len: 10, at: gap })
    .end()
    .map((s) => s.reason);
}

test('a datagram session ends at its idle limit, not a microsecond before', () => {
  assert.deepEqual(udpSessions(60 * SECOND - 1), ['end_of_input']);
  assert.deepEqual(udpSessions(60 * SECOND), ['inactive', 'end_of_input']);
  assert.deepEqual(udpSessions(60 * SECOND + 1), ['inactive', 'end_of_input']);
});

test('an established TCP session may be idle for five minutes, on port 22 for an hour', () => {
  const split = (port: number, gap: number) => {
    const d = new Dialogue(40000, port).handshake().a({ flags: ACK, seq: 101, ack: 501, len: 1, at: 10_000 });
    return d.a({ flags: ACK, seq: 102, ack: 501, len: 1, at: 10_000 + gap }).end().length;
  };
  assert.equal(split(80, 300 * SECOND - 1), 1);
  assert.equal(split(80, 300 * SECOND), 2);
  assert.equal(split(22, 3600 * SECOND - 1), 1);
  assert.equal(split(22, 3600 * SECOND), 2);
});

test('SSH banners from both sides allow an hour of silence on any port', () => {
  const d = new Dialogue(40000, 2200).handshake();
  d.b({ flags: ACK, seq: 501, ack: 101, len: 20, hint: 1 }).a({ flags: ACK, seq: 101, ack: 521, len: 20, hint: 1 });
  assert.equal(d.a({ flags: ACK, seq: 121, ack: 521, len: 1, at: 3000 * SECOND }).end().length, 1);
});

test('an unanswered SYN ends after five seconds, retransmitted or not', () => {
  const d = new Dialogue(40000, 80).a({ flags: SYN, seq: 1, at: 0 }).a({ flags: SYN, seq: 1, at: 3 * SECOND });
  assert.deepEqual(
    d
      .a({ flags: SYN, seq: 1, at: 7 * SECOND })
      .end()
      .map((s) => [s.reason, s.pkts[0]]),
    [
      ['attempt', 2],
      ['end_of_input', 1],
    ],
  );
});

test('a closed session ends five seconds after its last close, whatever comes meanwhile', () => {
  const closed = (at: number) => {
    const d = new Dialogue(40000, 80).handshake().a({ flags: ACK | FIN, seq: 101, ack: 501, at: SECOND });
    d.b({ flags: ACK | FIN, seq: 501, ack: 102, at: SECOND }).a({ flags: ACK, seq: 102, ack: 502, at: 5 * SECOND });
    return d.a({ flags: ACK, seq: 102, ack: 502, at }).end();
  };
  assert.equal(closed(6 * SECOND - 1).length, 1);
  assert.deepEqual(
    closed(6 * SECOND).map((s) => s.reason),
    ['closed', 'end_of_input'],
  );
});

test('a reset ends its session five seconds later', () => {
  const d = new Dialogue(40000, 80).handshake().a({ flags: RST, seq: 101, at: SECOND });
  const seen = d.a({ flags: ACK, seq: 102, ack: 502, at: 6 * SECOND }).end();
  assert.deepEqual(
    seen.map((s) => s.reason),
    ['reset', 'end_of_input'],
  );
});

test('a half-closed session lives as long as packets come', () => {
  const d = new Dialogue(40000, 80).handshake().a({ flags: ACK | FIN, seq: 101, ack: 501, at: SECOND });
  assert.equal(d.b({ flags: ACK, seq: 501, ack: 102, len: 10, at: 200 * SECOND }).end().length, 1);
});

test('a DNS session ends at a tick of ten seconds that finds it silent', () => {
  const ends = (gap: number) => new Dialogue(40000, 53, 17).a({ len: 30, at: 0 }).a({ len: 30, at: gap }).end().length;
  assert.equal(ends(10 * SECOND - 1), 1);
  assert.equal(ends(10 * SECOND), 2);
});

test('payload that cannot be DNS changes nothing about the ticks of a DNS session', () => {
  // The parser is attached because of the port, and stays.
  const d = new Dialogue(40000, 53, 17).a({ len: 58, at: 0 }).b({ len: 6, at: 200_000 });
  assert.deepEqual(
    d
      .b({ len: 30, at: 59 * SECOND })
      .end()
      .map((s) => s.pkts),
    [
      [1, 1],
      [0, 1],
    ],
  );
});

test('a session closed and reset by one side is checked every six seconds, and ends at a check after five seconds of silence', () => {
  // Checks are at 5, 11, 17, ... seconds; that at 5 s finds 4.9 s of silence.
  const ends = (at: number) => {
    const d = new Dialogue(40000, 80).handshake().b({ flags: ACK | FIN, seq: 501, ack: 101, at: 50_000 });
    d.b({ flags: RST, seq: 502, at: 100_000 }).a({ flags: ACK, seq: 101, ack: 502, len: 1, at });
    return d.end().length;
  };
  assert.equal(ends(5_200_000), 1);
  assert.equal(ends(6_049_999), 1);
  assert.equal(ends(6_050_000), 2, 'the half-closed session is checked six seconds after its close, too');
});

test('the end of input of the whole job decides what had ended before', () => {
  const reasonAt = (endUs: number) => {
    const d = new Dialogue(40000, 5000, 17).a({ len: 1, at: 0 });
    d.tracker.finish(endUs);
    return seenRows(d.rows)[0].reason;
  };
  assert.equal(reasonAt(T0 + 60 * SECOND - 1), 'end_of_input');
  assert.equal(reasonAt(T0 + 60 * SECOND), 'inactive');
});

test('expire frees sessions that have timed out, over any gap', () => {
  const d = new Dialogue(40000, 5000, 17).a({ len: 1, at: 0 });
  d.tracker.expire(T0 + 59 * SECOND);
  assert.equal(d.tracker.openSessions, 1);
  d.tracker.expire(T0 + 365 * 86400 * SECOND);
  assert.equal(d.tracker.openSessions, 0);
  assert.equal(d.tracker.sessionsOpened, 1);
});

function track(seed: number, capacity: number, expireEvery: number): string[] {
  const { columns, flows } = walk(seed, 4000);
  const rows = new SessionRows(capacity);
  const result: string[] = [];
  const drain = () => {
    for (const row of seenRows(rows)) result.push(JSON.stringify(row));
    rows.clear();
  };
  const tracker = new SessionTracker(DEFAULTS, flows, rows, drain);
  for (let row = 0; row < columns.length; row++) {
    tracker.packet(columns, row, columns.flow[row], columns.capture[row]);
    if (expireEvery > 0 && row % expireEvery === 0) tracker.expire(columns.us[row]);
  }
  tracker.finish();
  drain();
  assert.equal(tracker.openSessions, 0);
  assert.equal(result.length, tracker.sessionsOpened);
  return result.sort();
}

test('sessions are the same however often expire is called and however small the row batch is', () => {
  for (const seed of seeds(5)) {
    const never = track(seed, 100_000, 0);
    assert.ok(never.length > 100, `seed ${seed}: too few sessions to be meaningful`);
    assert.deepEqual(track(seed, 1, 1), never, `seed ${seed}, expire after every packet`);
    assert.deepEqual(track(seed, 7, 97), never, `seed ${seed}, expire now and then`);
  }
});
