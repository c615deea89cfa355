/**
 * Streams that no order of files can restore (captures that run backwards inside,
 * pieces that lie within one timestamp) still give one result: it depends on what the
 * captures hold and not on their names, the order of listing or the division of the job.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { ethernet, ipv4, udp } from '../../packet/harness.ts';
import { byTime, demoCaptures, meaninglessNames, type Packet, readPackets, writePieces } from '../cutting.ts';
import {
  between,
  captureRefs,
  firstDifference,
  lines,
  PROVENANCE,
  pick,
  plainConfig,
  type Row,
  random,
  runJob,
  SEED,
  shuffled,
  temporaryFolder,
} from '../harness.ts';

const ITERATIONS = Number(process.env.ITERATIONS ?? 4);

/** What a piece holds, apart from how it is written: pieces that hold the same may stand for each other. */
function contentName(piece: readonly Packet[]): string {
  const hash = createHash('sha256');
  for (const { us, ns, bytes, origLen } of piece) hash.update(`${us} ${ns} ${origLen} ${bytes.length} `).update(bytes);
  return hash.digest('hex').slice(0, 16);
}

/** Pieces of the stream with packets out of order, and with times so coarse that whole pieces share one. */
function hardPieces(stream: readonly Packet[], next: () => number): Packet[][] {
  const tick = pick(next, [1, 1000, 200_000, 5_000_000]);
  const packets = stream.map((packet) => ({
    ...packet,
    us: Math.floor(packet.us / tick) * tick,
    ns: tick > 1 ? 0 : packet.ns,
  }));
  const pieces: Packet[][] = [];
  for (let from = 0; from < packets.length; ) {
    const to = from + between(next, 1, 120);
    pieces.push(packets.slice(from, to));
    from = to;
  }
  for (const piece of pieces)
    for (let swaps = next() < 0.5 ? between(next, 1, 20) : 0; swaps > 0; swaps--) {
      const [a, b] = [between(next, 0, piece.length - 1), between(next, 0, piece.length - 1)];
      [piece[a], piece[b]] = [piece[b], piece[a]];
    }
  // The same packets twice, as from two sensors on one line.
  pieces.push([...pick(next, pieces)]);
  return pieces;
}

/**
 * Lines of a table with captures told by what they hold. Of two captures that hold the same
 * either may come first, and their records need not stand at the same offsets.
 */
function byContent(rows: readonly Row[], columns: readonly string[], contents: ReadonlyMap<string, string>): string[] {
  return lines(
    rows.map((row) => ({
      ...row,
      ...Object.fromEntries(columns.map((name) => [name, contents.get(String(row[name]))!])),
    })),
    ['offset'],
  );
}

test(`the result does not depend on names, listing or division where order is lost (seed ${SEED})`, async () => {
  const stream: Packet[] = [];
  for (const path of demoCaptures()) stream.push(...(await readPackets(path)).packets);
  stream.sort(byTime);
  for (let i = 0; i < ITERATIONS; i++) {
    const next = random(SEED + i);
    using folder = temporaryFolder();
    const pieces = hardPieces(stream, next);
    let paths = writePieces(join(folder.path, 'in'), pieces, meaninglessNames(pieces.length, next), next);
    let expected: string[][] | undefined;
    const keepCopies = next() < 0.5;
    for (let naming = 0; naming < 2; naming++) {
      const names = shuffled(next, meaninglessNames(pieces.length, next));
      paths = paths.map((path, at) => {
        const renamed = join(dirname(path), names[at]);
        renameSync(path, renamed);
        return renamed;
      });
      const contents = new Map(paths.map((path, at) => [basename(path), contentName(pieces[at])]));
      const config = plainConfig({
        packets: true,
        keepCopies,
        sharding: { buckets: pick(next, [1, 7, 64, 1024]), seed: between(next, 0, 2 ** 32 - 1), by: '5tuple' },
        sizes: {
          taskBytes: pick(next, [1, 30_000, 256 << 20]),
          shardRows: pick(next, [100, 1_500_000]),
          openRows: pick(next, [40, 1_000_000]),
          partitionRows: pick(next, [200, 2_000_000]),
        },
      });
      const refs = shuffled(next, await captureRefs(paths));
      const { tables } = await runJob(join(folder.path, `out-${naming}`), refs, config, next);
      const told = [
        byContent(tables.sessions, ['capture_first', 'capture_last'], contents),
        byContent(tables.packets, ['capture'], contents),
      ];
      expected ??= told;
      for (const [at, table] of ['sessions', 'packets'].entries()) {
        const difference = firstDifference(told[at], expected[at]);
        assert.equal(difference, null, `${table} depend on names: SEED=${SEED + i} ITERATIONS=1\n${difference}`);
      }
    }
  }
});

/**
 * The first halves of some answers, and a tick later questions and second halves in turns. Only the order of captures
 * and offsets tells what came first; and of two copies only one second half completes an answer.
 */
function inTwoTicks(): Packet[] {
  const packets: Packet[] = [];
  const add = (us: number, bytes: Uint8Array): void => {
    const framed = ethernet('0800', bytes);
    packets.push({ us: 1_700_000_000_000_000 + us, ns: 0, bytes: framed, origLen: framed.length, linkType: 1 });
  };
  const answers = Array.from({ length: 8 }, (_, i) => udp(4001, 4000, new Uint8Array(100 + 8 * i)));
  const back = { src: '10.0.0.2', dst: '10.0.0.1' };
  for (const [id, answer] of answers.entries()) add(0, ipv4(answer.subarray(0, 64), { ...back, id, more: true }));
  for (const [id, answer] of answers.entries()) {
    add(1, ipv4(udp(4000, 4001, new Uint8Array(1 + id))));
    add(1, ipv4(answer.subarray(64), { ...back, id, offset: 64 }));
  }
  return packets;
}

/** How sessions and packets read, apart from which captures they name. */
async function rowsOf(out: string, paths: readonly string[], taskBytes = 256 << 20): Promise<string[][]> {
  // A segment of one bucket is merged as it stands in its shard; others are sorted when they are read.
  const config = plainConfig({
    packets: true,
    sharding: { buckets: 1, seed: 1, by: '5tuple' },
    sizes: { taskBytes },
  });
  const { tables } = await runJob(out, await captureRefs(paths), config);
  return [lines(tables.sessions, PROVENANCE.sessions), lines(tables.packets, PROVENANCE.packets)];
}

function assertSameRows(actual: readonly string[][], expected: readonly string[][], message: string): void {
  for (const [at, table] of ['sessions', 'packets'].entries())
    assert.equal(firstDifference(actual[at], expected[at]), null, `${table}: ${message}`);
}

test('copies of one capture in several forms may be called what they will', async () => {
  using folder = temporaryFolder();
  const packets = inTwoTicks();
  let expected: string[][] | undefined;
  for (const names of [
    ['a', 'b', 'c'],
    ['c', 'b', 'a'],
    ['b', 'c', 'a'],
  ]) {
    const input = join(folder.path, names.join(''));
    // pcap, pcapng and zstd: copies, of which nobody can know before they are read.
    const paths = [0.1, 0.65, 0.9].flatMap((form, at) => writePieces(input, [packets], [names[at]], () => form));
    for (const taskBytes of [1, 256 << 20]) {
      const told = await rowsOf(join(folder.path, `out-${names.join('')}-${taskBytes}`), paths, taskBytes);
      expected ??= told;
      assert.equal(told[0].length, 1);
      assertSameRows(told, expected, `${names}, tasks of ${taskBytes} bytes`);
    }
  }
});

test('copies that were given names crosswise since their shards were made give the rows of a new store', async () => {
  using folder = temporaryFolder();
  const input = join(folder.path, 'in');
  const [first, second] = ['a', 'b'].flatMap((name) => writePieces(input, [inTwoTicks()], [name], () => 0.1));
  const expected = await rowsOf(join(folder.path, 'out'), [first, second]);
  const swap = join(folder.path, 'swap');
  for (const [from, to] of [
    [first, swap],
    [second, first],
    [swap, second],
  ])
    renameSync(from, to);
  assertSameRows(await rowsOf(join(folder.path, 'out'), [first, second]), expected, 'names changed crosswise');
});
