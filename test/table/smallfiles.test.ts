/** Many small files of one task: each is the same as if it had been the only one. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { StoreError } from '../../shared/store/objectstore.ts';
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

/** Order, rows and bytes of the files. */
async function written(
  t: TestContext,
  publish: (directory: string) => AsyncIterable<PublishedPart>,
): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'flowstitch-small-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const parts: string[] = [];
  for await (const { piece, path, rows, bytes } of publish(directory)) {
    const content = readFileSync(path);
    assert.equal(bytes, content.length);
    parts.push(`${piece} ${rows} ${content.toString('base64')}`);
  }
  return parts;
}

test(`sessions of many small windows and a large one (seed ${SEED})`, HEAVY, async (t) => {
  const rows = randomSessions(8000, SEED);
  const { bytes, batches } = encodeSessionRun(rows);
  const read = async (_key: string, start: number, end: number) => bytes.slice(start, end);
  const windows = windowsOf(DAY0_US);
  const task = { mostRows: 1e6, runs: [{ key: 'run', batches }], read, ...CONTEXT };
  const together = await written(t, (directory) => publishSessions({ ...task, windows, directory }));
  assert.equal(together.length, 61);
  const apart: string[] = [];
  for (const window of windows)
    apart.push(...(await written(t, (directory) => publishSessions({ ...task, windows: [window], directory }))));
  assert.deepEqual(together, apart);
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
    const windows = windowsOf(from, length);
    const task = { mostRows: 1e6, runs: [{ key: 'run', batches }], read, flipped: new FlippedSessions(), ...CONTEXT };
    const together = await written(t, (directory) => publishPackets({ ...task, windows, directory }));
    assert.ok(together.length > 30, `${together.length} files`);
    const apart: string[] = [];
    for (const window of windows)
      apart.push(...(await written(t, (directory) => publishPackets({ ...task, windows: [window], directory }))));
    assert.deepEqual(together, apart);
  },
);

test('a file that cannot be written fails the task, which names it, and the next task writes as if nothing had been', async (t) => {
  const { bytes, batches } = encodeSessionRun(randomSessions(500, SEED));
  const read = async (_key: string, start: number, end: number) => bytes.slice(start, end);
  const task = { windows: windowsOf(DAY0_US), mostRows: 1e6, runs: [{ key: 'run', batches }], read, ...CONTEXT };
  const publish = (directory: string) => publishSessions({ ...task, directory });
  const sound = await written(t, publish);
  await assert.rejects(
    written(t, (directory) => {
      mkdirSync(join(directory, '2-0.parquet'));
      return publish(directory);
    }),
    (error) => error instanceof StoreError && /cannot write .*2-0\.parquet: it is a folder/.test(error.message),
  );
  assert.deepEqual(await written(t, publish), sound);
});
