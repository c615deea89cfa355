/** What a file says of its columns beside their values, as an independent reader sees it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  type ColumnChunk,
  type FileMetaData,
  parquetMetadata,
  parquetReadObjects,
  readColumnIndex,
  readOffsetIndex,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import {
  BigintColumn,
  BooleanColumn,
  CHUNK_ROWS,
  ChoiceColumn,
  type ChunkColumn,
  DoubleColumn,
  IntegerColumn,
  TextColumn,
} from '../../../shared/table/parquet/chunk.ts';
import { openDuckDB } from '../../../shared/table/parquet/duckdb.ts';
import { PAGE_ROWS, ROW_GROUP_ROWS, writeParquet } from '../../../shared/table/parquet/parquetfile.ts';
import { sqlLiteral } from '../../../shared/table/parquet/sqltext.ts';
import type { ColumnType } from '../../../shared/table/tablecolumn.ts';
import { HEAVY } from '../../heavy.ts';
import { SEED } from '../../seed.ts';
import { random } from '../rows.ts';

const dir = mkdtempSync(join(tmpdir(), 'flowstitch-format-'));
after(() => rmSync(dir, { recursive: true }));
const path = join(dir, 'file.parquet');

type Value = number | string | boolean | null;

interface Made {
  name: string;
  type: ColumnType;
  column: ChunkColumn & { set(row: number, value: never): void };
  nullable?: boolean;
  lookedUp?: boolean;
  /** Value of a row. */
  value(row: number): Value;
}

/** Writes rows of columns, and returns the file and its metadata. */
async function written(rows: number, made: readonly Made[], sortedBy?: string[]): Promise<[ArrayBuffer, FileMetaData]> {
  let next = 0;
  await writeParquet(path, {
    schema: made.map(({ name, type, nullable = false, lookedUp }) => ({ name, type, nullable, lookedUp })),
    sortedBy,
    columns: made.map(({ column }) => column),
    fill() {
      const count = Math.min(CHUNK_ROWS, rows - next);
      for (const { column, value } of made)
        for (let i = 0; i < count; i++) {
          const at = value(next + i);
          if (at === null) column.setNull(i);
          else column.set(i, at as never);
        }
      next += count;
      return count;
    },
  });
  const { buffer, byteOffset, length } = readFileSync(path);
  const file = buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
  return [file, parquetMetadata(file)];
}

function readerAt(file: ArrayBuffer, offset: bigint | undefined, length: number | undefined) {
  assert.ok(offset !== undefined && length !== undefined, 'an index');
  return { view: new DataView(file, Number(offset), length), offset: 0 };
}

const bytes = (value: Value): Buffer => {
  if (typeof value === 'string') return Buffer.from(value);
  if (typeof value === 'boolean') return Buffer.from([value ? 1 : 0]);
  throw new TypeError(`${value}`);
};

/** Order of a column's values: numbers by size, texts by their bytes. */
function compare(a: Value, b: Value): number {
  return typeof a === 'number' ? a - (b as number) : Buffer.compare(bytes(a), bytes(b));
}

const ADDRESSES = Array.from({ length: 3000 }, (_, i) => `10.${i % 7}.${i >> 8}.${i & 255}`);
const CHOICES = ['zürich', 'aa', '\u{10ffff}', '\uffff', 'b'];

function columns(seed: number): Made[] {
  const next = random(seed);
  const draws = Float64Array.from({ length: 100_000 }, next);
  const draw = (row: number, n: number, salt: number): number =>
    Math.floor(draws[(row * 7 + salt * 1013) % draws.length] * n);
  return [
    { name: 'time', type: 'BIGINT', column: new BigintColumn(), value: (row) => 1_700_000_000_000_000 + row * 3 },
    { name: 'back', type: 'BIGINT', column: new BigintColumn(), value: (row) => 5 - row * 2 ** 33 },
    { name: 'few', type: 'INTEGER', column: new IntegerColumn(), value: (row) => draw(row, 9, 1) - 4 },
    {
      name: 'some',
      type: 'INTEGER',
      column: new IntegerColumn(),
      nullable: true,
      // A page of NULLs, and runs of both kinds.
      value: (row) => (row < PAGE_ROWS || (row >> 5) % 3 === 0 ? null : draw(row, 2 ** 31, 2)),
    },
    { name: 'real', type: 'DOUBLE', column: new DoubleColumn(), value: (row) => draw(row, 1e6, 3) / 7 - 1000 },
    {
      name: 'host',
      type: 'VARCHAR',
      column: new TextColumn(),
      lookedUp: true,
      value: (row) => ADDRESSES[draw(row, ADDRESSES.length, 4)],
    },
    { name: 'id', type: 'VARCHAR', column: new TextColumn(), lookedUp: true, value: (row) => `id ${row * 7919}` },
    {
      name: 'maybe',
      type: 'VARCHAR',
      column: new TextColumn(),
      nullable: true,
      lookedUp: true,
      value: (row) => (row % 3 === 0 ? null : `m${draw(row, 50, 5)}`),
    },
    {
      name: 'choice',
      type: 'VARCHAR',
      column: Object.assign(new ChoiceColumn(CHOICES), {}),
      value: (row) => draw(row, CHOICES.length, 6),
    },
    { name: 'truth', type: 'BOOLEAN', column: new BooleanColumn(), nullable: true, value: (row) => row % 5 === 1 },
    { name: 'never', type: 'VARCHAR', column: new TextColumn(), nullable: true, lookedUp: true, value: () => null },
  ];
}

/** A value as it is read back. */
function shown({ name, value }: Made, row: number): Value {
  const at = value(row);
  return name === 'choice' ? CHOICES[at as number] : at;
}

describe('column chunks', () => {
  test(`the page index has the rows, places and exact bounds of every page (seed ${SEED})`, HEAVY, async () => {
    const rows = ROW_GROUP_ROWS + PAGE_ROWS * 2 + 77;
    const made = columns(SEED);
    const [file, { schema, row_groups }] = await written(rows, made, ['time']);
    assert.deepEqual(
      row_groups.map(({ num_rows, sorting_columns }) => [num_rows, sorting_columns]),
      [ROW_GROUP_ROWS, rows - ROW_GROUP_ROWS].map((count) => [
        BigInt(count),
        [{ column_idx: 0, descending: false, nulls_first: false }],
      ]),
    );
    let first = 0;
    for (const group of row_groups) {
      for (const [c, chunk] of group.columns.entries()) {
        const column = made[c];
        const pages = readOffsetIndex(
          readerAt(file, chunk.offset_index_offset, chunk.offset_index_length),
        ).page_locations;
        const index = readColumnIndex(
          readerAt(file, chunk.column_index_offset, chunk.column_index_length),
          schema[c + 1],
        );
        assert.equal(pages.length, Math.ceil(Number(group.num_rows) / PAGE_ROWS));
        let next = chunk.meta_data!.data_page_offset;
        for (const [p, page] of pages.entries()) {
          const where = `${column.name}, page ${p}`;
          assert.equal(page.offset, next, where);
          next += BigInt(page.compressed_page_size);
          assert.equal(page.first_row_index, BigInt(p * PAGE_ROWS), where);
          const values: Value[] = [];
          const end = Math.min((p + 1) * PAGE_ROWS, Number(group.num_rows));
          for (let row = p * PAGE_ROWS; row < end; row++) values.push(shown(column, first + row));
          const there = values.filter((value) => value !== null).sort(compare);
          assert.equal(index.null_counts?.[p], BigInt(values.length - there.length), where);
          assert.equal(index.null_pages[p], there.length === 0, where);
          if (there.length === 0) continue;
          const read = [index.min_values[p], index.max_values[p]].map((value) =>
            typeof value === 'bigint' ? Number(value) : value,
          );
          assert.deepEqual(read, [there[0], there.at(-1)], where);
        }
        assert.equal(next, beginOf(chunk) + chunk.meta_data!.total_compressed_size, column.name);
      }
      first += Number(group.num_rows);
    }
    const orders = row_groups[0].columns.map((chunk, c) => {
      const reader = readerAt(file, chunk.column_index_offset, chunk.column_index_length);
      return [made[c].name, readColumnIndex(reader, schema[c + 1]).boundary_order];
    });
    assert.equal(new Map(orders as [string, string][]).get('time'), 'ASCENDING');
    assert.equal(new Map(orders as [string, string][]).get('back'), 'DESCENDING');
    assert.equal(new Map(orders as [string, string][]).get('id'), 'UNORDERED');
    const read = (await parquetReadObjects({ file, compressors })) as Record<string, Value | bigint>[];
    for (let row = 0; row < rows; row += 13)
      for (const column of made) {
        const value = read[row][column.name];
        assert.equal(typeof value === 'bigint' ? Number(value) : value, shown(column, row), `${column.name} ${row}`);
      }
  });

  test('a file of one page has no page index, and NULL where a column cannot be is an error', async () => {
    const [, { row_groups }] = await written(PAGE_ROWS, columns(SEED).slice(0, 3));
    for (const chunk of row_groups[0].columns) assert.equal(chunk.offset_index_offset, undefined);
    const broken: Made = {
      name: 'x',
      type: 'INTEGER',
      column: new IntegerColumn(),
      value: (row) => (row === 9 ? null : row),
    };
    await assert.rejects(written(10, [broken]), /column x cannot be NULL/);
  });

  test(
    'Bloom filters have every value of the columns that are looked up, hardly any other, and no other column has one',
    HEAVY,
    async () => {
      const made = columns(SEED);
      const rows = ROW_GROUP_ROWS;
      const [, { row_groups }] = await written(rows, made);
      const filtered = row_groups[0].columns.filter((chunk) => chunk.meta_data!.bloom_filter_offset !== undefined);
      assert.deepEqual(
        filtered.map((chunk) => chunk.meta_data!.path_in_schema[0]),
        ['host', 'id', 'maybe'],
      );
      const open = await openDuckDB();
      try {
        const excluded = async (column: string, values: readonly string[]): Promise<number> => {
          let sum = 0;
          for (const value of values) {
            const reader = await open.connection.runAndReadAll(
              `SELECT bloom_filter_excludes FROM parquet_bloom_probe(${sqlLiteral(path)}, '${column}', '${value}')`,
            );
            for (const [is] of reader.getRowsJS()) sum += is === true ? 1 : 0;
          }
          return sum;
        };
        const some = Array.from({ length: 60 }, (_, i) => (i * 1667 + 1) % rows);
        const values = (name: string): string[] => {
          const column = made.find((one) => one.name === name)!;
          return some.map((row) => shown(column, row)).filter((value) => value !== null) as string[];
        };
        for (const name of ['host', 'id', 'maybe']) {
          assert.equal(await excluded(name, values(name)), 0, name);
          // One in a hundred is let through: of sixty, seven are far out.
          const others = some.map((row) => `other ${row}`);
          assert.ok((await excluded(name, others)) >= 53, name);
        }
      } finally {
        open.close();
      }
    },
  );

  test('bounds of long texts are short and hold them, or are left out', async () => {
    const long = 'ä'.repeat(100);
    const texts = [`b${'x'.repeat(200)}`, `b${long}`, `a${long}`, long, '\u{10ffff}'.repeat(50)];
    for (const text of texts) {
      const column: Made = { name: 'x', type: 'VARCHAR', column: new TextColumn(), value: () => text };
      const [file, { row_groups }] = await written(1, [column]);
      const { min_value, max_value } = row_groups[0].columns[0].meta_data!.statistics!;
      if (min_value !== undefined && max_value !== undefined) {
        assert.ok(Buffer.compare(bytes(min_value as string), Buffer.from(text)) <= 0, text);
        assert.ok(Buffer.compare(bytes(max_value as string), Buffer.from(text)) >= 0, text);
        assert.ok(bytes(max_value as string).length <= 64, text);
      } else assert.ok([long, texts[4]].includes(text), text);
      assert.deepEqual(await parquetReadObjects({ file, compressors }), [{ x: text }]);
    }
  });

  for (const size of [1, 2, 3, 255, 256, 257, 20_000])
    test(`a dictionary of ${size} values, in runs and without`, HEAVY, async () => {
      const rows = 45_000;
      const value = (row: number): number => ((row % 1000 < 300 ? Math.floor(row / 100) : row * 31) % size) * 3;
      const column: Made = { name: 'x', type: 'BIGINT', column: new BigintColumn(), value };
      const [file] = await written(rows, [column]);
      const read = (await parquetReadObjects({ file, compressors })) as { x: bigint }[];
      assert.equal(read.length, rows);
      assert.equal(
        read.findIndex(({ x }, row) => Number(x) !== value(row)),
        -1,
      );
    });

  test('a reader notices a flipped bit', HEAVY, async () => {
    await written(5000, columns(SEED).slice(0, 7));
    const sound = readFileSync(path);
    const open = await openDuckDB();
    try {
      const all = `SELECT hash(COLUMNS(*)) FROM ${sqlLiteral(path)}`;
      const expected = JSON.stringify((await open.connection.runAndReadAll(all)).getRowsJson());
      const next = random(SEED);
      for (let i = 0; i < 30; i++) {
        const damaged = Buffer.from(sound);
        // Inside of the pages, in front of filters and footer.
        damaged[4 + Math.floor(next() * (sound.length / 2))] ^= 1 << Math.floor(next() * 8);
        writeFileSync(path, damaged);
        const seen = await open.connection.runAndReadAll(all).then(
          (reader) => JSON.stringify(reader.getRowsJson()),
          () => undefined,
        );
        assert.ok(seen === undefined || seen === expected, `flip ${i}`);
      }
    } finally {
      open.close();
    }
  });
});

function beginOf({ meta_data }: ColumnChunk): bigint {
  return meta_data!.dictionary_page_offset ?? meta_data!.data_page_offset;
}
