/** Fragment files: rows are read back, and many files merge into one order. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { tableFromIPC } from 'apache-arrow';
import { KEY_FLAG_V6 } from '../../shared/packet/flow/flowtable.ts';
import { compareFragmentKeys, sortedFragmentOrder } from '../../shared/packet/fragment/fragmentorder.ts';
import {
  END_WORDS,
  FRAGMENT_COLUMNS,
  FRAGMENT_HEAD_BYTES,
  FragmentColumns,
} from '../../shared/packet/fragmentcolumns.ts';
import { encodeFragments, type FragmentFile, mergeFragments } from '../../shared/shard/fragmentfile.ts';
import { HEAVY } from '../heavy.ts';
import { assertSameRows, type Dice, dice, SEED } from './packets.ts';

/** Fragments of few datagrams, so that keys repeat, with values from their whole ranges. */
function randomFragments(roll: Dice, count: number, captures: number): FragmentColumns {
  const columns = new FragmentColumns(1);
  const one = new FragmentColumns(1);
  for (let row = 0; row < count; row++) {
    one.clear();
    const v6 = roll(2) === 1;
    for (let i = 0; i < END_WORDS; i++) one.ends[i] = v6 || i % 4 === 3 ? [0, 0xffffffff, 10 + roll(2)][roll(3)] : 0;
    one.keyProto[0] = v6 ? KEY_FLAG_V6 : [1, 17, 255][roll(3)];
    one.id[0] = [0, 7, 0xffffffff][roll(3)];
    one.vlan[0] = [0, 4096][roll(2)];
    one.innerVlan[0] = [0, 65_535][roll(2)];
    one.us[0] = [0, 2 ** 52, 1e15 + roll(50)][roll(3)];
    one.ns[0] = roll(1000);
    one.capture[0] = roll(captures);
    one.offset[0] = [24, 2 ** 45, roll(1e6)][roll(3)];
    one.capLen[0] = roll(262_144);
    one.origLen[0] = roll(2 ** 32);
    one.proto[0] = roll(256);
    one.fragOffset[0] = roll(65_536);
    one.fragLength[0] = roll(65_536);
    one.more[0] = roll(2);
    one.headerLen[0] = roll(65_536);
    one.heads = Uint8Array.from({ length: [0, 1, FRAGMENT_HEAD_BYTES][roll(3)] }, () => roll(256));
    one.headLen[0] = one.heads.length;
    columns.pushRow(one, 0);
  }
  return columns;
}

/** A row as text; `ranks` turn capture numbers into ranks. The place of its head in the pool is left out. */
function fragmentText(columns: FragmentColumns, row: number, ranks: ArrayLike<number> | null): string {
  const values = FRAGMENT_COLUMNS.filter((name) => name !== 'headStart').map((name) => {
    const value = columns[name][row];
    return `${name}=${name === 'capture' && ranks !== null ? ranks[value] : value}`;
  });
  const ends = columns.ends.subarray(row * END_WORDS, (row + 1) * END_WORDS);
  const from = columns.headStart[row];
  const head = Buffer.from(columns.heads.subarray(from, from + columns.headLen[row])).toString('hex');
  return `${values.join(' ')} ends=${ends.join(',')} head=${head}`;
}

function fileOf(columns: FragmentColumns, ranks: ArrayLike<number> | null): FragmentFile {
  const { bytes, batches } = encodeFragments(columns, sortedFragmentOrder(columns));
  return { key: 'fragments', read: async (start, end) => bytes.slice(start, end), batches, ranks };
}

async function mergedTexts(t: TestContext, files: readonly FragmentFile[]): Promise<string[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'flowstitch-fragments-'));
  t.after(() => rmSync(scratch, { recursive: true, force: true }));
  const texts: string[] = [];
  await mergeFragments(
    files,
    scratch,
    (columns, row) => void texts.push(fragmentText(columns, row, null)),
    async () => {},
  );
  return texts;
}

test(`fragments are read back from a file in order, over several batches (SEED=${SEED})`, HEAVY, async (t) => {
  const roll = dice(SEED);
  for (const count of [1, 4095, 4096, 4097, 10_000]) {
    const columns = randomFragments(roll, count, 3);
    const ranks = [2, 0, 1];
    const file = fileOf(columns, ranks);
    assert.equal(file.batches.length, Math.ceil(count / 4096));
    const expected = [...sortedFragmentOrder(columns)].map((row) => fragmentText(columns, row, ranks));
    // A file is in the order of capture numbers, which its writer assigns in the order of ranks: here only keys and
    // times matter.
    const actual = await mergedTexts(t, [file]);
    assertSameRows(actual, expected, `${count} fragments, SEED=${SEED}`);
  }
});

test(
  `many files merge into the order of a plain sort, in one go and in passes of 128 (SEED=${SEED})`,
  HEAVY,
  async (t) => {
    const roll = dice(SEED + 1);
    for (const count of [1, 2, 128, 129, 300]) {
      const all: { columns: FragmentColumns; row: number; rank: number }[] = [];
      const files: FragmentFile[] = [];
      for (let number = 0; number < count; number++) {
        const columns = randomFragments(roll, roll(40), 1);
        files.push(fileOf(columns, [count - number]));
        for (let row = 0; row < columns.length; row++) all.push({ columns, row, rank: count - number });
      }
      all.sort(
        (a, b) =>
          compareFragmentKeys(a.columns, a.row, b.columns, b.row) ||
          a.columns.us[a.row] - b.columns.us[b.row] ||
          a.columns.ns[a.row] - b.columns.ns[b.row] ||
          a.rank - b.rank ||
          a.columns.offset[a.row] - b.columns.offset[b.row],
      );
      const expected = all.map(({ columns, row, rank }) => fragmentText(columns, row, [rank]));
      assertSameRows(await mergedTexts(t, files), expected, `${count} files, SEED=${SEED}`);
    }
  },
);

test('a standard Arrow reader reads the whole object', () => {
  const columns = randomFragments(dice(3), 5000, 2);
  const { bytes } = encodeFragments(columns, sortedFragmentOrder(columns));
  const table = tableFromIPC(bytes);
  assert.equal(table.numRows, 5000);
  const ids = [...(table.getChild('id') ?? [])];
  assert.deepEqual(
    ids,
    [...sortedFragmentOrder(columns)].map((row) => columns.id[row]),
  );
});

test('no files yield no fragments', async (t) => {
  assert.deepEqual(await mergedTexts(t, []), []);
});
