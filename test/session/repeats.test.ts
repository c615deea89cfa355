/** Which packets count as repeats of an earlier one of their session. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printOf, REPEAT_WINDOW_US, Repeats } from '../../shared/session/repeats.ts';
import * as L from '../../shared/session/slots.ts';
import { random, SEED } from '../job/harness.ts';
import { ACK, Dialogue, FIN, type Seen, SYN } from './dialogue.ts';

const tcp = (): Dialogue => new Dialogue(40000, 80);
const udp = (): Dialogue => new Dialogue(40000, 53, 17);
const repeats = (sessions: readonly Seen[]): number[] => sessions.map(({ counts }) => counts.duplicate);

test('of a conversation of which each packet was captured twice, every second packet is a repeat', () => {
  const d = tcp();
  const twice = (send: 'a' | 'b', said: Parameters<Dialogue['a']>[0]): void => {
    d[send]({ ...said });
    d[send]({ ...said, at: d.columns.us[d.columns.length - 1] - d.columns.us[0] + 30 });
  };
  twice('a', { flags: SYN, seq: 100, mark: 1 });
  twice('b', { flags: SYN | ACK, seq: 500, ack: 101, mark: 1 });
  twice('a', { flags: ACK, seq: 101, ack: 501, mark: 2 });
  twice('a', { flags: ACK, seq: 101, ack: 501, len: 10, mark: 3 });
  twice('b', { flags: ACK, seq: 501, ack: 111, mark: 2 });
  twice('b', { flags: ACK | FIN, seq: 501, ack: 111, mark: 3 });
  assert.deepEqual(repeats(d.end()), [6]);
});

test('an acknowledgement or a retransmission with a mark of its own is no repeat', () => {
  const d = tcp().handshake();
  for (let mark = 1; mark <= 4; mark++) d.b({ flags: ACK, seq: 501, ack: 101, mark });
  for (let mark = 5; mark <= 6; mark++) d.a({ flags: ACK, seq: 101, ack: 501, len: 10, mark });
  assert.deepEqual(repeats(d.end()), [0]);
});

test('datagrams of equal mark and lengths in the same direction are repeats, others are not', () => {
  const d = udp();
  d.a({ len: 30, mark: 7 }).a({ len: 30, mark: 7 });
  d.b({ len: 30, mark: 7 }).a({ len: 31, mark: 7 }).a({ len: 30, mark: 8 });
  assert.deepEqual(repeats(d.end()), [1]);
});

test('each of three copies but the first is a repeat', () => {
  const d = udp().a({ len: 30, mark: 7, at: 0 }).a({ len: 30, mark: 7, at: 2 }).a({ len: 30, mark: 7, at: 4 });
  assert.deepEqual(repeats(d.end()), [2]);
});

test('a repeat comes at most 10 ms after one like it, itself perhaps a repeat', () => {
  const at = (...times: number[]): number[] => {
    const d = udp();
    for (const time of times) d.a({ len: 30, mark: 7, at: time });
    return repeats(d.end());
  };
  assert.deepEqual(at(0, REPEAT_WINDOW_US), [1]);
  assert.deepEqual(at(0, REPEAT_WINDOW_US + 1), [0]);
  assert.deepEqual(at(0, 9000, 18_000), [2]);
});

test('a packet is remembered behind eight others of its direction, and any of the other direction', () => {
  const behind = (others: number): number[] => {
    const d = udp().a({ len: 30, mark: 1, at: 0 });
    for (let i = 0; i < others; i++) d.a({ len: 30, mark: 100 + i, at: 10 }).b({ len: 30, mark: 200 + i, at: 10 });
    return repeats(d.a({ len: 30, mark: 1, at: 20 }).end());
  };
  assert.deepEqual(behind(8), [1]);
  assert.deepEqual(behind(9), [0]);
});

test('a session knows nothing of the packets of the one before it', () => {
  const d = udp();
  for (let i = 0; i < 3; i++) d.a({ len: 30, mark: i, at: i });
  // The timeout of UDP is a minute.
  for (let i = 0; i < 3; i++) d.a({ len: 30, mark: i, at: 100e6 + i });
  assert.deepEqual(repeats(d.end()), [0, 0]);
});

test('each field tells packets apart', () => {
  const packet = [1, 60, 20, 1000, 2000, 16, 512] as const;
  const print = printOf(...packet);
  for (const [at] of packet.entries())
    for (const change of [1, 2, 255]) {
      const other = [...packet] as Parameters<typeof printOf>;
      other[at] += change;
      assert.notEqual(printOf(...other), print, `field ${at}, ${change} more`);
    }
});

test(`many sessions count as a list of all their packets says (seed ${SEED})`, () => {
  const next = random(SEED);
  const slots = new L.SessionSlots(1);
  const noted = new Repeats(slots);
  interface Open {
    slot: number;
    sent: { print: number; us: number }[][];
    expected: number;
  }
  const open: Open[] = [];
  for (let us = 2 ** 32 - 3e6, step = 0; step < 40_000; step++) {
    us += Math.floor(next() ** 4 * 4000);
    if (open.length < 300 && next() < 0.1) open.push({ slot: slots.take(), sent: [[], []], expected: 0 });
    if (open.length === 0) continue;
    const at = Math.floor(next() * Math.min(open.length, 1 + next() * 300));
    const session = open[at];
    const end = next() < 0.5 ? 0 : 1;
    const print = 1 + Math.floor(next() * 12);
    const sent = session.sent[end];
    if (sent.slice(-9).some((before) => before.print === print && us - before.us <= REPEAT_WINDOW_US))
      session.expected++;
    sent.push({ print, us });
    noted.note(session.slot, end, us, print);
    if (next() < 0.02) {
      assert.equal(slots.words[session.slot * L.WORDS + L.W_DUPLICATE], session.expected, `step ${step}`);
      noted.close(session.slot);
      slots.release(session.slot);
      open.splice(at, 1);
    }
  }
});
