/**
 * The seed of all property tests: the same in every run unless SEED says another, so that `npm test` never fails by
 * luck. `npm run test:random` (test/random.ts) draws one. Tests name the seed in their titles or in what they say on
 * failure: SEED=<it> repeats them.
 */

/** What SEED is when nobody sets it. */
const FIXED = 1;

function given(): number {
  const text = process.env.SEED;
  if (text === undefined) return FIXED;
  const seed = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed))
    throw new Error(`SEED takes a whole number, not '${text}': SEED=7 npm test`);
  return seed;
}

/** Seed of this run's property tests. */
export const SEED = given();

/** So many seeds, from SEED on: a test that fails at one of them is repeated with SEED=<that one>. */
export function seeds(count: number): number[] {
  return Array.from({ length: count }, (_, at) => SEED + at);
}
