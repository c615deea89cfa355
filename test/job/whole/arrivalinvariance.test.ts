/**
 * Arrival invariance: however a list of captures is divided into jobs, and in whatever order they come, the tables after
 * the last job are those of one job over all of them, row for row. SEED=<n> ITERATIONS=1 repeats the one iteration that a
 * failure names.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startJob } from '../../../shared/control/start.ts';
import type { JobConfig } from '../../../shared/job/jobconfig.ts';
import { chainsPrefix, summaryKey } from '../../../shared/job/protocol/keys.ts';
import type { JobSummary } from '../../../shared/job/summary.ts';
import type { Chain } from '../../../shared/job/tasks/interval.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import type { CaptureRef } from '../../../shared/store/capturesource.ts';
import { getJson } from '../../../shared/store/jsonobject.ts';
import { TABLE_NAMES } from '../../../shared/table/tables.ts';
import { cutStream, demoPackets, meaninglessNames, type Packet, writePieces } from '../cutting.ts';
import {
  between,
  captureRefs,
  type Ended,
  firstDifference,
  inOrder,
  lines,
  pick,
  plainConfig,
  random,
  readTables,
  runJob,
  SEED,
  shuffled,
  temporaryFolder,
  Workplace,
} from '../harness.ts';
import { MemoryStore } from '../memorystore.ts';
import { tunnelTraffic } from '../tunneltraffic.ts';

const ITERATIONS = Number(process.env.ITERATIONS ?? 6);

/** Sizes that give the job many pieces, other ones each time; which rows share a file is the same for all. */
function divided(next: () => number, plain: JobConfig, packets: number): JobConfig {
  return {
    ...plain,
    sizes: {
      ...plain.sizes,
      taskBytes: pick(next, [1, 4000, 60_000, 1 << 20]),
      shardRows: Math.max(pick(next, [100, 300, 2000]), Math.ceil(packets / 40)),
      batchRows: pick(next, [1, 7, 100, 16_384]),
      partitionRows: Math.max(pick(next, [1, 50, 500, 2_000_000]), Math.ceil(packets / 8)),
      partitions: between(next, 1, 5),
      openRows: Math.max(pick(next, [40, 1000, 1_000_000]), Math.ceil(packets / 10)),
      directReads: pick(next, [0, 1_000_000]),
      readBytes: pick(next, [2000, 1_000_000]),
      intervalRows: Math.max(pick(next, [1, 100, 1000, 1_000_000]), Math.ceil(packets / 15)),
      intervalShards: pick(next, [1, 2, 5, 1000]),
    },
  };
}

/** Jobs over a growing list: each has all captures of those before, and some more. Late ones and several at a time. */
function arrivals(next: () => number, captures: readonly CaptureRef[]): CaptureRef[][] {
  const order = next() < 0.4 ? [...captures] : shuffled(next, captures);
  const jobs: CaptureRef[][] = [];
  for (let count = 0; count < order.length; ) {
    count = Math.min(order.length, count + between(next, 1, Math.ceil(order.length / 2)));
    jobs.push(shuffled(next, order.slice(0, count)));
  }
  return jobs;
}

/** One more job over the same data set. */
async function nextJob(
  place: Workplace,
  captures: readonly CaptureRef[],
  config: JobConfig,
  next: () => number,
): Promise<Ended> {
  const queue = new InProcessQueue();
  const { job } = await startJob(place.store, queue, config, captures);
  await place.drain(queue, next);
  const summary = (await getJson<JobSummary>(place.store, summaryKey(job.job)))!;
  return { job: job.job, summary, tables: await readTables(place.folder, summary.files) };
}

function assertSame(actual: Ended, expected: Ended, context: string): void {
  for (const table of TABLE_NAMES) {
    const difference = firstDifference(
      lines(inOrder(table, actual.tables[table])),
      lines(inOrder(table, expected.tables[table])),
    );
    assert.equal(difference, null, `${table} differ from those of one job: ${context}\n${difference}`);
  }
}

for (let iteration = 0; iteration < ITERATIONS; iteration++) {
  const seed = SEED + iteration;
  test(`captures that come in several jobs give the tables of one job (seed ${seed})`, async () => {
    const next = random(seed);
    const packets = next() < 0.6 ? await demoPackets() : tunnelTraffic(next, 300);
    using folder = temporaryFolder();
    const pieces = cutStream(packets, between(next, 2, 14), next);
    const paths = writePieces(folder.path, pieces, meaninglessNames(pieces.length, next), next);
    const captures = await captureRefs(paths);
    const plain = plainConfig({ packets: next() < 0.7, sizes: { fileRows: pick(next, [200, 1_000_000]) } });
    const whole = await runJob(join(folder.path, 'whole'), captures, divided(next, plain, packets.length), next);
    const jobs = arrivals(next, captures);
    const place = new Workplace(join(folder.path, 'grown'));
    place.store = new MemoryStore();
    let last = whole;
    for (const some of jobs) last = await nextJob(place, some, divided(next, plain, packets.length), next);
    assertSame(last, whole, `seed ${seed}, ${captures.length} captures in jobs of ${jobs.map(({ length }) => length)}`);
  });
}

/** Pieces, one or two neighbours at a time moved two hours apart, over two days: many sessions go on from a piece to the next. */
function overDays(packets: readonly Packet[], next: () => number): Packet[][] {
  const dayUs = 86_400e6;
  const beginUs = packets[0].us;
  const toMidnight = Math.ceil(beginUs / dayUs) * dayUs - beginUs;
  return cutStream(packets, 36, next).map((piece, at) => {
    const moveUs = toMidnight + Math.floor(at * 0.7) * 7200e6;
    return piece.map((packet) => ({ ...packet, us: packet.us + moveUs }));
  });
}

/** Captures in the order of their times, but for some that come late, and one of the first day that comes last. */
function mostlyInOrder(next: () => number, captures: readonly CaptureRef[]): CaptureRef[] {
  const last = Math.floor(captures.length / 4);
  const late = captures.map((_, at) =>
    at === last ? captures.length + 20 : next() < 0.1 ? at + between(next, 5, 20) : at,
  );
  const places = captures.map((capture, at) => ({ capture, at: late[at] }));
  return places.sort((a, b) => a.at - b.at).map(({ capture }) => capture);
}

/** Joined days of a data set, each with the interval it stands with. */
async function joinedDays(store: MemoryStore): Promise<Set<string>> {
  const days = new Set<string>();
  for await (const { key } of store.list(chainsPrefix('test'))) {
    const chain = (await getJson<Chain>(store, key))!;
    for (const { joined } of chain.intervals)
      for (const { table, day, into } of joined) days.add(`${table} ${day} ${into}`);
  }
  return days;
}

for (let iteration = 0; iteration < Math.ceil(ITERATIONS / 3); iteration++) {
  const seed = SEED + iteration;
  test(`days whose files are joined have the rows of one job, also when captures come late (seed ${seed})`, async () => {
    const next = random(seed);
    const packets = await demoPackets();
    using folder = temporaryFolder();
    const pieces = overDays(packets, next);
    const paths = writePieces(folder.path, pieces, meaninglessNames(pieces.length, next), next);
    const captures = mostlyInOrder(next, await captureRefs(paths));
    const plain = plainConfig({ packets: true, sizes: { fileRows: pick(next, [2000, 1_000_000]) } });
    const whole = await runJob(join(folder.path, 'whole'), captures, divided(next, plain, packets.length), next);
    const place = new Workplace(join(folder.path, 'grown'));
    const store = new MemoryStore();
    place.store = store;
    let last = whole;
    let joined = new Set<string>();
    let again = 0;
    for (let count = 0; count < captures.length; ) {
      count = Math.min(captures.length, count + between(next, 2, 5));
      const config = divided(next, plain, packets.length);
      config.sizes.intervalShards = 1;
      last = await nextJob(place, captures.slice(0, count), config, next);
      const days = await joinedDays(store);
      if ([...joined].some((day) => !days.has(day))) again++;
      joined = days;
    }
    assert.ok(again > 0, 'no joined day was made again for a late capture');
    assertSame(last, whole, `seed ${seed}`);
  });
}
