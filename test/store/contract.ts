/** The contract of object stores: one suite for all of them. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { getJson, jsonBytes } from '../../shared/store/jsonobject.ts';
import { type ObjectHead, type ObjectStore, StoreError } from '../../shared/store/objectstore.ts';

/** An empty store, and how to remove it. */
export interface FreshStore {
  store: ObjectStore;
  remove: () => Promise<void>;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function heads(store: ObjectStore, prefix: string): Promise<ObjectHead[]> {
  const found: ObjectHead[] = [];
  for await (const head of store.list(prefix)) found.push(head);
  return found;
}

async function keys(store: ObjectStore, prefix: string): Promise<string[]> {
  return (await heads(store, prefix)).map(({ key }) => key);
}

const isMissing = (error: unknown): boolean => error instanceof StoreError && error.reason === 'missing';

export function storeContract(name: string, make: () => Promise<FreshStore>): void {
  const check = (behaviour: string, body: (store: ObjectStore) => Promise<void>): void => {
    test(behaviour, async () => {
      const { store, remove } = await make();
      try {
        await body(store);
      } finally {
        await remove();
      }
    });
  };

  describe(name, () => {
    check('an empty store lists nothing', async (store) => {
      assert.deepEqual(await keys(store, ''), []);
      assert.deepEqual(await keys(store, 'a/b/'), []);
    });

    check('keys are listed in the order of their bytes, over all levels', async (store) => {
      // '-' and '.' sort before '/', digits after it, capitals before '_', '_' before small letters.
      const all = ['a', 'a-b', 'a.b', 'a/b', 'a/b/c', 'a/b.c', 'a/b-c/d', 'a0', 'B/x', '_x', 'z/0', 'z/00', 'z/1'];
      const possible = all.filter((key) => !all.some((other) => other.startsWith(`${key}/`)));
      for (const key of [...possible].reverse()) await store.put(key, bytesOf(key));
      const order = (a: string, b: string): number => Buffer.compare(bytesOf(a), bytesOf(b));
      assert.deepEqual(await keys(store, ''), [...possible].sort(order));
    });

    check('a prefix may end anywhere in a key, inside a name too', async (store) => {
      for (const key of ['job/1/a', 'job/1/b', 'job/10/a', 'job/2', 'jobs/1']) await store.put(key, bytesOf(key));
      assert.deepEqual(await keys(store, 'job/1/'), ['job/1/a', 'job/1/b']);
      assert.deepEqual(await keys(store, 'job/1'), ['job/1/a', 'job/1/b', 'job/10/a']);
      assert.deepEqual(await keys(store, 'job'), ['job/1/a', 'job/1/b', 'job/10/a', 'job/2', 'jobs/1']);
      assert.deepEqual(await keys(store, 'job/2'), ['job/2']);
      assert.deepEqual(await keys(store, 'job/2/'), []);
      assert.deepEqual(await keys(store, 'x'), []);
    });

    check('listings and heads tell the size, and a version that changes with the bytes', async (store) => {
      await store.put('a/b', bytesOf('four'));
      const head = await store.head('a/b');
      assert.deepEqual([head?.key, head?.size], ['a/b', 4]);
      assert.deepEqual(await heads(store, 'a/'), [head]);
      await store.put('a/b', bytesOf('five5'));
      const changed = await store.head('a/b');
      assert.equal(changed?.size, 5);
      assert.notEqual(changed?.version, head?.version);
    });

    check('listings and heads tell when an object was written', async (store) => {
      const before = Date.now();
      await store.put('a', bytesOf('x'));
      const { modified } = (await store.head('a')) ?? {};
      // In whole seconds, and by the store's clock.
      assert.ok(modified !== undefined && modified > before - 60_000 && modified < Date.now() + 60_000, `${modified}`);
      assert.equal((await heads(store, ''))[0].modified, modified);
    });

    check('a missing object has no head, and reading it fails as missing', async (store) => {
      await store.put('a/b', bytesOf('x'));
      for (const key of ['none', 'a', 'a/none', 'a/b/c']) {
        assert.equal(await store.head(key), undefined, key);
        await assert.rejects(store.get(key), isMissing, key);
        await assert.rejects(store.get(key, { start: 0, end: 1 }), isMissing, key);
        assert.equal(await getJson(store, key), undefined, key);
      }
    });

    check('ranges are half-open, and cut at the end of the object', async (store) => {
      await store.put('digits', bytesOf('0123456789'));
      const range = async (start: number, end: number): Promise<string> =>
        textOf(await store.get('digits', { start, end }));
      assert.equal(textOf(await store.get('digits')), '0123456789');
      assert.equal(await range(0, 10), '0123456789');
      assert.equal(await range(0, 1), '0');
      assert.equal(await range(3, 6), '345');
      assert.equal(await range(9, 10), '9');
      assert.equal(await range(8, 1000), '89');
      assert.equal(await range(4, 4), '');
      assert.equal(await range(10, 20), '');
      await assert.rejects(store.get('none', { start: 4, end: 4 }), isMissing);
    });

    check('an empty object is an object', async (store) => {
      await store.put('empty', new Uint8Array(0));
      assert.equal((await store.get('empty')).length, 0);
      assert.equal((await store.head('empty'))?.size, 0);
      assert.deepEqual(await keys(store, 'empty'), ['empty']);
      assert.equal(await store.putIfAbsent('empty', bytesOf('x')), false);
    });

    check('bytes are stored as given, from any kind of array', async (store) => {
      const whole = randomBytes(300_000);
      await store.put('part', whole.subarray(1000, 299_999));
      assert.deepEqual(Buffer.from(await store.get('part')), whole.subarray(1000, 299_999));
    });

    check('put replaces an existing object', async (store) => {
      await store.put('key', bytesOf('a long first value'));
      await store.put('key', bytesOf('short'));
      assert.equal(textOf(await store.get('key')), 'short');
      assert.deepEqual(await keys(store, ''), ['key']);
    });

    check('readers see the old bytes or the new, never a part', async (store) => {
      const size = 200_000;
      const values = ['a', 'b'].map((letter) => bytesOf(letter.repeat(size)));
      await store.put('key', values[0]);
      let writing = true;
      const write = async (): Promise<void> => {
        for (let i = 1; i <= 60; i++) await store.put('key', values[i % 2]);
        writing = false;
      };
      let reads = 0;
      const read = async (): Promise<void> => {
        while (writing) {
          const bytes = await store.get('key');
          assert.ok(
            values.some((value) => Buffer.compare(bytes, value) === 0),
            'the object is neither of the two that were written',
          );
          reads++;
        }
      };
      await Promise.all([write(), read(), read()]);
      assert.ok(reads > 0);
      assert.deepEqual(await keys(store, ''), ['key'], 'nothing unfinished is left or listed');
    });

    check('of twenty concurrent writers of an absent key one wins, and its bytes stay', async (store) => {
      for (let round = 0; round < 10; round++) {
        const key = `race/${round}`;
        const wins = await Promise.all(
          Array.from({ length: 20 }, (_, writer) => store.putIfAbsent(key, bytesOf(`writer ${writer}`))),
        );
        assert.equal(wins.filter((won) => won).length, 1, `round ${round}`);
        assert.equal(textOf(await store.get(key)), `writer ${wins.indexOf(true)}`);
        assert.equal(await store.putIfAbsent(key, bytesOf('late')), false);
        assert.equal(textOf(await store.get(key)), `writer ${wins.indexOf(true)}`);
      }
    });

    check('a key that was removed is absent again', async (store) => {
      assert.equal(await store.putIfAbsent('key', bytesOf('1')), true);
      await store.remove(['key']);
      assert.equal(await store.head('key'), undefined);
      assert.equal(await store.putIfAbsent('key', bytesOf('2')), true);
      assert.equal(textOf(await store.get('key')), '2');
    });

    check('remove deletes the given keys and no other; missing ones are not an error', async (store) => {
      for (const key of ['a/1', 'a/2', 'a/3', 'b']) await store.put(key, bytesOf(key));
      await store.remove(['a/1', 'a/none', 'none/at/all', 'b']);
      await store.remove([]);
      assert.deepEqual(await keys(store, ''), ['a/2', 'a/3']);
    });

    check('a local file becomes an object, and is moved away', async (store) => {
      const folder = mkdtempSync(join(tmpdir(), 'flowstitch-file-'));
      try {
        const path = join(folder, 'part.bin');
        const bytes = randomBytes(100_000);
        await store.put('deep/down/object', bytesOf('older'));
        for (let i = 0; i < 2; i++) {
          writeFileSync(path, bytes);
          assert.equal(await store.putFile('deep/down/object', path), bytes.length);
          assert.equal(existsSync(path), false);
          assert.deepEqual(Buffer.from(await store.get('deep/down/object')), bytes);
        }
        assert.deepEqual(await keys(store, ''), ['deep/down/object']);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });

    check('JSON values are read as written', async (store) => {
      const value = { name: 'ü\u2028', list: [1, null, 2 ** 53], inner: { is: true } };
      await store.put('value.json', jsonBytes(value));
      assert.deepEqual(await getJson(store, 'value.json'), value);
    });
  });
}
