/**
 * A whole job at any time that the readers let through: packets moved in time give the same
 * rows, moved, from map to the published files with their days.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MAX_US } from '../../../shared/capture/facts.ts';
import { writePcapng } from '../../capture/build.ts';
import { ipv4, tcp } from '../../packet/harness.ts';
import { byTime, demoCaptures, type Packet, readPackets } from '../cutting.ts';
import {
  captureRefs,
  firstDifference,
  lines,
  plainConfig,
  type Row,
  random,
  runJob,
  SEED,
  temporaryFolder,
} from '../harness.ts';

const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;

/** Rows with their times as they were before they were moved; uids are hashes of times. */
function movedBack(rows: readonly Row[], by: number): string[] {
  const back = rows.map((row) => {
    const times = Object.entries(row)
      .filter(([name]) => name.endsWith('_ns') || name === 'frag_of')
      .map(([name, value]) => [name, value === null ? null : (value as bigint) - BigInt(by) * 1000n]);
    return { ...row, ...Object.fromEntries(times) };
  });
  return lines(back, ['ts', 'uid', 'dt']).sort();
}

/** Three SYNs of one flow: the second ends the session of the first, the third comes when that of the second has ended. */
const THREE_SYNS: Packet[] = [100_000, 100_001, 10 * SECOND].map((us) => {
  const bytes = ipv4(tcp(40000, 80, new Uint8Array(0), { flags: 2, seq: us }), { proto: 6 });
  return { us, ns: 0, bytes, origLen: bytes.length, linkType: 101 };
});

test(`a job over packets moved to any time gives the same rows, moved (seed ${SEED})`, async () => {
  const sources: Packet[][] = [THREE_SYNS];
  for (const path of demoCaptures()) sources.push((await readPackets(path)).packets.sort(byTime));
  // They come from different years: let them overlap.
  const streams = sources.map((packets) => packets.map((packet) => ({ ...packet, us: packet.us - packets[0].us })));
  const length = Math.max(...streams.flat().map(({ us }) => us));
  assert.ok(length < DAY, 'the streams are short enough to be put before the end of time');

  using folder = temporaryFolder();
  const rowsAt = async (start: number): Promise<{ sessions: string[]; packets: string[]; days: Set<string> }> => {
    const place = join(folder.path, `at-${start}`);
    mkdirSync(place);
    const paths = streams.map((packets, i) => {
      const path = join(place, `${i}.pcapng`);
      const links = [...new Set(packets.map(({ linkType }) => linkType))];
      const records = packets.map((packet) => ({
        ...packet,
        us: packet.us + start,
        interface: links.indexOf(packet.linkType),
      }));
      const interfaces = links.map((linkType) => ({ linkType, snaplen: 262_144, tsresol: 9 }));
      writeFileSync(path, writePcapng(records, { interfaces }));
      return path;
    });
    const config = { ...plainConfig(), packets: true };
    const { summary, tables } = await runJob(join(place, 'out'), await captureRefs(paths), config, random(SEED));
    for (const { ts, ts_ns: ns } of tables.sessions)
      assert.equal(BigInt(Math.floor(Number(BigInt(ns as bigint) / 1_000_000n))), milliseconds(ts), `ts at ${start}`);
    const days = new Set(summary.files.sessions.map((file) => /dt=([-0-9]+)/.exec(file)?.[1] ?? file));
    return {
      sessions: movedBack(tables.sessions, start),
      packets: movedBack(tables.packets, start),
      days,
    };
  };
  const middle = 1_600_000_000 * SECOND;
  const expected = await rowsAt(middle);
  assert.ok(expected.sessions.length > 50, `${expected.sessions.length} sessions are too few to tell anything`);
  for (const start of [
    0,
    2 ** 31 * SECOND - Math.floor(length / 2),
    2 ** 32 * SECOND - Math.floor(length / 2),
    2 ** 51 - Math.floor(length / 2),
    2 ** 51,
    Date.UTC(2055, 0) * 1000,
    MAX_US - length,
  ]) {
    const moved = await rowsAt(start);
    assert.equal(firstDifference(moved.sessions, expected.sessions), null, `sessions from ${start} on`);
    assert.equal(firstDifference(moved.packets, expected.packets), null, `packets from ${start} on`);
    const first = new Date(Math.floor(start / 1000)).toISOString().slice(0, 10);
    assert.ok(moved.days.has(first), `no file of ${first} among ${[...moved.days].join()}`);
  }
});

/** A TIMESTAMP as it comes out of a query, in milliseconds. */
function milliseconds(value: unknown): bigint {
  if (value instanceof Date) return BigInt(value.getTime());
  if (typeof value === 'bigint') return value / 1000n;
  if (typeof value === 'object' && value !== null && 'micros' in value) return (value.micros as bigint) / 1000n;
  return BigInt(Date.parse(`${String(value).replace(' ', 'T')}Z`));
}
