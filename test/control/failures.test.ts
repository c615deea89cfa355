/** Failures that come again: what a task is too large for is told from what another attempt may help. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type FailureNote,
  failureNote,
  isTooLarge,
  leaveNote,
  memoryNote,
  OutOfTime,
  shortageOf,
  takeNote,
} from '../../shared/control/failures.ts';
import { errorKey } from '../../shared/job/protocol/keys.ts';
import { StoreError } from '../../shared/store/objectstore.ts';
import { MemoryStore } from '../job/memorystore.ts';

const system = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'write' });
const FULL = system('ENOSPC');
const LATE = new OutOfTime('reduce task 3 did not finish within 885 s');
const MESSAGE = { job: 'j', stage: 'reduce', task: 3 };

test('time, memory and disk are shortages, however they are told; other faults are none', () => {
  for (const [error, shortage] of [
    [LATE, 'time'],
    [FULL, 'disk'],
    [system('EDQUOT'), 'disk'],
    [new Error('IO Error: Could not write file "x": No space left on device'), 'disk'],
    [system('ENOMEM'), 'memory'],
    [Object.assign(new Error('limit'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }), 'memory'],
    [new RangeError('Array buffer allocation failed'), 'memory'],
    [new Error('Out of Memory Error: could not allocate block of size 256.0 KiB'), 'memory'],
    [system('EIO'), null],
    [new StoreError('io', 'k', 'SlowDown'), null],
    [new TypeError('x is not a function'), null],
  ] as const)
    assert.equal(shortageOf(error), shortage, error.message);
});

/** What is known after attempts that failed so, each taking the note of the one before. */
async function after(
  ...errors: (Error | 'died' | 'died near the end of its memory')[]
): Promise<FailureNote | undefined> {
  const store = new MemoryStore();
  let receives = 0;
  for (const error of errors) {
    const earlier = await takeNote(store, MESSAGE, ++receives);
    if (error === 'died') continue;
    const memory = { used: 1700, most: 1769 };
    const note = error instanceof Error ? failureNote(error, receives, earlier) : memoryNote(memory, receives, earlier);
    await leaveNote(store, MESSAGE, note);
  }
  return takeNote(store, MESSAGE, receives + 1);
}

test('the same shortage twice in a row is enough; once, of two kinds, or with something else between is not', async () => {
  const NEAR = 'died near the end of its memory';
  for (const [errors, enough] of [
    [[LATE], false],
    [[LATE, LATE], true],
    [[FULL, FULL], true],
    [[NEAR, NEAR], true],
    [[NEAR, system('ENOMEM')], true],
    [[LATE, FULL, LATE], false],
    [[LATE, 'died', LATE], false],
    [[LATE, system('EIO'), LATE, LATE], true],
    [[system('EIO'), system('EIO'), system('EIO')], false],
    [['died', 'died'], false],
  ] as const) {
    const note = await after(...errors);
    assert.equal(note !== undefined && isTooLarge(note), enough, errors.join(', '));
  }
  assert.match((await after(NEAR))!.reason, /without an error when it used 1700 of 1769 MB: out of memory/);
});

test("the note of a message before the job was resumed is none of this message's", async () => {
  const store = new MemoryStore();
  await leaveNote(store, MESSAGE, failureNote(LATE, 4, failureNote(LATE, 3, undefined)));
  assert.equal(await takeNote(store, MESSAGE, 1), undefined);
  assert.equal(await takeNote(store, MESSAGE, 2), undefined);
});

test('a note that is damaged is as none', async () => {
  const store = new MemoryStore();
  await store.put(errorKey('j', 'reduce', 3), new Uint8Array([1, 2]));
  assert.equal(await takeNote(store, MESSAGE, 2), undefined);
});
