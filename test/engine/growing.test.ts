/** Captures that are still being written while a job reads them. */
import assert from 'node:assert/strict';
import { appendFileSync, renameSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { openResults, run } from '../../shared/index.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import { FileCaptures, isVersionOf, listedFile } from '../../shared/store/capturesource.ts';
import { concat, gzip, pcapRecord } from '../capture/build.ts';
import { flowstitch, START_US, scratchFolder, udpCapture, udpRecords } from '../cli/harness.ts';

const HOUR_S = 3600;

/** Sets when a file was written to last, in seconds before now. */
function written(path: string, ago: number): void {
  const at = Date.now() / 1000 - ago;
  utimesSync(path, at, at);
}

async function statuses(out: string): Promise<string[]> {
  const results = await openResults(out);
  try {
    const { rows } = await results.runQuery('SELECT status FROM captures ORDER BY capture');
    return rows.map(([status]) => String(status));
  } finally {
    results.close();
  }
}

const brief = ({ packets, open, damaged }: JobSummary): unknown => ({
  packets,
  open: open.map(({ packets }) => packets),
  damaged: damaged.map(({ status }) => status),
});

test('a capture cut off in a record is open in the minute after it was written to, truncated later, and complete when its rest is there', async (t) => {
  const folder = scratchFolder(t);
  const capture = join(folder, 'live.pcap');
  const out = join(folder, 'results');
  const whole = udpCapture(10);
  writeFileSync(capture, whole.subarray(0, whole.length - 7));
  const job = { captures: [capture], out, workers: 1 };
  const states: string[] = [];
  const again = (): Promise<JobSummary> => run({ ...job, onStart: (_job, state) => states.push(state) });

  assert.deepEqual(brief(await again()), { packets: 9, open: [9], damaged: [] });
  assert.deepEqual(await statuses(out), ['open']);
  assert.deepEqual(brief(await again()), { packets: 9, open: [9], damaged: [] });

  // Nothing was appended since, but time has passed: another version of the same file, and another job.
  written(capture, HOUR_S);
  assert.deepEqual(brief(await again()), { packets: 9, open: [], damaged: ['truncated'] });
  assert.deepEqual(await statuses(out), ['truncated']);
  assert.deepEqual(brief(await again()), { packets: 9, open: [], damaged: ['truncated'] });

  appendFileSync(capture, whole.subarray(whole.length - 7));
  assert.deepEqual(brief(await again()), { packets: 10, open: [], damaged: [] });
  assert.deepEqual(states, ['new', 'committed', 'new', 'committed', 'new']);
});

test('a job over a file that was open and is unchanged a minute later is made anew, once', async (t) => {
  const folder = scratchFolder(t);
  const capture = join(folder, 'live.pcap');
  const out = join(folder, 'results');
  const whole = udpCapture(10);
  writeFileSync(capture, whole.subarray(0, whole.length - 7));
  const version = statSync(capture, { bigint: true }).mtimeNs;
  const jobs: string[] = [];
  const again = (): Promise<JobSummary> =>
    run({ captures: [capture], out, workers: 1, onStart: (job, state) => jobs.push(`${job} ${state}`) });
  assert.deepEqual(brief(await again()), { packets: 9, open: [9], damaged: [] });
  const { now } = Date;
  t.mock.method(Date, 'now', () => now() + 61_000);
  assert.deepEqual(brief(await again()), { packets: 9, open: [], damaged: ['truncated'] });
  assert.deepEqual(brief(await again()), { packets: 9, open: [], damaged: ['truncated'] });
  assert.equal(statSync(capture, { bigint: true }).mtimeNs, version);
  const [first, second, third] = jobs.map((job) => job.split(' '));
  assert.notEqual(first[0], second[0]);
  assert.deepEqual([second[1], third], ['new', [second[0], 'committed']]);
});

test('compressed captures that end inside a member are open too; damage in the middle is damage however new it is', async (t) => {
  const folder = scratchFolder(t);
  const [cut, damaged] = [join(folder, 'cut.pcap.gz'), join(folder, 'damaged.pcap')];
  const packed = gzip(udpCapture(200));
  writeFileSync(cut, packed.subarray(0, packed.length - 20));
  const bytes = udpCapture(20);
  const sixth = 24 + ((bytes.length - 24) / 20) * 5;
  bytes.fill(0xff, sixth, sixth + 16);
  writeFileSync(damaged, bytes.subarray(0, bytes.length - 7));
  const summary = await run({ captures: [cut, damaged], out: join(folder, 'results'), workers: 1 });
  assert.deepEqual(
    summary.open.map(({ capture }) => capture),
    [cut],
  );
  assert.deepEqual(
    summary.damaged.map(({ capture, status }) => [capture, status]),
    [[damaged, 'damaged']],
  );
});

test('a capture that grows while the job reads it counts up to where it was when it was listed; one that was replaced is lost', async (t) => {
  const folder = scratchFolder(t);
  const capture = join(folder, 'live.pcap');
  const records = udpRecords(5, START_US + 1e6).map((record) => pcapRecord(record));
  const begun = concat([udpCapture(10), records[0].subarray(0, 20)]);
  for (const change of ['grows', 'is cut', 'is replaced']) {
    writeFileSync(capture, begun);
    const summary = await run({
      captures: [capture],
      out: join(folder, change),
      workers: 1,
      onStart: () => {
        if (change === 'grows') appendFileSync(capture, concat([records[0].subarray(20), ...records.slice(1)]));
        else if (change === 'is cut') truncateSync(capture, 30);
        else {
          writeFileSync(`${capture}.new`, udpCapture(30));
          renameSync(`${capture}.new`, capture);
        }
      },
    });
    const expected =
      change === 'grows' ? { packets: 10, open: [10], damaged: [] } : { packets: 0, open: [], damaged: ['unreadable'] };
    assert.deepEqual(brief(summary), expected, change);
  }
});

test('only a recent capture may have grown: its size decides, and that it is the same file', async (t) => {
  const capture = join(scratchFolder(t), 'a.pcap');
  writeFileSync(capture, udpCapture(3));
  const listed = (await listedFile(capture))!;
  assert.equal(listed.recent, true);
  const ref = { name: 'a', location: capture, ...listed };
  appendFileSync(capture, udpCapture(1));
  const version = (await new FileCaptures().version(ref))!;
  assert.equal(isVersionOf(version, ref), true);
  const { recent: _, ...old } = ref;
  assert.equal(isVersionOf(version, old), false);
  assert.equal(
    isVersionOf(
      version.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10)),
      ref,
    ),
    false,
  );
  assert.equal(isVersionOf(version.replace(/^\d+/, '5'), ref), false);
  // Some clocks are ahead; one that is far ahead says nothing of the last minute.
  for (const ago of [HOUR_S, -HOUR_S, -70 * 365 * 24 * HOUR_S]) {
    written(capture, ago);
    assert.equal((await listedFile(capture))?.recent, undefined);
  }
  written(capture, -5);
  assert.equal((await listedFile(capture))?.recent, true);
});

test('run and inspect end with 0 for a capture that is still being written, and say so', (t) => {
  const folder = scratchFolder(t);
  const whole = udpCapture(10);
  writeFileSync(join(folder, 'live.pcap'), whole.subarray(0, whole.length - 7));
  const ran = flowstitch(['run', 'live.pcap', '--out', 'out'], { cwd: folder });
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(
    ran.stdout,
    /\n1 capture still being written, up to the last whole packet; the next run takes them anew:\n {2}live\.pcap: 9 packets so far\n/,
  );
  const inspected = flowstitch(['inspect', 'live.pcap'], { cwd: folder });
  assert.equal(inspected.code, 0);
  assert.match(inspected.stdout, /status {6}open, .*still be growing/);
  written(join(folder, 'live.pcap'), HOUR_S);
  assert.equal(flowstitch(['run', 'live.pcap', '--out', 'out'], { cwd: folder }).code, 2);
  assert.equal(flowstitch(['inspect', 'live.pcap'], { cwd: folder }).code, 2);
});
