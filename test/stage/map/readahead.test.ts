/** Small captures read before their turn: the same bytes, each once, few at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { PlannedCapture } from '../../../shared/job/tasks/maptask.ts';
import { AHEAD, ReadingAhead } from '../../../shared/stage/map/readahead.ts';
import { StoreError } from '../../../shared/store/objectstore.ts';

const LARGE = 1 << 20;

function capture(name: string, size = 100): PlannedCapture {
  return { name, location: name, size, version: '1', headUs: 0, headDigest: '' };
}

/** A source that remembers what was read of it and overwrites its chunks, as sources may. */
class Source {
  readonly read: string[] = [];
  fails: string | undefined;

  async *stream({ name }: { name: string }): AsyncGenerator<Uint8Array, void> {
    this.read.push(name);
    await setImmediate();
    if (name === this.fails) throw new StoreError('io', name, `${name} cannot be read now`);
    const chunk = new Uint8Array(1);
    for (const letter of name) {
      chunk[0] = letter.charCodeAt(0);
      yield chunk;
    }
  }
}

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let read = '';
  for await (const chunk of chunks) read += String.fromCharCode(...chunk);
  return read;
}

const named = (count: number): PlannedCapture[] => Array.from({ length: count }, (_, n) => capture(`capture ${n}`));

test('captures have their own bytes, are read once, and no more than eight before their turn', async () => {
  const source = new Source();
  const captures = named(30);
  const ahead = new ReadingAhead(source, captures);
  for (const [number, each] of captures.entries()) {
    assert.equal(await text(ahead.stream(each)), each.name);
    assert.equal(source.read.length, Math.min(number + 1 + AHEAD, captures.length));
  }
  assert.deepEqual(source.read.toSorted(), captures.map(({ name }) => name).toSorted());
});

test('large ones, and those that will not be read, wait', async () => {
  const source = new Source();
  const refused = { reason: 'capture_archived', detail: 'restore it' };
  const captures = [capture('a'), capture('large', LARGE), { ...capture('refused'), refused }, capture('d')];
  const ahead = new ReadingAhead(source, captures);
  assert.equal(await text(ahead.stream(captures[0])), 'a');
  assert.deepEqual(source.read.toSorted(), ['a', 'd']);
  assert.equal(await text(ahead.stream(captures[1])), 'large');
  assert.equal(await text(ahead.stream(captures[3])), 'd');
  assert.deepEqual(source.read.toSorted(), ['a', 'd', 'large']);
});

test('an error comes to whoever asks for that capture; asked for again, it is read again', async () => {
  const source = new Source();
  source.fails = 'capture 2';
  const captures = named(4);
  const ahead = new ReadingAhead(source, captures);
  assert.equal(await text(ahead.stream(captures[0])), 'capture 0');
  assert.equal(await text(ahead.stream(captures[1])), 'capture 1');
  await assert.rejects(text(ahead.stream(captures[2])), /capture 2 cannot be read now/);
  source.fails = undefined;
  assert.equal(await text(ahead.stream(captures[2])), 'capture 2');
  assert.equal(await text(ahead.stream(captures[3])), 'capture 3');
});
