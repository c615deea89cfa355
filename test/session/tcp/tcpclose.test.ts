/** A reset while data before it are missing: the close waits for them, and Zeek's timers run only while the session is active. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ACK, Dialogue, FIN, RST, SECOND, type Seen, SYN } from '../dialogue.ts';

const ends = (seen: Seen[]) => seen.map(({ state, history, reason }) => [state, history, reason]);

test('a reset makes a session inactive (ConnectionReset): without the data before it only the idle time ends it', () => {
  const closed = () => new Dialogue(40000, 80).handshake().b({ flags: FIN | ACK, seq: 501, ack: 101 });
  const late = { flags: ACK, seq: 101, ack: 502, at: 60 * SECOND };
  assert.deepEqual(ends(closed().a({ flags: RST, seq: 201 }).a(late).end()), [['RSTO', 'ShAfR', 'end_of_input']]);
  const both = closed().b({ flags: RST, seq: 502 }).a({ flags: RST, seq: 201 });
  assert.deepEqual(ends(both.a(late).end()), [['RSTR', 'ShAfrR', 'end_of_input']]);
});

test('a rejected session is active: a reset after its FIN ends it after the reset delay', () => {
  const d = new Dialogue(40000, 80, 6, { tcpResetDelayUs: SECOND / 10 }).a({ flags: SYN, seq: 100 });
  d.b({ flags: RST | ACK, ack: 101 })
    .a({ flags: FIN, seq: 200 })
    .a({ flags: RST, seq: 201 });
  const seen = d.a({ flags: ACK, seq: 101, ack: 501, at: SECOND }).end();
  assert.deepEqual(ends(seen), [
    ['RSTR', 'SrFR', 'reset'],
    ['OTH', 'A', 'end_of_input'],
  ]);
});
