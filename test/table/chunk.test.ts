import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  BigintColumn,
  BooleanColumn,
  CHUNK_ROWS,
  ChoiceColumn,
  type ChunkColumn,
  DoubleColumn,
  IntegerColumn,
  TextColumn,
  TimestampColumn,
} from '../../shared/table/parquet/chunk.ts';
import { openDuckDB } from '../../shared/table/parquet/duckdb.ts';
import { writeParquet } from '../../shared/table/parquet/parquetfile.ts';
import { sqlLiteral } from '../../shared/table/parquet/sqltext.ts';
import type { ColumnType } from '../../shared/table/tablecolumn.ts';

const dir = mkdtempSync(join(tmpdir(), 'flowstitch-chunk-'));
after(() => rmSync(dir, { recursive: true }));

/** Write `count` rows of one column and read them back. */
async function roundTrip(
  type: ColumnType,
  column: ChunkColumn,
  count: number,
  put: (i: number, row: number) => void,
  read = 'x',
): Promise<unknown[]> {
  const path = join(dir, 'column.parquet');
  let next = 0;
  await writeParquet(path, {
    schema: [{ name: 'x', type, nullable: true }],
    columns: [column],
    fill() {
      const filled = Math.min(CHUNK_ROWS, count - next);
      for (let i = 0; i < filled; i++) put(i, next + i);
      next += filled;
      return filled;
    },
  });
  const open = await openDuckDB();
  const reader = await open.connection.runAndReadAll(`SELECT ${read} FROM ${sqlLiteral(path)}`);
  const values = reader.getRowsJS().map((row) => row[0]);
  open.close();
  return values;
}

describe('chunk columns', () => {
  test('BIGINT holds every whole number a double holds exactly, negative ones too', async () => {
    const values = [0, 1, -1, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, 2 ** 53, -(2 ** 53), 2 ** 53 - 1];
    const column = new BigintColumn();
    assert.deepEqual(
      await roundTrip('BIGINT', column, values.length, (i) => column.set(i, values[i])),
      values.map(BigInt),
    );
  });

  test('nanoseconds are exact far beyond 2^53, and before 1970', async () => {
    const times = [
      [0, 0],
      [1_700_000_000_123_456, 789],
      [2 ** 53 - 1, 999],
      [4294967295, 999],
      [4294967296, 1],
      [-1, 999],
      [-1_000_000_000_001, 1],
    ];
    const column = new BigintColumn();
    assert.deepEqual(
      await roundTrip('BIGINT', column, times.length, (i) => column.setNanoseconds(i, times[i][0], times[i][1])),
      times.map(([us, ns]) => BigInt(us) * 1000n + BigInt(ns)),
    );
  });

  test('a timestamp is cut to its millisecond, also before 1970', async () => {
    const times = [0, 999, 1000, 1_700_000_000_999_999, -1, -1000];
    const column = new TimestampColumn();
    assert.deepEqual(
      await roundTrip('TIMESTAMP', column, times.length, (i) => column.setMillisecondOf(i, times[i]), 'epoch_us(x)'),
      [0n, 0n, 1000n, 1_700_000_000_999_000n, -1000n, -1000n],
    );
  });

  test('texts of every length around the inline limit, in any script, over chunk borders', async () => {
    const texts = [
      '',
      'a',
      '12 bytes ok!',
      '13 bytes here',
      'é',
      'ééééééé',
      '😀😀😀',
      '1234567890é',
      'x'.repeat(5000),
      'nul\0',
      '\0',
    ];
    const column = new TextColumn();
    const count = CHUNK_ROWS * 2 + 100;
    // Rows change between short, long and NULL, so that stale values of an earlier chunk would be noticed.
    const text = (row: number): string | null => (row % 7 === 3 ? null : texts[(row * 5) % texts.length]);
    const values = await roundTrip('VARCHAR', column, count, (i, row) => {
      const value = text(row);
      if (value === null) column.setNull(i);
      else column.set(i, value);
    });
    assert.deepEqual(
      values,
      Array.from({ length: count }, (_, row) => text(row)),
    );
  });

  test('a lone surrogate becomes U+FFFD', async () => {
    const column = new TextColumn();
    assert.deepEqual(await roundTrip('VARCHAR', column, 1, (i) => column.set(i, 'a\ud800b')), ['a\ufffdb']);
  });

  for (const size of [1, 255, 256, 65_535, 65_536]) {
    test(`a choice of ${size} texts`, async () => {
      const texts = Array.from({ length: size }, (_, i) => `text ${i}`);
      const column = new ChoiceColumn(texts);
      const places = [0, size - 1, size >> 1];
      const values = await roundTrip('VARCHAR', column, 4, (i) =>
        i < 3 ? column.set(i, places[i]) : column.setNull(i),
      );
      assert.deepEqual(values, [...places.map((place) => texts[place]), null]);
    });
  }

  test('a choice may hold one text several times, and texts that only differ where C strings end', async () => {
    const column = new ChoiceColumn(['a', 'b', 'a', 'a\0x', '']);
    const values = await roundTrip('VARCHAR', column, 5, (i) => column.set(i, i));
    assert.deepEqual(values, ['a', 'b', 'a', 'a\ufffdx', '']);
  });

  test('numbers, truth values and NULL of the other types', async () => {
    const integers = new IntegerColumn();
    const doubles = new DoubleColumn();
    const truths = new BooleanColumn();
    assert.deepEqual(
      await roundTrip('INTEGER', integers, 3, (i) =>
        i === 2 ? integers.setNull(i) : integers.set(i, [2 ** 31 - 1, -(2 ** 31)][i]),
      ),
      [2 ** 31 - 1, -(2 ** 31), null],
    );
    assert.deepEqual(
      await roundTrip('DOUBLE', doubles, 3, (i) => (i === 2 ? doubles.setNull(i) : doubles.set(i, [0.1, -1e300][i]))),
      [0.1, -1e300, null],
    );
    assert.deepEqual(
      await roundTrip('BOOLEAN', truths, 3, (i) => (i === 2 ? truths.setNull(i) : truths.set(i, i === 1))),
      [false, true, null],
    );
  });
});

describe('opening DuckDB', () => {
  test('each instance has a temp directory of its own, gone after closing', async () => {
    const open = [await openDuckDB({ tempDirectory: dir }), await openDuckDB({ tempDirectory: dir })];
    const temps: string[] = [];
    for (const { connection } of open) {
      const reader = await connection.runAndReadAll("SELECT current_setting('temp_directory')");
      temps.push(String(reader.getRows()[0][0]));
    }
    assert.notEqual(temps[0], temps[1]);
    assert.ok(temps.every((temp) => temp.startsWith(dir) && existsSync(temp)));
    for (const { close } of open) close();
    assert.ok(temps.every((temp) => !existsSync(temp)));
  });

  test('extensions are neither fetched nor loaded', async () => {
    const open = await openDuckDB();
    const reader = await open.connection.runAndReadAll(
      "SELECT current_setting('autoinstall_known_extensions'), current_setting('autoload_known_extensions'), current_setting('threads')",
    );
    open.close();
    assert.deepEqual(reader.getRowsJS(), [[false, false, 1n]]);
  });
});
