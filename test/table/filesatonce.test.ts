/** Small files that are written at once: the same, and in the same order, as one after another. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type DuckDBLimits, openDuckDB } from '../../shared/table/parquet/duckdb.ts';
import { type PublishedPart, publishPackets, publishSessions } from '../../shared/table/publishedfiles.ts';
import { FlippedSessions } from '../../shared/table/run/flippedsessions.ts';
import { encodePacketRun } from '../../shared/table/run/packetrun.ts';
import { encodeSessionRun } from '../../shared/table/run/sessionrun.ts';
import { HEAVY } from '../heavy.ts';
import { SEED } from '../seed.ts';
import { CONTEXT, DAY0_US, randomPackets, randomSessions } from './rows.ts';

const HOUR_US = 3_600_000_000;

/** Neighbouring windows that together hold a time: many short ones, and a long one among them. */
function windowsOf(fromUs: number, lengthUs = HOUR_US): { fromUs: number; toUs: number }[] {
  const lengths = [...Array<number>(20).fill(1), 40, ...Array<number>(40).fill(1)];
  let at = fromUs;
  return lengths.map((parts) => {
    const window = { fromUs: at, toUs: at + Math.ceil(lengthUs / 100) * parts };
    at = window.toUs;
    return window;
  });
}

/** Order, rows and bytes of the files, written with an instance for all of them or with one for each. */
async function written(
  t: TestContext,
  publish: (directory: string, limits: DuckDBLimits) => AsyncIterable<PublishedPart>,
  shared: boolean,
): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'flowstitch-atonce-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const writer = shared ? await openDuckDB({ tempDirectory: directory }) : undefined;
  try {
    const parts: string[] = [];
    for await (const { window, piece, path, rows, bytes } of publish(directory, { tempDirectory: directory, writer })) {
      const content = readFileSync(path);
      assert.equal(bytes, content.length);
      parts.push(`${window} ${piece} ${rows} ${content.toString('base64')}`);
    }
    return parts;
  } finally {
    writer?.close();
  }
}

test(`sessions of many small windows and a large one (seed ${SEED})`, HEAVY, async (t) => {
  const rows = randomSessions(8000, SEED);
  const { bytes, batches } = encodeSessionRun(rows);
  const read = async (_key: string, start: number, end: number) => bytes.slice(start, end);
  const task = { windows: windowsOf(DAY0_US), mostRows: 1e6, runs: [{ key: 'run', batches }], read, ...CONTEXT };
  const publish = (directory: string, limits: DuckDBLimits) => publishSessions({ ...task, directory, limits });
  const together = await written(t, publish, true);
  assert.equal(together.length, 61);
  assert.deepEqual(together, await written(t, publish, false));
});

test(
  `packets of many small windows and a large one, which goes through several chunks (seed ${SEED})`,
  HEAVY,
  async (t) => {
    const { rows, lookup } = randomPackets(12_000, 3000, SEED);
    const { bytes, batches } = encodePacketRun(rows, lookup);
    const read = async (_key: string, start: number, end: number) => bytes.slice(start, end);
    const from = lookup.startUs.reduce((least, us) => Math.min(least, us));
    const length = lookup.startUs.reduce((most, us) => Math.max(most, us)) - from;
    const task = { windows: windowsOf(from, length), mostRows: 1e6, runs: [{ key: 'run', batches }], read, ...CONTEXT };
    const publish = (directory: string, limits: DuckDBLimits) =>
      publishPackets({ ...task, directory, limits, flipped: new FlippedSessions() });
    const together = await written(t, publish, true);
    assert.ok(together.length > 30, `${together.length} files`);
    assert.deepEqual(together, await written(t, publish, false));
  },
);

test('a file that cannot be written fails the task once the others have ended, and the instance closes', async (t) => {
  const { bytes, batches } = encodeSessionRun(randomSessions(500, SEED));
  const read = async (_key: string, start: number, end: number) => bytes.slice(start, end);
  const task = { windows: windowsOf(DAY0_US), mostRows: 1e6, runs: [{ key: 'run', batches }], read, ...CONTEXT };
  const publish = (directory: string, limits: DuckDBLimits) => {
    mkdirSync(join(directory, '2-0.parquet'));
    return publishSessions({ ...task, directory, limits });
  };
  await assert.rejects(written(t, publish, true), /2-0\.parquet/);
});
