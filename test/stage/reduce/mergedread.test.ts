/** Segments that lie side by side are read at once, and let go once those that are needed have been asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergedReads } from '../../../shared/stage/reduce/mergedread.ts';

const OBJECT = Uint8Array.from({ length: 100 }, (_, byte) => byte);

/** Three segments of 10, 20 and 5 bytes from byte 40 of an object on, the second of which is not needed. */
function threeSegments(object = OBJECT) {
  const asked: [number, number][] = [];
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    asked.push([start, end]);
    return object.slice(start, end);
  };
  const segments = [
    { start: 1000, end: 1010, needed: true },
    { start: 7, end: 27, needed: false },
    { start: 500, end: 505, needed: true },
  ];
  return { asked, reads: mergedReads(read, 'merged', 40, segments) };
}

test('one read serves them all, piece by piece; what was read is let go behind the last needed byte', async () => {
  const { asked, reads } = threeSegments();
  assert.deepEqual(await reads[0](1000, 1004), OBJECT.slice(40, 44));
  assert.deepEqual(await reads[2](500, 505), OBJECT.slice(70, 75));
  assert.deepEqual(await reads[0](1004, 1010), OBJECT.slice(44, 50));
  assert.deepEqual(asked, [[40, 75]]);
  await reads[2](500, 505);
  assert.equal(asked.length, 2, 'it was let go');
});

test('an object that is shorter is damaged, and named', async () => {
  const { reads } = threeSegments(OBJECT.slice(0, 60));
  await assert.rejects(reads[0](1000, 1004), { reason: 'damaged', key: 'merged', message: /20 of its 35 bytes/ });
});
