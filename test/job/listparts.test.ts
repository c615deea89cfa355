/** Lists in parts, the bounded log of anomalies, and a job with more anomalies than its memory would take at once. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ANOMALY_ROWS_PER_NAME, AnomalyLog } from '../../shared/capture/anomaly.ts';
import { PartsWriter, readParts } from '../../shared/job/protocol/listparts.ts';
import { MemoryStore } from './memorystore.ts';

describe('a list in parts', () => {
  for (const count of [0, 1, 9, 10, 11, 35])
    test(`${count} rows at 10 a part come back in order`, async () => {
      const store = new MemoryStore();
      const writer = new PartsWriter<number>(store, 'list-', 10);
      for (let i = 0; i < count; i++) await writer.add([i]);
      const keys = await writer.end();
      assert.equal(keys.length, Math.ceil(count / 10));
      const read: number[] = [];
      for await (const part of readParts<number>(store, keys)) {
        assert.ok(part.length <= 10);
        read.push(...part);
      }
      assert.deepEqual(
        read,
        Array.from({ length: count }, (_, i) => i),
      );
    });
});

test('rows taken out of the log in between are those of a log that nobody touched, counts included', () => {
  const whole = new AnomalyLog();
  const cut = new AnomalyLog();
  const taken = [];
  for (let i = 0; i < 500; i++) {
    for (const log of [whole, cut]) {
      log.capture = i % 3;
      log.anomaly(i % 2 === 0 ? 'a' : 'b', i, 0, 0, `${i}`);
    }
    if (i % 70 === 0) taken.push(...cut.take());
  }
  taken.push(...cut.finish());
  const byName = (rows: AnomalyLog['rows']): AnomalyLog['rows'] =>
    [...rows].sort((a, b) => a.capture - b.capture || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  assert.deepEqual(byName(taken), byName(whole.rows));
  assert.equal(taken.filter(({ count }) => count > 1).length, 6);
  assert.equal(taken.length, 6 * (ANOMALY_ROWS_PER_NAME + 1));
});

test('a job whose anomalies outgrow its memory ends, with each of them in the table', { timeout: 300_000 }, () => {
  const script = fileURLToPath(new URL('manyanomalies.ts', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--max-old-space-size=128', script, '1000'], {
    encoding: 'utf8',
    timeout: 280_000,
  });
  assert.equal(status, 0, stderr.slice(-2000));
  assert.match(stdout, /^\d+ anomalies, /);
});
