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
import { byTime, demoCaptures, meaninglessNames, type Packet, readPackets, writePieces } from './cutting.ts';
import {
  between,
  captureRefs,
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
} from './harness.ts';

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
