import assert from 'node:assert/strict';
import test from 'node:test';
import { HINT_DNS_ANSWER, HINT_NTP_CLIENT, HINT_NTP_SERVER } from '../../shared/packet/columns.ts';
import {
  FlowTable,
  KEY_ADDR_A,
  KEY_ADDR_B,
  KEY_FLAG_V6,
  KEY_PROTO,
  KEY_WORDS,
} from '../../shared/packet/flow/flowtable.ts';
import { flipsRoles } from '../../shared/session/fliproles.ts';
import * as L from '../../shared/session/slots.ts';
import { Dialogue, type Seen } from './dialogue.ts';

function only(seen: Seen[]): Seen {
  assert.equal(seen.length, 1);
  return seen[0];
}

test('a session between DNS ports that begins with an answer has its originator at the other end', () => {
  const s = only(new Dialogue(53, 53, 17).b({ len: 60, ipLen: 88, hint: HINT_DNS_ANSWER }).end());
  assert.equal(s.origIsB, 0);
  assert.deepEqual([s.history, s.state, s.pkts, s.ipBytes], ['D^', 'S0', [1, 0], [88, 0]]);
});

test('an answer that is not the first message flips nothing, but payload too short for a message does not count', () => {
  const late = new Dialogue(53, 53, 17).b({ len: 60 }).b({ len: 60, hint: HINT_DNS_ANSWER });
  assert.equal(only(late.end()).history, 'D');
  const short = new Dialogue(53, 53, 17).b({ len: 11 }).b({ len: 60, hint: HINT_DNS_ANSWER });
  assert.equal(only(short.end()).history, 'D^');
});

test('a response by the responder flips nothing', () => {
  const d = new Dialogue(40000, 53, 17).a({ len: 5 }).b({ len: 60, hint: HINT_DNS_ANSWER });
  assert.equal(only(d.end()).history, 'Dd');
});

test('an answer to a multicast address flips nothing', () => {
  const flows = new FlowTable();
  const flips = (target: number) => {
    const slots = new L.SessionSlots(1);
    const slot = slots.take();
    slots.words[L.W_FLOW] = flows.lookup4(0x0a000001, target, (5353 << 16) | 5353, 17, 0, 0);
    slots.words[L.W_FLAGS] = L.FLAG_DNS;
    return flipsRoles(slots, slot, 0, 60, HINT_DNS_ANSWER, flows.words);
  };
  assert.equal(flips(0xe00000fb), false);
  assert.equal(flips(0x0a0000fb), true);
  const flips6 = (target: number) => {
    const slots = new L.SessionSlots(1);
    const slot = slots.take();
    const key = new Uint32Array(KEY_WORDS);
    key.set([0xfe800000, 0, 0, 1], KEY_ADDR_A);
    key.set([target, 0, 0, 0xfb], KEY_ADDR_B);
    key[KEY_PROTO] = 17 | KEY_FLAG_V6;
    slots.words[L.W_FLOW] = flows.lookup(key);
    slots.words[L.W_FLAGS] = L.FLAG_DNS;
    return flipsRoles(slots, slot, 0, 60, HINT_DNS_ANSWER, flows.words);
  };
  assert.equal(flips6(0xff020000), false);
  assert.equal(flips6(0xfe800000), true);
});

test("an NTP server's message from the originator flips the session: packets are counted by host, payload by role", () => {
  const d = new Dialogue(123, 123, 17).b({ len: 48, ipLen: 76, hint: HINT_NTP_SERVER });
  const s = only(d.a({ len: 48, ipLen: 76, hint: HINT_NTP_CLIENT }).end());
  assert.equal(s.origIsB, 0);
  assert.deepEqual([s.history, s.state, s.pkts, s.bytes, s.ipBytes], ['D^', 'S0', [2, 0], [96, 0], [152, 0]]);
});

test("an NTP client's message from the responder flips the session, once", () => {
  const d = new Dialogue(40000, 123, 17).a({ len: 48 }).b({ len: 48, hint: HINT_NTP_CLIENT });
  assert.equal(only(d.a({ len: 48, hint: HINT_NTP_CLIENT }).end()).history, 'Dd^');
});

test('the originator may flip an NTP session once, and so may the responder', () => {
  const d = new Dialogue(123, 123, 17).b({ len: 48, hint: HINT_NTP_SERVER }).b({ len: 48, hint: HINT_NTP_CLIENT });
  const s = only(d.b({ len: 48, hint: HINT_NTP_SERVER }).a({ len: 48, hint: HINT_NTP_CLIENT }).end());
  assert.deepEqual([s.history, s.origIsB], ['D^d^', 1]);
});

test('other ports are ignored', () => {
  assert.equal(only(new Dialogue(40000, 5000, 17).a({ len: 60, hint: HINT_DNS_ANSWER }).end()).history, 'D');
});
