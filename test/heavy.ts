/**
 * Options of a test that takes seconds of processor time, for a bound or many random cases: `npm run test:fast` leaves it
 * out, `npm test` runs it.
 */
export const HEAVY = process.env.FLOWSTITCH_TEST_FAST === undefined ? {} : { skip: 'takes seconds: npm test runs it' };
