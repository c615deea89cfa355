/** Files of the publish stage where start times are extreme. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startJob } from '../../../shared/control/start.ts';
import { stageResults } from '../../../shared/job/protocol/taskends.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import type { CaptureRef, CaptureSource } from '../../../shared/store/capturesource.ts';
import { plainConfig, readTables, temporaryFolder, Workplace } from '../../job/harness.ts';

/** A raw-IP capture of one UDP packet for each time, each a session of its own. */
function datagrams(seconds: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(24 + seconds.length * 44));
  bytes.setUint32(0, 0xa1b2c3d4, true);
  bytes.setUint32(4, 0x00040002, true);
  bytes.setUint32(16, 65_535, true);
  bytes.setUint32(20, 101, true);
  for (const [i, second] of seconds.entries()) {
    const at = 24 + i * 44;
    bytes.setUint32(at, second, true);
    bytes.setUint32(at + 8, 28, true);
    bytes.setUint32(at + 12, 28, true);
    bytes.setUint32(at + 16, 0x4500001c);
    bytes.setUint32(at + 24, 0x40110000);
    bytes.setUint32(at + 28, 0x0a000000 + i);
    bytes.setUint32(at + 32, 0x0b000001);
    bytes.setUint16(at + 36, 1000);
    bytes.setUint16(at + 38, 53);
    bytes.setUint16(at + 40, 8);
  }
  return new Uint8Array(bytes.buffer);
}

async function published(
  seconds: readonly number[],
  fileRows: number,
): Promise<{ files: string[]; rows: number; counts: number[]; sorted: boolean }> {
  using folder = temporaryFolder();
  const place = new Workplace(folder.path);
  const bytes = datagrams(seconds);
  place.captures = {
    async *stream(_: CaptureRef, limit = Number.POSITIVE_INFINITY) {
      yield bytes.slice(0, limit);
    },
  } satisfies CaptureSource;
  const queue = new InProcessQueue();
  const refs = [{ name: 'a', location: 'a', size: bytes.length, version: '1' }];
  const { job } = await startJob(place.store, queue, plainConfig({ sizes: { fileRows } }), refs);
  await place.drain(queue, () => 0);
  const { files } = await place.summary(job.job);
  const published = await stageResults(place.store, job.job, 'publish');
  const counts = published.flatMap((result) => result?.files ?? []).map(({ rows }) => rows);
  const { sessions } = await readTables(folder.path, files, ['sessions']);
  const keys = sessions.map(({ ts_ns, uid }) => `${String(ts_ns).padStart(20, '0')} ${uid}`);
  const sorted = keys.every((key, i) => i === 0 || keys[i - 1] < key);
  return { files: files.sessions, rows: keys.length, counts, sorted };
}

describe('published files', () => {
  test('sessions of one timestamp are cut by rows, in one order over all files, and no file is empty', async () => {
    const { files, rows, counts, sorted } = await published(new Array<number>(1030).fill(1_700_000_003), 100);
    assert.equal(rows, 1030);
    assert.deepEqual(counts, [...new Array<number>(10).fill(100), 30]);
    assert.equal(new Set(files).size, 11);
    assert.ok(sorted);
  });

  test('a capture that names a hundred days gives a file a day', async () => {
    const { files, rows } = await published(
      Array.from({ length: 100 }, (_, day) => 1_600_000_000 + day * 86_400),
      1000,
    );
    assert.equal(rows, 100);
    assert.equal(new Set(files).size, 100);
  });
});
