/** Which captures are copies of which. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CaptureStatus } from '../../../shared/capture/facts.ts';
import { copiesAmong } from '../../../shared/job/notices/copies.ts';
import type { CaptureOutcome } from '../../../shared/job/tasks/maptask.ts';
import { unreadableFacts } from '../../../shared/stage/unreadable.ts';

function outcome(name: string, digest: string | null, records = 3, status: CaptureStatus = 'complete'): CaptureOutcome {
  const capture = { name, location: name, size: 1, version: '1', headUs: 0, headDigest: '' };
  const facts = { ...unreadableFacts(), records, status };
  return { capture, facts, fates: [records], undecoded: [], extraRows: 0, digest, failure: null };
}

test('of captures with the same records the first by name is used, whatever their order', () => {
  const captures = ['c', 'a', 'b'].map((name) => outcome(name, 'same'));
  assert.deepEqual(copiesAmong(captures), [1, null, 1]);
  assert.deepEqual(copiesAmong(captures.toReversed()), [1, null, 1]);
});

test('one without damage is used before one with, whatever their names', () => {
  const captures = [outcome('a', 'same', 3, 'damaged'), outcome('z', 'same'), outcome('b', 'same', 3, 'truncated')];
  assert.deepEqual(copiesAmong(captures), [1, null, 1]);
});

test('each group of copies has its own', () => {
  const captures = ['b 1', 'a 1', 'd 2', 'f 3', 'e 3'].map((name) => outcome(name, name.slice(2)));
  assert.deepEqual(copiesAmong(captures), [1, null, null, 4, null]);
});

test('captures without records, of another number of them, or not read to the end are no copies', () => {
  const nothing = [outcome('a', 'same', 0), outcome('b', 'same', 0)];
  const unread = [outcome('a', null), outcome('b', null)];
  const shorter = [outcome('a', 'same', 3), outcome('b', 'same', 2)];
  for (const captures of [nothing, unread, shorter, []])
    assert.deepEqual(
      copiesAmong(captures),
      captures.map(() => null),
    );
});
