/** The captures of a session, against a plain set, and the cost of a packet with any number of them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { DRAWN_FOR_WORD } from '../../shared/packet/flow/keyhash.ts';
import { CaptureSets } from '../../shared/session/captureset.ts';
import { SessionSlots, W_CAPTURE_COUNT, WORDS } from '../../shared/session/slots.ts';
import { random } from './walk.ts';

const SEED = Number(process.env.SEED ?? 17);

test(`sessions over many captures are counted like sets (seed ${SEED})`, () => {
  // With zeros drawn all nodes are in one list.
  for (const drawn of [undefined, new Int32Array(2 * DRAWN_FOR_WORD)]) {
    const next = random(SEED);
    const slots = new SessionSlots(2);
    const sets = new CaptureSets(slots, drawn);
    const expected = new Map<number, Set<number>>();
    for (let i = 0; i < 30_000; i++) {
      const session = Math.floor(next() * 40);
      const capture = Math.floor(next() ** 2 * (session < 20 ? 5 : 700));
      const [slot] = [...expected.keys()].slice(session, session + 1);
      if (slot === undefined) {
        const opened = slots.take();
        sets.open(opened, capture);
        expected.set(opened, new Set([capture]));
      } else if (next() < 0.005) {
        sets.close(slot);
        slots.release(slot);
        expected.delete(slot);
      } else {
        sets.enter(slot, capture);
        expected.get(slot)?.add(capture);
        assert.equal(slots.words[slot * WORDS + W_CAPTURE_COUNT], expected.get(slot)?.size, `seed ${SEED}, step ${i}`);
      }
    }
  }
});

/** Steps of `packets` packets of one session that cycle through `captures` captures. */
function steps(packets: number, captures: number, stride: number): number {
  const slots = new SessionSlots(2);
  const sets = new CaptureSets(slots);
  const slot = slots.take();
  sets.open(slot, 0);
  for (let i = 1; i < packets; i++) sets.enter(slot, (i * stride) % captures);
  assert.equal(slots.words[slot * WORDS + W_CAPTURE_COUNT], captures);
  sets.close(slot);
  return sets.steps;
}

test('a packet of a session over 8,000 captures costs no more steps than over 80', () => {
  for (const stride of [1, 7919]) {
    const few = steps(100_000, 80, stride);
    const many = steps(100_000, 8000, stride);
    assert.ok(few <= 500_000, `${few / 100_000} steps a packet over 80 captures`);
    assert.ok(many <= 500_000, `${many / 100_000} steps a packet over 8,000 captures`);
  }
});

test('a session that alternates between two captures needs no lookup', () => {
  assert.equal(steps(100_000, 2, 1), 0);
});
