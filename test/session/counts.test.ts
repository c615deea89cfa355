/** Counts at the limits of their widths: they continue or saturate; none wraps to 0. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import { addLetter, addLetterOf, givesLetter, historyText } from '../../shared/session/history.ts';
import { writeSession } from '../../shared/session/rows/sessionrow.ts';
import { SessionRows } from '../../shared/session/rows/sessionrows.ts';
import * as L from '../../shared/session/slots.ts';
import { REASON_END_OF_INPUT } from '../../shared/session/timeouts.ts';

test('a count in a word reaches 4,294,967,295 and stays there', () => {
  const words = Int32Array.of(0);
  assert.equal(L.count(words, 0), 1);
  words[0] = 0x7fffffff;
  assert.equal(L.count(words, 0), 2 ** 31);
  words[0] = L.MOST_COUNTED - 1;
  for (let i = 0; i < 3; i++) assert.equal(L.count(words, 0), L.MOST_COUNTED);
});

test('a history has a letter for the thousand millionth gap, and none twice', () => {
  const slots = new L.SessionSlots(1);
  const slot = slots.take();
  const at = slot * L.WORDS + L.W_ENDS + L.E_GAPS;
  for (const before of [0, 8, 999_999_998, 2 ** 31 - 2, L.MOST_COUNTED - 1]) {
    slots.words[at] = before;
    for (let i = 0; i < 3; i++) if (givesLetter(L.count(slots.words, at))) addLetterOf(slots, slot, 0, 71);
  }
  assert.equal(historyText(slots, slot), 'GGG');
});

test('a history is cut exactly at its limit', () => {
  const slots = new L.SessionSlots(1);
  const slot = slots.take();
  const letters = 'DdTt';
  for (let i = 0; i < L.HISTORY_LIMIT + 3; i++) addLetter(slots, slot, letters.charCodeAt(i % 4));
  assert.equal(historyText(slots, slot), letters.repeat(L.HISTORY_LIMIT / 4));
});

test('a session row holds counts of any size', () => {
  const flows = new FlowTable();
  const slots = new L.SessionSlots(1);
  const slot = slots.take();
  const rows = new SessionRows(1);
  slots.words[slot * L.WORDS + L.W_FLOW] = flows.lookup4(1, 2, 3, 6, 0, 0);
  const packets = 2 ** 40;
  for (let end = 0; end < 2; end++) {
    const at = slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE;
    const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
    slots.words[we + L.E_PACKETS] = -1;
    slots.words[we + L.E_PACKETS_WRAPS] = packets / 2 ** 32 - 1;
    // Past 32 bits once, and past it, back and past it again.
    for (let i = 0; i <= end; i++) L.countPacket(slots.words, we);
    L.uncountPacket(slots.words, we);
    L.countPacket(slots.words, we);
    slots.reals[at + L.X_IP_BYTES] = packets * 65_535 + end;
  }
  for (const word of [L.W_RETRANSMITTED, L.W_OUT_OF_ORDER, L.W_DUPLICATE, L.W_TRUNCATED])
    slots.words[slot * L.WORDS + word] = L.MOST_COUNTED;
  writeSession(slots, slot, REASON_END_OF_INPUT, flows, rows);
  assert.deepEqual([rows.origPkts[0], rows.respPkts[0]], [packets, packets + 1]);
  assert.deepEqual([rows.origIpBytes[0], rows.respIpBytes[0]], [packets * 65_535, packets * 65_535 + 1]);
  for (const count of [rows.retransmitted, rows.outOfOrder, rows.duplicate, rows.truncated])
    assert.equal(count[0], L.MOST_COUNTED);
});
