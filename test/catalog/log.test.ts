/** The log's own objects: checkpoints, and what may be removed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { addAction, allColumns, entryOf, schemaString } from '../../shared/catalog/actions.ts';
import { CHECKPOINT_EVERY, checkpointKey, entryKey } from '../../shared/catalog/log.ts';
import { TABLE_NAMES, TABLES } from '../../shared/table/tables.ts';
import { commitAndShow, keysOf, LogStore } from './world.ts';

const folder = mkdtempSync(join(tmpdir(), 'flowstitch-log-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What a reader sees who begins at a checkpoint, read by DuckDB, and goes on with the entries that are there. */
async function fromCheckpoint(store: LogStore): Promise<{ paths: string[]; rows: unknown[][] }> {
  const last = JSON.parse(Buffer.from(store.objects.get('_delta_log/_last_checkpoint')!).toString());
  const file = join(folder, 'checkpoint.parquet');
  writeFileSync(file, store.objects.get(checkpointKey(last.version))!);
  const connection = await (await DuckDBInstance.create()).connect();
  const rows = (
    await connection.runAndReadAll(
      `SELECT protocol.minReaderVersion, protocol.readerFeatures[1], metaData.partitionColumns[2], metaData.format.provider,
         metaData.schemaString, "add".path, "add".partitionValues['table_name'], "add".partitionValues['dt'], "add".size
       FROM read_parquet('${file}')`,
    )
  ).getRows();
  connection.closeSync();
  assert.equal(rows.length, last.size);
  const paths = new Set(rows.map((row) => row[5] as string | null).filter((path) => path !== null));
  for (let version = last.version + 1; store.objects.has(entryKey(version)); version++)
    for (const action of entryOf(store.objects.get(entryKey(version))!)) {
      if ('add' in action) paths.add(action.add.path);
      if ('remove' in action) paths.delete(action.remove.path);
    }
  return { paths: [...paths].sort(), rows };
}

describe('a checkpoint', () => {
  test('holds what all entries leave, for a reader that is not ours', async () => {
    const store = new LogStore();
    for (let n = 1; n <= CHECKPOINT_EVERY + 3; n++) await commitAndShow(store, 'site-a', n);
    const { paths, rows } = await fromCheckpoint(store);
    assert.deepEqual(
      paths,
      Object.values(keysOf('site-a', CHECKPOINT_EVERY + 3))
        .flat()
        .sort(),
    );
    assert.deepEqual(rows[0].slice(0, 2), [3, 'timestampNtz']);
    assert.deepEqual(rows[1].slice(2, 5), ['dataset', 'parquet', schemaString()]);
    const captures = rows.find((row) => String(row[5]).startsWith('captures/'))!;
    assert.deepEqual(captures.slice(6, 8), ['captures', null]);
    const sessions = rows.find((row) => String(row[5]).startsWith('sessions/dataset=site-a/dt=2026-01-02/'))!;
    assert.deepEqual(sessions.slice(6), ['sessions', '2026-01-02', BigInt(String(sessions[5]).length)]);
  });

  test('makes old entries unnecessary: they are removed an hour later, and the log stays short', async () => {
    const store = new LogStore();
    for (let n = 1; n <= 6 * CHECKPOINT_EVERY + 2; n++) {
      store.now += 300_000;
      await commitAndShow(store, 'site-a', n, 20);
    }
    const { paths } = await fromCheckpoint(store);
    assert.deepEqual(
      paths,
      Object.values(keysOf('site-a', 6 * CHECKPOINT_EVERY + 2, 20))
        .flat()
        .sort(),
    );
    const log = [...store.objects.keys()].filter((key) => key.startsWith('_delta_log/'));
    assert.ok(log.length <= 2 * CHECKPOINT_EVERY + 6, `${log.length} objects`);
    assert.ok(!store.objects.has(entryKey(0)));
  });

  test('leaves entries that a query may be reading', async () => {
    const store = new LogStore();
    for (let n = 1; n <= 3 * CHECKPOINT_EVERY + 2; n++) await commitAndShow(store, 'site-a', n, 20);
    assert.ok(store.objects.has(entryKey(0)));
  });
});

describe("the log's table", () => {
  test('has every column of every table, and no column of one name and two types', () => {
    const columns = allColumns();
    for (const table of TABLE_NAMES)
      for (const { name, type } of TABLES[table].columns) assert.equal(columns.get(name), type, `${table}.${name}`);
    const { fields } = JSON.parse(schemaString()) as { fields: { name: string; type: string }[] };
    assert.deepEqual(
      fields.slice(-3).map(({ name }) => name),
      ['table_name', 'dataset', 'dt'],
    );
    assert.equal(fields.find(({ name }) => name === 'ts')?.type, 'timestamp_ntz');
  });

  test('has no file whose table, data set or day is not known', () => {
    const add = addAction('packets/dataset=a_b/dt=2026-01-01/0f-1.parquet', 7, 5);
    assert.deepEqual(add.partitionValues, { table_name: 'packets', dataset: 'a_b', dt: '2026-01-01' });
    assert.deepEqual([add.size, add.modificationTime], [7, 5]);
    for (const key of [
      'other/dataset=a/dt=2026-01-01/0-0.parquet',
      'sessions/dataset=a/0-0.parquet',
      'captures/0-0.parquet',
    ])
      assert.throws(() => addAction(key, 1, 1), new RegExp(`^RangeError: ${key} is no key`));
  });
});
