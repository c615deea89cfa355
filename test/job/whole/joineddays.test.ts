/**
 * A data set that grows by a capture at a time over days: the files of a day that is complete are joined, a late capture has
 * them written again, and what joining costs is counted.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startJob } from '../../../shared/control/start.ts';
import { chainsPrefix, isSessionRun } from '../../../shared/job/protocol/keys.ts';
import type { Chain } from '../../../shared/job/tasks/interval.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import type { CaptureRef } from '../../../shared/store/capturesource.ts';
import { getJson } from '../../../shared/store/jsonobject.ts';
import type { ByteRange, ObjectHead } from '../../../shared/store/objectstore.ts';
import { writePcap } from '../../capture/build.ts';
import {
  captureRefs,
  type Ended,
  firstDifference,
  inOrder,
  lines,
  plainConfig,
  readTables,
  runJob,
  temporaryFolder,
  Workplace,
} from '../harness.ts';
import { MemoryStore } from '../memorystore.ts';

const RAW_IP = 101;
const DAY = '2023-11-14';
const START_US = Date.parse(`${DAY}T00:00:00Z`) * 1000;
const HOUR_US = 3600e6;
const CONFIG = plainConfig({ packets: true });

/** A datagram of a client to a server's port 53: an answer of DNS, which turns its session when it is the first message, or nothing. */
function datagram(client: number, isAnswer = false): Uint8Array {
  const message = isAnswer ? [0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1] : [0, 0, 0, 0];
  const bytes = new Uint8Array(28 + message.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x45000000 | bytes.length);
  view.setUint32(8, 0x40110000);
  view.setUint32(12, 0x0a000000 + client);
  view.setUint32(16, 0x0b000001);
  view.setUint16(20, 1000);
  view.setUint16(22, 53);
  view.setUint16(24, 8 + message.length);
  bytes.set(message, 28);
  return bytes;
}

/** A session of DNS ends when it is silent for 9 s. */
const GAP_US = 5e6;
/** A session that is long for a datagram's: from the day's last half minute on to the third hour of the next, where it turns. */
const LONG = 5000;
const LONG_FROM_US = 24 * HOUR_US - 30e6;
const LONG_TO_US = 26 * HOUR_US + 20e6;

/**
 * A capture of one hour: three sessions of one client, and one that begins in the hour's last seconds and turns in the next.
 * @param long whether there is the long session
 */
async function capture(folder: string, hour: number, { client = 1000 + hour, long = false } = {}): Promise<CaptureRef> {
  const path = join(folder, `hour-${String(hour).padStart(2, '0')}-${client}`);
  const fromUs = hour * HOUR_US;
  const toUs = fromUs + HOUR_US;
  const packets = [
    { us: fromUs + 1, bytes: datagram(2000 + hour - 1, true) },
    ...[0, 1, 2].map((at) => ({ us: fromUs + 1e6 + at * 600e6, bytes: datagram(client) })),
    { us: toUs - GAP_US, bytes: datagram(2000 + hour) },
  ];
  if (long)
    for (let us = LONG_FROM_US; us <= LONG_TO_US; us += GAP_US)
      if (us >= fromUs && us < toUs) packets.push({ us, bytes: datagram(LONG, us >= 26 * HOUR_US) });
  packets.sort((a, b) => a.us - b.us);
  const records = packets.map(({ us, bytes }) => ({ us: START_US + us, ns: 0, bytes }));
  writeFileSync(path, writePcap(records, { linkType: RAW_IP }));
  return (await captureRefs([path]))[0];
}

/** Counts what is read, and what is looked for. */
class CountingStore extends MemoryStore {
  requests = 0;

  override async head(key: string): Promise<ObjectHead | undefined> {
    this.requests++;
    return super.head(key);
  }

  override async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    this.requests++;
    return super.get(key, range);
  }
}

/** A data set that grows. */
class Growing {
  readonly place: Workplace;
  readonly store = new CountingStore();

  constructor(folder: string) {
    this.place = new Workplace(folder);
    this.place.store = this.store;
  }

  async job(captures: readonly CaptureRef[]): Promise<Ended> {
    const { place, store } = this;
    const queue = new InProcessQueue();
    const { job } = await startJob(store, queue, CONFIG, captures);
    await place.drain(queue, () => 0);
    const summary = (await getJson<Ended['summary']>(store, `jobs/${job.job}/summary.json`))!;
    return { job: job.job, summary, tables: await readTables(place.folder, summary.files) };
  }

  async chain(): Promise<Chain['intervals']> {
    for await (const { key } of this.store.list(chainsPrefix('test')))
      return (await getJson<Chain>(this.store, key))!.intervals;
    return [];
  }
}

const filesOf = ({ summary }: Ended, table: 'sessions' | 'packets', day = DAY): string[] =>
  summary.files[table].filter((key) => key.includes(`dt=${day}`));

function assertSame(actual: Ended, expected: Ended): void {
  for (const table of ['sessions', 'packets', 'captures', 'anomalies'] as const)
    assert.equal(
      firstDifference(lines(inOrder(table, actual.tables[table])), lines(inOrder(table, expected.tables[table]))),
      null,
      table,
    );
}

/** Numbers of the intervals whose rows are in the joined files of a table's day, by the number of that with which they stand. */
function joinedInto(chain: Chain['intervals'], table: string): Record<number, number[]> {
  const into: Record<number, number[]> = {};
  for (const [number, { joined }] of chain.entries())
    for (const of of joined)
      if (of.table === table && of.day === DAY) {
        const at = chain.findIndex((interval) => interval.chain === of.into);
        into[at] = [...(into[at] ?? []), number];
      }
  return into;
}

test('the files of a complete day become those of one interval, byte for byte; every other job costs the same requests', async () => {
  using folder = temporaryFolder();
  const captures: CaptureRef[] = [];
  const grown = new Growing(join(folder.path, 'grown'));
  const firstHour = 12;
  const hours = 16;
  const jobs: { requests: number; files: number }[] = [];
  let last: Ended | undefined;
  for (let at = 0; at < hours; at++) {
    captures.push(await capture(folder.path, firstHour + at));
    const before = grown.store.requests;
    last = await grown.job(captures);
    const files = filesOf(last, 'sessions').length + filesOf(last, 'packets').length;
    jobs.push({ requests: grown.store.requests - before, files });
  }
  assert.ok(last !== undefined);
  const whole = await runJob(join(folder.path, 'whole'), captures, CONFIG);
  assertSame(last, whole);
  for (const table of ['sessions', 'packets'] as const) {
    const files = filesOf(last, table);
    assert.equal(files.length, 1, table);
    const bytes = (place: string, key: string): Buffer => readFileSync(join(folder.path, place, key));
    assert.deepEqual(bytes('grown', files[0]), bytes('whole', filesOf(whole, table)[0]), table);
  }
  // The day's last interval is made by the job after the first of the next day.
  const joining = 24 - firstHour + 1;
  assert.ok(jobs[joining - 1].files > 2 * 8, `${jobs[joining - 1].files} files before`);
  assert.equal(jobs[joining].files, 2);
  const usual = jobs[joining + 1].requests;
  for (const [at, { requests }] of jobs.entries())
    if (at >= 2 && at !== joining) assert.equal(requests, usual, `job ${at}`);
  // Of each interval and table: the list of names and its part; the end twice, its run, and whether it is there. And of each
  // of the two tasks: its specification, done key and the like.
  const intervals = joining - 1;
  const more = jobs[joining].requests - usual;
  assert.ok(more > 0 && more <= 2 * (6 * (intervals + 1) + 30), `${more} requests more for ${intervals} intervals`);
});

test('a session that turns after its day was joined, and a late capture, have the joined day written again', async () => {
  using folder = temporaryFolder();
  const captures: CaptureRef[] = [];
  const grown = new Growing(join(folder.path, 'grown'));
  const firstHour = 13;
  let last: Ended | undefined;
  let packetsBefore: string[] = [];
  for (let hour = firstHour; hour < 28; hour++) {
    captures.push(await capture(folder.path, hour, { long: true }));
    if (last !== undefined) packetsBefore = filesOf(last, 'packets');
    last = await grown.job(captures);
    // The long session turns here: all of its packets' files are others.
    if (hour === 26)
      assert.deepEqual(
        filesOf(last, 'packets').filter((key) => packetsBefore.includes(key)),
        [],
      );
  }
  assert.ok(last !== undefined);
  const day = Array.from({ length: 24 - firstHour }, (_, number) => number);
  const chain = await grown.chain();
  // In the interval behind the day one more session ends. It has more packets of the long one than all of the day: they stay.
  assert.deepEqual(joinedInto(chain, 'sessions'), { [day.length]: [...day, day.length] });
  assert.deepEqual(joinedInto(chain, 'packets'), { [day.length - 1]: day });
  assertSame(last, await runJob(join(folder.path, 'whole'), captures, CONFIG));

  const lateHour = 18;
  captures.push(await capture(folder.path, lateHour, { client: 4000 }));
  const late = await grown.job(captures);
  const after = await grown.chain();
  const kept = lateHour - firstHour;
  assert.deepEqual(
    after.flatMap(({ job }, number) => (job === late.job ? [] : [number])),
    day.slice(0, kept),
  );
  assert.deepEqual(joinedInto(after, 'packets')[kept - 1], day.slice(0, kept));
  const whole = await runJob(join(folder.path, 'whole'), captures, CONFIG);
  assertSame(late, whole);

  // Once more, where runs of the day's third interval are gone: it is made again, and what comes before it is kept.
  for (const key of [...grown.store.objects.keys()])
    if (isSessionRun(key) && key.startsWith(`jobs/${after[2].job}/`)) await grown.store.remove([key]);
  captures.push(await capture(folder.path, lateHour - 1, { client: 4001 }));
  const again = await grown.job(captures);
  assert.deepEqual(
    (await grown.chain()).flatMap(({ job }, number) => (job === again.job ? [] : [number])),
    [0, 1],
  );
  assertSame(again, await runJob(join(folder.path, 'whole'), captures, CONFIG));
});
