/** Packet rows to Arrow batches and back, and rare fields. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { put32, uint32 } from '../../shared/algorithm/bytes.ts';
import { PacketColumns } from '../../shared/packet/columns.ts';
import { FlowTable, KEY_WORDS } from '../../shared/packet/flow/flowtable.ts';
import { BatchDecoder, LEFT_OUT } from '../../shared/shard/batchdecoder.ts';
import { BatchEncoder } from '../../shared/shard/batchencoder.ts';
import { getDouble, getKey, MAX_RARE_BYTES, putDouble, putKey } from '../../shared/shard/rarefields.ts';
import { assertSameRows, dice, extremeRows, randomFlows, rowTexts, SEED } from './packets.ts';

test(`every kind of flow key is read back (SEED=${SEED})`, () => {
  const flows = randomFlows(dice(SEED), 2000);
  const bytes = new Uint8Array(MAX_RARE_BYTES + 3);
  const key = new Uint32Array(KEY_WORDS);
  for (let flow = 0; flow < flows.count; flow++) {
    const end = putKey(flows.words, flow * KEY_WORDS, bytes, 3);
    assert.equal(getKey(bytes, 3, key), end);
    const expected = flows.words.subarray(flow * KEY_WORDS, (flow + 1) * KEY_WORDS);
    assert.deepEqual([...key], [...expected], `flow ${flow}, SEED=${SEED}`);
  }
});

test('words and doubles are read back, the extremes included', () => {
  const bytes = new Uint8Array(12);
  for (const word of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
    assert.equal(put32(bytes, 2, word), 6);
    assert.equal(uint32(bytes, 2), word);
  }
  for (const value of [0, -1, 2 ** 52, -(2 ** 52), 2 ** 32]) {
    assert.equal(putDouble(bytes, 1, value), 9);
    assert.equal(getDouble(bytes, 1), value);
  }
});

test(`rows are read back column by column, with any division into batches (SEED=${SEED})`, () => {
  const roll = dice(SEED + 1);
  const encoder = new BatchEncoder(700);
  for (let round = 0; round < 40; round++) {
    const flows = randomFlows(roll, 1 + roll(150));
    const columns = extremeRows(roll, 1 + roll(1500), flows, 1 + roll(5));
    const baseUs = [0, 1.7e15, 2 ** 52][roll(3)];
    const table = new FlowTable();
    const out = new PacketColumns(0);
    encoder.begin();
    const decoder = new BatchDecoder(table, baseUs, null);
    for (let from = 0; from < columns.length; ) {
      const to = Math.min(columns.length, from + 1 + roll(700));
      const batch = encoder.encode(columns, flows, from, to, baseUs);
      assert.equal(batch.numRows, to - from);
      decoder.decode(batch, 0, to - from, out);
      from = to;
    }
    assertSameRows(rowTexts(out, table), rowTexts(columns, flows), `round ${round}, SEED=${SEED}`);
  }
});

test('captures get the numbers of the reader', () => {
  const roll = dice(5);
  const flows = randomFlows(roll, 5);
  const columns = extremeRows(roll, 200, flows, 4);
  const encoder = new BatchEncoder(200);
  encoder.begin();
  const out = new PacketColumns(0);
  const ranks = [40, 30, 20, 10];
  const decoder = new BatchDecoder(new FlowTable(), 0, ranks);
  decoder.decode(encoder.encode(columns, flows, 0, 200, 0), 0, 200, out);
  assert.deepEqual(
    [...out.capture.subarray(0, 200)],
    [...columns.capture.subarray(0, 200)].map((number) => ranks[number]),
  );
});

test('rows of captures that are left out are counted, and the others are as they were', () => {
  const roll = dice(6);
  const flows = randomFlows(roll, 5);
  const columns = extremeRows(roll, 600, flows, 4);
  const encoder = new BatchEncoder(200);
  encoder.begin();
  const table = new FlowTable();
  const out = new PacketColumns(0);
  const decoder = new BatchDecoder(table, 0, [0, LEFT_OUT, 2, LEFT_OUT]);
  for (let from = 0; from < 600; from += 200)
    decoder.decode(encoder.encode(columns, flows, from, from + 200, 0), 0, 200, out);
  const kept = new PacketColumns(0);
  let left = 0;
  for (let row = 0; row < 600; row++) {
    if (columns.capture[row] % 2 === 0) kept.pushRow(columns, row);
    else left++;
  }
  assert.ok(left > 0 && kept.length > 0);
  assertSameRows(rowTexts(out, table), rowTexts(kept, flows), 'rows of captures 0 and 2');
  assert.equal(decoder.leftOut, left);
});

test('a batch of more rows than the encoder has room for is refused', () => {
  const flows = randomFlows(dice(1), 1);
  const columns = extremeRows(dice(1), 11, flows, 1);
  assert.throws(() => new BatchEncoder(10).encode(columns, flows, 0, 11, 0), RangeError);
});
