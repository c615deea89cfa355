/** Which days of a data set are joined, and what becomes of a joined day when its interval is made anew. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { intervalEndKey } from '../../../shared/job/protocol/keys.ts';
import type { IntervalEnd, MadeInterval } from '../../../shared/job/tasks/interval.ts';
import { NOTHING_GAINED } from '../../../shared/job/tasks/reduced.ts';
import { firstLost, joinDays } from '../../../shared/stage/interval/joindays.ts';
import { getJson, jsonBytes } from '../../../shared/store/jsonobject.ts';
import { plainConfig } from '../../job/harness.ts';
import { MemoryStore } from '../../job/memorystore.ts';

const DAY_US = 86_400e6;
const DAY = '2023-11-14';
const NEXT = '2023-11-15';
const START_US = Date.parse(`${DAY}T00:00:00Z`) * 1000;
const CONFIG = plainConfig({ sizes: { fileRows: 1000 } });

/** Twelve intervals a day, each with a file of so many sessions of the day in which it lies; their ends and runs are there. */
function grown(rows: readonly number[]): { store: MemoryStore; made: MadeInterval[] } {
  const store = new MemoryStore();
  const made = rows.map((count, number): MadeInterval => {
    const fromUs = START_US + (number * DAY_US) / 12;
    const toUs = fromUs + DAY_US / 12;
    const day = new Date(fromUs / 1000).toISOString().slice(0, 10);
    const run = `jobs/${number}/run`;
    const end: IntervalEnd = {
      plan: '',
      carry: null,
      sessionRuns: [
        { key: run, batches: [{ start: 0, end: 1, crc: 0, rows: count, firstUs: fromUs, lastUs: fromUs }] },
      ],
      packetRuns: [],
      turned: [],
      sessionStarts: [],
      packetStarts: [],
      slotUs: 1e7,
      gained: NOTHING_GAINED,
    };
    store.objects.set(run, new Uint8Array(1));
    store.objects.set(intervalEndKey(`${number}`, 0, 0), jsonBytes(end));
    const files = [{ table: 'sessions' as const, key: `file ${number}`, day, rows: count, bytes: 1 }];
    const place = { job: `${number}`, number: 0, partitions: 1, names: 'names' };
    const more = { joined: [], turned: [], corrections: [], total: NOTHING_GAINED };
    return { chain: `chain ${number}`, fromUs, toUs, ...place, files, ...more };
  });
  return { store, made };
}

/** As after the job that has written the joined days: one file each. */
function written(made: readonly MadeInterval[], rows: number): MadeInterval[] {
  return made.map((interval) => ({
    ...interval,
    joined: interval.joined.map((day) => ({ ...day, corrections: [] })),
    files: [
      ...interval.files,
      ...interval.joined
        .filter(({ into }) => into === interval.chain)
        .map(({ table, day }) => ({ table, day, key: `joined ${day}`, rows, bytes: 1 })),
    ],
  }));
}

/** Numbers of the intervals whose rows of a day are joined. */
const joinedOf = (made: readonly MadeInterval[], day = DAY): number[] =>
  made.flatMap(({ joined }, number) => (joined.some((of) => of.day === day) ? [number] : []));

const TWELVE = new Array<number>(12).fill(10);
const ALL_TWELVE = TWELVE.map((_, number) => number);

describe('a day of many small files', () => {
  test('is joined once it is complete, into its last interval', async () => {
    const { store, made } = grown([...TWELVE, 10]);
    const joined = await joinDays(store, made, CONFIG);
    assert.deepEqual(joinedOf(joined), ALL_TWELVE);
    for (const { joined: days } of joined.slice(0, 12))
      assert.deepEqual(days, [{ table: 'sessions', day: DAY, into: 'chain 11', corrections: null }]);
    assert.deepEqual(joinedOf(joined, NEXT), []);
    assert.deepEqual(
      joined.flatMap(({ files }) => files.map(({ key }) => key)),
      ['file 12'],
    );
  });

  test('is left alone while its last interval may still come', async () => {
    const { store, made } = grown(TWELVE.slice(1));
    assert.deepEqual(await joinDays(store, made, CONFIG), made);
  });

  test('is left alone where files are few, or large', async () => {
    for (const rows of [[...TWELVE.map((_, at) => (at < 8 ? 10 : 900)), 10], TWELVE.map(() => 900)]) {
      const { store, made } = grown(rows);
      assert.deepEqual(joinedOf(await joinDays(store, made, CONFIG)), []);
    }
  });

  test('keeps its large files as they are', async () => {
    const { store, made } = grown([...TWELVE.map((rows, at) => (at === 5 ? 900 : rows)), 10]);
    assert.deepEqual(
      joinedOf(await joinDays(store, made, CONFIG)),
      ALL_TWELVE.filter((number) => number !== 5),
    );
  });

  test('is left alone where a run is gone', async () => {
    for (const gone of ['jobs/0/run', 'jobs/7/run', intervalEndKey('3', 0, 0)]) {
      const { store, made } = grown([...TWELVE, 10]);
      store.objects.delete(gone);
      assert.deepEqual(joinedOf(await joinDays(store, made, CONFIG)), [], gone);
    }
  });
});

describe('a joined day', () => {
  test('is not joined again for a few stragglers, and then they alone, until they are as many rows', async () => {
    const { store, made } = grown([...TWELVE, ...TWELVE, 10]);
    const joined = written(await joinDays(store, made.slice(0, 13), CONFIG), 120);
    /** Sessions of the day that ended later, in so many files. */
    const later = (files: number, rows: number): MadeInterval[] => [
      ...joined.slice(0, 12),
      ...made.slice(12).map((interval, at) => {
        const straggler = { table: 'sessions' as const, key: `straggler ${at}`, day: DAY, rows, bytes: 1 };
        return { ...interval, files: at < files ? [straggler] : [] };
      }),
    ];
    for (let number = 12; number < 24; number++) {
      const key = intervalEndKey(`${number}`, 0, 0);
      const end = (await getJson<IntervalEnd>(store, key))!;
      end.sessionRuns[0].batches[0].firstUs = START_US;
      await store.put(key, jsonBytes(end));
    }
    const few = later(8, 1);
    assert.deepEqual(await joinDays(store, few, CONFIG), few);
    const nine = await joinDays(store, later(9, 1), CONFIG);
    assert.deepEqual(
      nine.flatMap(({ joined: days }, number) =>
        days.some(({ corrections }) => corrections === null) ? [number] : [],
      ),
      [12, 13, 14, 15, 16, 17, 18, 19, 20],
    );
    const many = await joinDays(store, later(9, 20), CONFIG);
    assert.deepEqual(joinedOf(many), [...ALL_TWELVE, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    for (const { joined: days } of many.slice(0, 21))
      assert.deepEqual(
        days.map(({ into }) => into),
        ['chain 20'],
      );
  });

  test('is written again where a job makes its last interval anew', async () => {
    const { store, made } = grown([...TWELVE, 10]);
    const kept = written(await joinDays(store, made, CONFIG), 120).slice(0, 5);
    assert.equal(await firstLost(store, kept), 5);
    const again = await joinDays(store, kept, CONFIG);
    assert.deepEqual(joinedOf(again), [0, 1, 2, 3, 4]);
    for (const { joined } of again)
      assert.deepEqual(joined, [{ table: 'sessions', day: DAY, into: 'chain 4', corrections: null }]);
  });

  test('is lost from the first interval on whose runs are gone, where a job makes its last interval anew', async () => {
    const { store, made } = grown([...TWELVE, 10]);
    const joined = written(await joinDays(store, made, CONFIG), 120);
    store.objects.delete('jobs/3/run');
    assert.equal(await firstLost(store, joined), 13);
    assert.equal(await firstLost(store, joined.slice(0, 9)), 3);
    assert.equal(await firstLost(store, joined.slice(0, 3)), 3);
  });
});
