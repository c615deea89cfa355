/** Random packet rows, ordinary and extreme, for the tests of shards. */
import assert from 'node:assert/strict';
import { COLUMN_NAMES, PacketColumns } from '../../shared/packet/columns.ts';
import {
  FlowTable,
  KEY_FLAG_ONE_WAY,
  KEY_FLAG_ONE_WAY_FROM_B,
  KEY_FLAG_V6,
  KEY_NETWORK,
  KEY_PORTS,
  KEY_PROTO,
  KEY_VLAN,
  KEY_WORDS,
} from '../../shared/packet/flow/flowtable.ts';
import { LAYER_HAS_ID, LAYER_ID, LAYER_V6, LAYER_WORDS, MAX_LAYERS } from '../../shared/packet/tunnellayers.ts';
import { tunnelText } from '../../shared/packet/tunneltext.ts';
import { random } from '../capture/build.ts';

export { SEED } from '../seed.ts';

/** A whole number 0..below-1 at a time. */
export type Dice = (below: number) => number;

export function dice(seed: number): Dice {
  const next = random(seed);
  return (below) => Math.floor(next() * below);
}

/** A 32-bit number that is 0, the largest, or anything between. */
function word(roll: Dice): number {
  return [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, roll(2 ** 32)][roll(6)];
}

/**
 * Flows of every kind that a key distinguishes: IPv4 and IPv6, all protocols, one-way ICMP both ways, VLANs and tunnels
 * in the key.
 */
export function randomFlows(roll: Dice, count: number): FlowTable {
  const flows = new FlowTable();
  const key = new Uint32Array(KEY_WORDS);
  while (flows.count < count) {
    key.fill(0);
    const v6 = roll(2) === 1;
    for (let i = 0; i < 4; i++)
      if (v6 || i === 3) {
        key[i] = word(roll);
        key[4 + i] = word(roll);
      }
    key[KEY_PORTS] = word(roll);
    const oneWay = [0, KEY_FLAG_ONE_WAY, KEY_FLAG_ONE_WAY | KEY_FLAG_ONE_WAY_FROM_B][roll(3)];
    key[KEY_PROTO] = [6, 17, 132, 0, 255, 1 | oneWay, 58 | oneWay][roll(7)] | (v6 ? KEY_FLAG_V6 : 0);
    if (roll(4) === 0) key[KEY_VLAN] = word(roll);
    if (roll(4) === 0) key[KEY_NETWORK] = word(roll);
    flows.lookup(key);
  }
  const layers = new Uint32Array(MAX_LAYERS * LAYER_WORDS);
  for (let i = 0; i < 6; i++) {
    layers.fill(0);
    const depth = 1 + roll(MAX_LAYERS);
    for (let layer = 0; layer < depth; layer++) {
      const at = layer * LAYER_WORDS;
      layers[at] = 1 + roll(9) + [0, LAYER_V6][roll(2)] + [0, LAYER_HAS_ID][roll(2)];
      for (let end = 1; end < LAYER_ID; end += 4)
        for (let word4 = (layers[at] & LAYER_V6) === 0 ? 3 : 0; word4 < 4; word4++)
          layers[at + end + word4] = word(roll);
      if ((layers[at] & LAYER_HAS_ID) !== 0) layers[at + LAYER_ID] = word(roll);
    }
    flows.tunnels.lookup(layers, depth);
  }
  return flows;
}

/** Rows in no order, every column with values from the whole of its range. */
export function extremeRows(roll: Dice, count: number, flows: FlowTable, captures: number): PacketColumns {
  const columns = new PacketColumns(count);
  for (const name of COLUMN_NAMES) {
    const column = columns[name];
    const range = column instanceof Float64Array ? 2 ** 52 : 2 ** (8 * column.BYTES_PER_ELEMENT);
    for (let row = 0; row < count; row++) column[row] = [0, range - 1, roll(range)][roll(3)];
  }
  for (let row = 0; row < count; row++) {
    columns.us[row] = [0, 1, 2 ** 52, 1.7e15, 1.7e15 + roll(1e9), roll(2 ** 52)][roll(6)];
    columns.ns[row] = [0, 999, roll(1000)][roll(3)];
    columns.flow[row] = roll(flows.count);
    columns.capture[row] = roll(captures);
    // Each record has an offset of its own, which distinguishes rows of equal time.
    columns.offset[row] = [0, 2 ** 32 - 4096, 2 ** 32, 2 ** 45, roll(2 ** 28) * 4096][roll(5)] + (row % 4096);
    const payload = [0, 1, 65_535, roll(1500)][roll(4)];
    columns.payloadLen[row] = payload;
    columns.ipLen[row] = [payload + 40, 0, 0xffffffff, payload][roll(4)];
    columns.origLen[row] = [payload + 54, 0, 0xffffffff, roll(2000)][roll(4)];
    columns.capLen[row] = [columns.origLen[row], 262_144, 0, roll(2000)][roll(4)];
    columns.hint[row] = [0, 0, 0, roll(256)][roll(4)];
    columns.vlan[row] = [0, 0, 1, 4096, roll(65_536)][roll(5)];
    columns.innerVlan[row] = [0, 0, 65_535, roll(65_536)][roll(4)];
    columns.tunnel[row] = [0, 0, roll(flows.tunnels.count + 1)][roll(3)];
    columns.ageUs[row] = [0, 0, word(roll)][roll(3)];
    columns.ageNs[row] = [0, 0, 999, roll(1000)][roll(4)];
  }
  columns.length = count;
  return columns;
}

/** Rows of ordinary traffic from `startUs` on, in order of time, a few microseconds apart. */
export function orderedRows(
  roll: Dice,
  count: number,
  flows: FlowTable,
  startUs: number,
  stepUs: number,
): PacketColumns {
  const columns = new PacketColumns(count);
  let us = startUs;
  let offset = 24;
  for (let row = 0; row < count; row++) {
    us += roll(stepUs);
    columns.us[row] = us;
    columns.ns[row] = roll(1000);
    columns.flow[row] = roll(flows.count);
    columns.offset[row] = offset;
    columns.capLen[row] = columns.origLen[row] = 60 + roll(1440);
    columns.ipLen[row] = columns.origLen[row] - 14;
    columns.payloadLen[row] = columns.ipLen[row] - 40;
    columns.seq[row] = roll(2 ** 32);
    columns.meta[row] = roll(2);
    offset += 16 + columns.capLen[row];
  }
  columns.length = count;
  return columns;
}

/** A row as text: all its columns, with its flow's key in place of the number. */
export function rowText(columns: PacketColumns, row: number, flows: FlowTable): string {
  const key = flows.words.subarray(columns.flow[row] * KEY_WORDS, (columns.flow[row] + 1) * KEY_WORDS);
  const values = COLUMN_NAMES.map((name) =>
    name === 'flow' || name === 'tunnel' ? '' : `${name}=${columns[name][row]}`,
  );
  return `${values.join(' ')} key=${key.join(',')} tunnel=${tunnelText(flows.tunnels, columns.tunnel[row])}`;
}

export function rowTexts(columns: PacketColumns, flows: FlowTable, from = 0, to = columns.length): string[] {
  return Array.from({ length: to - from }, (_, i) => rowText(columns, from + i, flows));
}

/** Compares lists of rows and shows the first that differ, not all of them. */
export function assertSameRows(actual: readonly string[], expected: readonly string[], message: string): void {
  assert.equal(actual.length, expected.length, `${message}: number of rows`);
  for (const [row, text] of expected.entries()) assert.equal(actual[row], text, `${message}: row ${row}`);
}
