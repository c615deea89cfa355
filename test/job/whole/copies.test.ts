/** Captures that hold the same packets as another one are passed over, unless they are to be kept. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobConfig, Sizes } from '../../../shared/job/jobconfig.ts';
import { gzip, writePcap, writePcapng, zstd } from '../../capture/build.ts';
import { ethernet } from '../../packet/harness.ts';
import { byTime, demoCaptures, type Packet, readPackets } from '../cutting.ts';
import {
  captureRefs,
  type Ended,
  firstDifference,
  lines,
  pick,
  plainConfig,
  type Row,
  random,
  runJob,
  SEED,
  shuffled,
  temporaryFolder,
} from '../harness.ts';
import { tunnelTraffic } from '../tunneltraffic.ts';

const ITERATIONS = Number(process.env.ITERATIONS ?? 3);
const FATES = ['packets_in_sessions', 'fragments_completed', 'fragments_incomplete', 'not_ip', 'undecodable'];

/** The demo's packets, tunnels among them, and some that cannot be decoded: in two captures that overlap in time. */
async function traffic(): Promise<[Packet[], Packet[]]> {
  const packets: Packet[] = [];
  for (const path of demoCaptures()) packets.push(...(await readPackets(path)).packets);
  packets.sort(byTime);
  const [{ us }] = packets;
  for (const packet of tunnelTraffic(random(1), 40)) packets.push(packet);
  const cut = ethernet('0800', Uint8Array.of(0x45, 0, 0, 40));
  for (let i = 0; i < 40; i++) packets.push({ us: us + 1000 * i, ns: 0, bytes: cut, origLen: cut.length, linkType: 1 });
  packets.sort(byTime);
  const half = packets.length / 2;
  const overlap = packets.filter((_, at) => at > half - 200 && at < half + 200);
  return [
    [...packets.slice(0, half - 200), ...overlap.filter((_, at) => at % 2 === 0)],
    [...overlap.filter((_, at) => at % 2 === 1), ...packets.slice(half + 200)],
  ];
}

const [FIRST, SECOND] = await traffic();
const isFine = [...FIRST, ...SECOND].some(({ ns }) => ns !== 0);
const pcap = (packets: readonly Packet[], bigEndian = false): Uint8Array =>
  writePcap([...packets], { bigEndian, nano: isFine });
const pcapng = (packets: readonly Packet[]): Uint8Array =>
  writePcapng([...packets], { interfaces: [{ linkType: 1, tsresol: isFine ? 9 : 6 }] });

/** A job over captures with these names and bytes. */
async function run(
  folder: string,
  captures: Readonly<Record<string, Uint8Array>>,
  changes: Partial<Omit<JobConfig, 'sizes'>> & { sizes?: Partial<Sizes> } = {},
  next: () => number = () => 0,
): Promise<Ended> {
  const place = join(folder, 'in');
  mkdirSync(place, { recursive: true });
  const paths = Object.entries(captures).map(([name, bytes]) => {
    const path = join(place, name);
    // A second job over them finds them as they were.
    if (!existsSync(path)) writeFileSync(path, bytes);
    return path;
  });
  const refs = shuffled(next, await captureRefs(paths));
  return runJob(join(folder, 'out'), refs, plainConfig({ packets: true, ...changes }), next);
}

const rowOf = ({ tables }: Ended, name: string): Row => tables.captures.find(({ capture }) => capture === name)!;
const named = ({ tables }: Ended, anomaly: string): Row[] => tables.anomalies.filter(({ name }) => name === anomaly);
const usedNames = ({ tables }: Ended): string[] =>
  tables.captures.filter(({ copy_of }) => copy_of === null).map(({ capture }) => String(capture));

test(`copies under any name, in any form and division of the job change no row of sessions and packets (seed ${SEED})`, async () => {
  using alone = temporaryFolder();
  const expected = await run(alone.path, { 'b.pcap': pcap(FIRST), 'm.pcap': pcap(SECOND) });
  assert.ok(named(expected, 'truncated_IP').length > 1, 'the captures have anomalies, which a copy must not double');
  for (let i = 0; i < ITERATIONS; i++) {
    using folder = temporaryFolder();
    const next = random(SEED + i);
    const copies = {
      'b.pcap.gz': gzip(pcap(FIRST)),
      'c.pcapng': pcapng(FIRST),
      'z.pcap': pcap(FIRST, true),
      'n.pcap.zst': zstd(pcap(SECOND)),
    };
    const ended = await run(
      folder.path,
      { 'b.pcap': pcap(FIRST), 'm.pcap': pcap(SECOND), ...copies },
      {
        sharding: { buckets: pick(next, [1, 7, 64, 1024]), seed: 7, by: '5tuple' },
        sizes: {
          taskBytes: pick(next, [1, 300_000, 256 << 20]),
          shardRows: pick(next, [100, 1_500_000]),
          openRows: pick(next, [40, 1_000_000]),
          partitionRows: pick(next, [200, 2_000_000]),
        },
      },
      next,
    );
    const again = `SEED=${SEED + i} ITERATIONS=1`;
    for (const table of ['sessions', 'packets', 'anomalies'] as const) {
      const rows = ended.tables[table].filter(({ name }) => name !== 'duplicate_capture');
      const difference = firstDifference(lines(rows).sort(), lines(expected.tables[table]).sort());
      assert.equal(difference, null, `${table}: ${again}\n${difference}`);
    }
    assert.deepEqual(usedNames(ended).sort(), ['b.pcap', 'm.pcap'], again);
  }
});

test('a copy is told in captures, anomalies and the summary, and its packets are accounted for', async () => {
  using folder = temporaryFolder();
  const ended = await run(folder.path, {
    'a.pcap': pcap(FIRST),
    'a.pcap.gz': gzip(pcap(FIRST)),
    'c.pcap': pcap(FIRST),
  });
  const { summary, tables } = ended;
  assert.deepEqual(usedNames(ended), ['a.pcap']);
  for (const name of ['a.pcap.gz', 'c.pcap']) {
    const row = rowOf(ended, name);
    assert.deepEqual(
      [row.status, row.copy_of, row.packets, row.packets_of_copy, row.undecodable_reasons, row.digest],
      ['copy', 'a.pcap', BigInt(FIRST.length), BigInt(FIRST.length), '', rowOf(ended, 'a.pcap').digest],
    );
    assert.deepEqual(new Set(FATES.map((fate) => row[fate])), new Set([0n]));
  }
  assert.deepEqual(
    summary.copies.toSorted((a, b) => (a.capture < b.capture ? -1 : 1)),
    [
      { capture: 'a.pcap.gz', of: 'a.pcap' },
      { capture: 'c.pcap', of: 'a.pcap' },
    ],
  );
  assert.equal(summary.conservation.read, 3 * FIRST.length);
  assert.equal(summary.conservation.inCopies, 2 * FIRST.length);
  assert.deepEqual(
    named(ended, 'duplicate_capture')
      .map(({ detail }) => detail)
      .sort(),
    [
      'a.pcap.gz holds the same packets as a.pcap; it was passed over',
      'c.pcap holds the same packets as a.pcap; it was passed over',
    ],
  );
  assert.deepEqual(new Set(tables.packets.map(({ capture }) => capture)), new Set(['a.pcap']));
});

test('copies that are kept count like any other capture, and are told', async () => {
  using once = temporaryFolder();
  using folder = temporaryFolder();
  const captures = { 'a.pcap': pcap(FIRST), 'a.pcap.gz': gzip(pcap(FIRST)) };
  const passed = await run(once.path, captures);
  const kept = await run(folder.path, captures, { keepCopies: true });
  assert.deepEqual(usedNames(kept).sort(), ['a.pcap', 'a.pcap.gz']);
  assert.deepEqual([kept.summary.copies, kept.summary.conservation.inCopies], [[], 0]);
  assert.equal(kept.summary.conservation.inSessions, 2 * passed.summary.conservation.inSessions);
  assert.equal(named(kept, 'truncated_IP').length, 2 * named(passed, 'truncated_IP').length);
  assert.deepEqual(
    named(kept, 'duplicate_capture').map(({ detail }) => detail),
    ['a.pcap.gz holds the same packets as a.pcap; both are used'],
  );
});

test('captures that overlap in part, differ in one packet, or have none are no copies of each other', async () => {
  using folder = temporaryFolder();
  const other = FIRST.map((packet, at) => (at === 5 ? { ...packet, us: packet.us + 1 } : packet));
  const ended = await run(folder.path, {
    'all.pcap': pcap(FIRST),
    'last packet cut.pcap': pcap(FIRST).subarray(0, -1),
    'first part.pcap': pcap(FIRST.slice(0, 500)),
    'another time.pcap': pcap(other),
    'none.pcap': pcap([]),
    'none either.pcap': pcap([]),
    'no byte.pcap': new Uint8Array(0),
  });
  assert.deepEqual([ended.summary.copies, named(ended, 'duplicate_capture')], [[], []]);
  const packets = [FIRST.length, FIRST.length - 1, 500, FIRST.length];
  assert.equal(
    ended.summary.conservation.read,
    packets.reduce((a, b) => a + b),
  );
  assert.equal(ended.summary.conservation.inCopies, 0);
});

test('of a capture and its copy with damage behind the last packet the sound one is used, and nothing is lost', async () => {
  using folder = temporaryFolder();
  const sound = pcap(FIRST);
  const ended = await run(folder.path, { 'a.pcap': Buffer.concat([sound, Buffer.of(1, 2, 3)]), 'z.pcap': sound });
  assert.deepEqual(ended.summary.copies, [{ capture: 'a.pcap', of: 'z.pcap' }]);
  assert.deepEqual(ended.summary.damaged, []);
  const { status, damage_reason } = rowOf(ended, 'a.pcap');
  assert.deepEqual([status, damage_reason], ['copy', 'truncated_record_header']);
});

test('a job that keeps copies uses the shards of one that passes them over', async () => {
  using folder = temporaryFolder();
  const captures = { 'a.pcap': pcap(FIRST), 'a.pcap.gz': gzip(pcap(FIRST)) };
  const first = await run(folder.path, captures);
  const second = await run(folder.path, captures, { keepCopies: true });
  assert.notEqual(second.job, first.job);
  assert.equal(second.summary.reusedTasks, second.summary.mapTasks);
});
