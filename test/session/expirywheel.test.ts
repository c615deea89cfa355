/** The expiry wheel against a plain list: after any time no session is forgotten, and none is checked too often. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { MAX_US } from '../../shared/capture/facts.ts';
import { SessionSlots } from '../../shared/session/slots.ts';
import { BUCKET_US, ExpiryWheel } from '../../shared/session/timeouts.ts';
import { random } from './walk.ts';

const SEED = Number(process.env.SEED ?? 29);
const SECOND = 1_000_000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const bucketOf = (us: number) => Math.floor(us / BUCKET_US);

test(`due sessions are checked, over seconds and over centuries (seed ${SEED})`, () => {
  for (let round = 0; round < 30; round++) {
    const next = random(SEED + round);
    const slots = new SessionSlots(4);
    const wheel = new ExpiryWheel(slots);
    const due = new Map<number, number>();
    const spans = [0, 5 * SECOND, 300 * SECOND, HOUR, 2 * HOUR, 30 * DAY, 365 * DAY, 40_000 * DAY];
    /** A while, up to seconds or up to centuries, and now and then a whole number of revolutions. */
    const span = (): number => {
      const most = spans[Math.floor(next() * spans.length)];
      return next() < 0.1 ? Math.round(most / 2 ** 32) * 2 ** 32 : Math.floor(next() * most);
    };
    let us = [0, 2 ** 51 - HOUR, 1.6e15][round % 3];
    for (let step = 0; step < 1500 && us < MAX_US; step++) {
      const what = next();
      const known = [...due.keys()];
      const slot = known[Math.floor(next() * known.length)];
      if (what < 0.4 || slot === undefined) {
        const taken = slots.take();
        due.set(taken, next() < 0.01 ? Number.POSITIVE_INFINITY : us + span());
        wheel.add(taken, due.get(taken) as number);
      } else if (what < 0.5) {
        wheel.remove(slot);
        slots.release(slot);
        due.delete(slot);
      } else if (what < 0.6) {
        due.set(slot, Math.min(due.get(slot) as number, us + span()));
        wheel.hasten(slot, due.get(slot) as number);
      } else if (what < 0.7) due.set(slot, Math.max(due.get(slot) as number, us + span()));
      else {
        us += next() < 0.9 ? Math.min(span(), HOUR * next() * 3) : span();
        wheel.advance(us, (at) => {
          const its = due.get(at);
          assert.ok(its !== undefined, `seed ${SEED + round}, step ${step}: slot ${at} is not in the wheel`);
          if (bucketOf(its) >= bucketOf(us)) wheel.add(at, its);
          else {
            due.delete(at);
            slots.release(at);
          }
        });
        for (const [at, its] of due)
          assert.ok(bucketOf(its) >= bucketOf(us), `seed ${SEED + round}, step ${step}: slot ${at} was forgotten`);
      }
    }
  }
});

test('sessions that may be idle for a year are not checked every hour', () => {
  const slots = new SessionSlots(4);
  const wheel = new ExpiryWheel(slots);
  const sessions = 100;
  const year = 365 * DAY;
  for (let i = 0; i < sessions; i++) wheel.add(slots.take(), year + i);
  let looks = 0;
  for (let us = 0; us < year; us += HOUR)
    wheel.advance(us, (slot) => {
      looks++;
      wheel.add(slot, year + slot);
    });
  // Put off for 203 days, put into its revolution, put into its bucket.
  assert.ok(looks <= 3 * sessions, `${looks / sessions} checks a session`);
});
