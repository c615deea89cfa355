/**
 * Cut invariance: the tables are the same, row for row, however a stream of packets
 * in time order is cut into files, whatever these are called and however the job is
 * divided. SEED=<n> ITERATIONS=1 repeats the one iteration that a failure names.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobConfig } from '../../../shared/job/jobconfig.ts';
import { type CorpusEntry, corpusEntries, corpusPath, noCorpus, RANDOM_WALKS } from '../corpus.ts';
import {
  byTime,
  cutStream,
  demoPackets,
  isWritable,
  meaninglessNames,
  type Packet,
  readPackets,
  writePieces,
  writeWhole,
} from '../cutting.ts';
import {
  between,
  captureRefs,
  type Ended,
  firstDifference,
  inOrder,
  lines,
  PROVENANCE,
  pick,
  plainConfig,
  random,
  runJob,
  SEED,
  shuffled,
  temporaryFolder,
} from '../harness.ts';
import { tunnelTraffic } from '../tunneltraffic.ts';

const ITERATIONS = Number(process.env.ITERATIONS ?? 24);
/** The most packets of a capture taken from the corpus: an iteration is to take a second or two. */
const MOST_PACKETS = 6000;

interface Source {
  name: string;
  packets: readonly Packet[];
}

async function demoStream(): Promise<Source> {
  return { name: 'the demo', packets: await demoPackets() };
}

/** A capture of the corpus that reads to its end and that both formats can say. */
async function corpusStream(entries: readonly CorpusEntry[], next: () => number): Promise<Source> {
  const least = next() < 0.6 ? 100 : 2;
  const candidates = entries.filter(({ packets, odd }) => packets >= least && packets <= MOST_PACKETS && odd === '');
  for (;;) {
    const { capture } = pick(next, candidates);
    const { packets, status } = await readPackets(corpusPath(capture));
    if (status !== 'complete' || packets.length === 0 || !isWritable(packets)) continue;
    return { name: capture, packets: packets.sort(byTime) };
  }
}

/**
 * The stream with its times cut to ticks, so that many packets share one and the order of
 * captures decides; its order stays as it was.
 */
function coarse(source: Source, tickUs: number): Source {
  const packets = source.packets.map((packet) => ({ ...packet, us: Math.floor(packet.us / tickUs) * tickUs, ns: 0 }));
  return { name: `${source.name} in ticks of ${tickUs} us`, packets };
}

/**
 * A configuration that divides the job at random but asks for the same tables as `plain`. Bounds
 * grow with the packets, so that the pieces stay countable: a group of one row each would open
 * every shard once a row.
 */
function randomDivision(next: () => number, plain: JobConfig, packets: number): JobConfig {
  return {
    ...plain,
    sharding: {
      buckets: pick(next, [1, 7, 64, 1024]),
      seed: between(next, 0, 2 ** 32 - 1),
      by: pick(next, ['5tuple', '4tuple', '2tuple'] as const),
    },
    sizes: {
      taskBytes: pick(next, [1, 4000, 60_000, 1 << 20, 256 << 20]),
      shardRows: Math.max(pick(next, [100, 300, 2000, 1_500_000]), Math.ceil(packets / 40)),
      batchRows: pick(next, [1, 7, 100, 16_384]),
      partitionRows: Math.max(pick(next, [1, 50, 500, 2_000_000]), Math.ceil(packets / 16)),
      partitions: between(next, 1, 12),
      openRows: Math.max(pick(next, [1, 40, 1000, 1_000_000]), Math.ceil(packets / 60)),
      directReads: pick(next, [0, 40, 1_000_000]),
      readBytes: pick(next, [2000, 20_000, 1_000_000]),
      intervalRows: Math.max(pick(next, [1, 100, 1000, 1_000_000]), Math.ceil(packets / 20)),
      intervalShards: pick(next, [1, 3, 1000]),
      fileRows: pick(next, [40, 1000, 1_000_000]),
    },
  };
}

async function uncut(folder: string, source: Source, config: JobConfig): Promise<Ended> {
  const path = join(folder, 'whole');
  writeWhole(path, source.packets);
  return runJob(join(folder, 'uncut'), await captureRefs([path]), config);
}

function assertSameTables(actual: Ended, expected: Ended, context: string): void {
  for (const table of ['sessions', 'packets'] as const) {
    const difference = firstDifference(
      lines(inOrder(table, actual.tables[table]), PROVENANCE[table]),
      lines(inOrder(table, expected.tables[table]), PROVENANCE[table]),
    );
    assert.equal(difference, null, `${table} differ from those of the uncut run: ${context}\n${difference}`);
  }
}

/** Runs a source uncut and cut, and compares. */
async function checkCut(source: Source, next: () => number, context: string): Promise<void> {
  using folder = temporaryFolder();
  const plain = plainConfig({ packets: next() < 0.4, decode: { keyVlan: next() < 0.2, keyVni: next() < 0.2 } });
  const expected = await uncut(folder.path, source, plain);
  const pieces = cutStream(source.packets, between(next, 1, 50), next);
  // Captures without packets change nothing.
  if (next() < 0.2) pieces.push([]);
  const files = writePieces(join(folder.path, 'cut'), pieces, meaninglessNames(pieces.length, next), next);
  const config = randomDivision(next, plain, source.packets.length);
  const actual = await runJob(join(folder.path, 'out'), shuffled(next, await captureRefs(files)), config, next);
  const asked = JSON.stringify({ pieces: pieces.length, packets: plain.packets, ...config.sharding, ...config.sizes });
  assertSameTables(actual, expected, `${context}, ${source.name}, ${source.packets.length} packets, ${asked}`);
  assert.equal(actual.summary.packets, source.packets.length, context);
}

test(`sessions and packets do not depend on how a stream is cut into files (seed ${SEED})`, async (t) => {
  const entries = noCorpus === false ? corpusEntries() : [];
  if (noCorpus !== false) t.diagnostic(`${noCorpus}: the demo's captures alone are cut`);
  for (let i = 0; i < ITERATIONS; i++) {
    const next = random(SEED + i);
    const source = entries.length === 0 || next() < 0.3 ? await demoStream() : await corpusStream(entries, next);
    const given = next() < 0.5 ? source : coarse(source, pick(next, [10_000, 1_000_000, 20_000_000]));
    await checkCut(given, next, `SEED=${SEED + i} ITERATIONS=1`);
  }
});

test(`tunnels, and fragments in and around them, do not depend on how they are cut (seed ${SEED})`, async () => {
  for (let i = 0; i < Math.min(ITERATIONS, 6); i++) {
    const next = random(SEED + i);
    await checkCut({ name: 'tunnels', packets: tunnelTraffic(next, 60) }, next, `SEED=${SEED + i} ITERATIONS=1`);
  }
});

test(`captures of tunnels do not depend on how they are cut (seed ${SEED})`, { skip: noCorpus }, async () => {
  const kinds = /tunnels|gre|gtp|vxlan|geneve|erspan|teredo|ip_in_ip|ayiya/i;
  const entries = corpusEntries().filter(({ capture }) => kinds.test(capture));
  for (let i = 0; i < Math.min(ITERATIONS, 6); i++) {
    const next = random(SEED + i);
    await checkCut(await corpusStream(entries, next), next, `SEED=${SEED + i} ITERATIONS=1`);
  }
});

test(`random walks over hours do not depend on how they are cut (seed ${SEED})`, { skip: noCorpus }, async () => {
  const { packets } = await readPackets(RANDOM_WALKS);
  const source = { name: 'random walks', packets: packets.sort(byTime) };
  await checkCut(source, random(SEED), `SEED=${SEED}`);
});
