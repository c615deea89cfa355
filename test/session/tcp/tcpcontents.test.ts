import assert from 'node:assert/strict';
import test from 'node:test';
import * as L from '../../../shared/session/slots.ts';
import {
  NEW_AT_TOP,
  NEW_BELOW,
  RANGES_LIMIT,
  SEEN_BEFORE,
  TcpContents,
} from '../../../shared/session/tcp/tcpcontents.ts';
import { seeds } from '../../seed.ts';

function established(): { slots: L.SessionSlots; contents: TcpContents; slot: number } {
  const slots = new L.SessionSlots(1);
  const contents = new TcpContents(slots);
  const slot = slots.take();
  contents.open(slot);
  for (let end = 0; end < 2; end++) {
    const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
    slots.words[we + L.E_STATE] = L.STATE_ESTABLISHED;
    // Something has been acknowledged, so that the limits without any acknowledgement do not apply.
    slots.words[we + L.E_ACK] = 2;
  }
  return { slots, contents, slot };
}

const missed = (slots: L.SessionSlots) => slots.reals[L.R_MISSED];
const delivered = (slots: L.SessionSlots) => slots.reals[L.R_ENDS + L.X_DELIVERED];

test('segments in order are delivered at once', () => {
  const { slots, contents, slot } = established();
  assert.equal(contents.sent(slot, 0, 1, 10), NEW_AT_TOP);
  assert.equal(contents.sent(slot, 0, 11, 10), NEW_AT_TOP);
  assert.equal(delivered(slots), 21);
});

test('a hole holds back the bytes after it until it is filled', () => {
  const { slots, contents, slot } = established();
  assert.equal(contents.sent(slot, 0, 11, 10), NEW_AT_TOP);
  assert.equal(delivered(slots), 1);
  assert.equal(contents.sent(slot, 0, 1, 10), NEW_BELOW);
  assert.equal(delivered(slots), 21);
});

test('an acknowledgement over two holes misses both', () => {
  const { slots, contents, slot } = established();
  contents.sent(slot, 0, 11, 10);
  contents.sent(slot, 0, 31, 10);
  contents.acknowledged(slot, 0, 41);
  assert.equal(missed(slots), 20);
  assert.equal(contents.sent(slot, 0, 1, 40), SEEN_BEFORE);
});

test('one range more than the limit is not kept', () => {
  const { slots, contents, slot } = established();
  for (let i = 0; i <= RANGES_LIMIT; i++) contents.sent(slot, 0, 10 + 10 * i, 1);
  contents.acknowledged(slot, 0, 10 + 10 * RANGES_LIMIT + 1);
  assert.equal(missed(slots), 10 + 10 * RANGES_LIMIT - RANGES_LIMIT);
});

test('an end without any acknowledgement is no longer followed beyond 16 KiB above a hole', () => {
  const { slots, contents, slot } = established();
  slots.words[L.W_ENDS + L.E_ACK] = 1;
  contents.sent(slot, 0, 101, 16385);
  assert.notEqual(slots.words[L.W_ENDS + L.E_STATE] & L.END_SKIPPING, 0);
  assert.equal(contents.pending(slot, 0), false);
});

test('ranges of ended sessions are reused', () => {
  const { contents, slot } = established();
  const ranges = 8;
  for (let session = 0; session < 1000; session++) {
    contents.open(slot);
    for (let end = 0; end < 2; end++) for (let i = 1; i <= ranges; i++) contents.sent(slot, end, 10 * i, 1);
    contents.close(slot);
  }
  const { used } = contents as unknown as { used: number };
  assert.equal(used, 2 * ranges);
});

/** As the tracker leaves an end that sent up to relative number `to` while its peer never acknowledged any of it. */
function unheard(to: number): ReturnType<typeof established> {
  const made = established();
  made.slots.words[L.W_ENDS + L.E_ACK] = 1;
  made.slots.words[L.W_ENDS + L.E_LAST] = to;
  return made;
}

const kept = (slots: L.SessionSlots) => slots.reals[L.R_ENDS + L.X_DELIVERED] - slots.reals[L.R_ENDS + L.X_TRIMMED];

test('contents in order are kept for an acknowledgement up to 16 KiB without any, and then no longer', () => {
  const few = unheard(16385);
  few.contents.sent(few.slot, 0, 1, 1000);
  assert.equal(kept(few.slots), 1000);
  const many = unheard(16386);
  many.contents.sent(many.slot, 0, 1, 1000);
  assert.equal(kept(many.slots), 0);
  many.contents.sent(many.slot, 0, 1001, 10);
  assert.equal(kept(many.slots), 0, 'a few bytes more are not kept either');
});

test('contents before a hole are kept even when none were acknowledged', () => {
  const { slots, contents, slot } = unheard(10);
  contents.sent(slot, 0, 1, 10);
  slots.words[L.W_ENDS + L.E_LAST] = 17001;
  contents.sent(slot, 0, 16001, 1000);
  assert.equal(kept(slots), 10);
});

test('an end with more than 10 MiB unacknowledged is no longer followed', () => {
  const { slots, contents, slot } = established();
  for (let mib = 0; mib < 10; mib++) contents.sent(slot, 0, 1 + mib * 1048576, 1048576);
  assert.equal(slots.words[L.W_ENDS + L.E_STATE] & L.END_SKIPPING, 0);
  contents.sent(slot, 0, 1 + 10 * 1048576, 1);
  assert.notEqual(slots.words[L.W_ENDS + L.E_STATE] & L.END_SKIPPING, 0);
});

test('ranges agree with a bitmap', () => {
  for (const seed of seeds(200)) {
    let state = seed;
    const pick = (n: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 4294967296) * n);
    };
    const { slots, contents, slot } = established();
    const bytes = new Uint8Array(600).fill(0);
    let trimmed = 1;
    let missing = 0;
    for (let step = 0; step < 80; step++) {
      const context = `seed ${seed}, step ${step}`;
      if (pick(6) === 0) {
        const ack = 1 + pick(500);
        contents.acknowledged(slot, 0, ack);
        for (let at = trimmed; at < ack; at++) missing += 1 - bytes[at];
        bytes.fill(1, trimmed, Math.max(ack, trimmed));
        trimmed = Math.max(ack, trimmed);
        assert.equal(missed(slots), missing, context);
        continue;
      }
      const seq = 1 + pick(500);
      const length = 1 + pick(40);
      let lowest = -1;
      for (let at = Math.max(seq, trimmed); at < seq + length && lowest < 0; at++) if (bytes[at] === 0) lowest = at;
      const top = bytes.lastIndexOf(1);
      const expected = lowest < 0 ? SEEN_BEFORE : top > lowest ? NEW_BELOW : NEW_AT_TOP;
      assert.equal(contents.sent(slot, 0, seq, length), expected, context);
      bytes.fill(1, Math.max(seq, trimmed), Math.max(seq + length, trimmed));
      assert.equal(delivered(slots), bytes.indexOf(0, 1), context);
    }
  }
});
