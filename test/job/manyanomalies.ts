/**
 * A job over many captures whose anomalies overflow their lists: run as a program under a small heap by
 * parts.test.ts. Says how many rows the table of anomalies has, and fails unless all are there.
 *
 *   node --max-old-space-size=128 manyanomalies.ts CAPTURES
 */

import { join } from 'node:path';
import { AnomalyLog } from '../../shared/capture/anomaly.ts';
import { startJob } from '../../shared/control/start.ts';
import { PacketColumns } from '../../shared/packet/columns.ts';
import { PacketDecoder } from '../../shared/packet/decode.ts';
import { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import { FragmentColumns } from '../../shared/packet/fragmentcolumns.ts';
import { openResults } from '../../shared/query/results.ts';
import { InProcessQueue } from '../../shared/queue/inprocess.ts';
import type { CaptureRef, CaptureSource } from '../../shared/store/capturesource.ts';
import { plainConfig, random, temporaryFolder, Workplace } from './harness.ts';

const ETHERTYPES = [0x0800, 0x86dd, 0x8100, 0x8847, 0x8864, 0x88be];
const PROTOCOLS = [6, 17, 1, 58, 47, 4, 41, 0, 44, 132];

/** Packets of which each gives an anomaly whose list was not yet full, and the rows that they give. */
function oddPackets(): { packets: Uint8Array[]; rows: number } {
  const next = random(5);
  const log = new AnomalyLog();
  const flows = new FlowTable();
  const counts = new Map<string, number>();
  let names: string[] = [];
  const decoder = new PacketDecoder({ keyVlan: false }, new PacketColumns(4), flows, new FragmentColumns(4), {
    anomaly: (name) => names.push(name),
  });
  const packets: Uint8Array[] = [];
  for (let i = 0; i < 30_000; i++) {
    const bytes = Uint8Array.from({ length: 14 + Math.floor(next() * 50) }, () => Math.floor(next() * 256));
    const type = ETHERTYPES[i % ETHERTYPES.length];
    bytes.set([type >> 8, type & 255], 12);
    if (type === 0x0800 && bytes.length > 24) {
      bytes[14] = 0x45;
      bytes[20] = bytes[21] = 0;
      bytes[23] = PROTOCOLS[Math.floor(next() * PROTOCOLS.length)];
      if (next() < 0.7) bytes.set([0, bytes.length - 14], 16);
    }
    names = [];
    decoder.packet(bytes, 0, bytes.length, bytes.length, 1, 0, 1, 0);
    if (!names.some((name) => (counts.get(name) ?? 0) < 27)) continue;
    packets.push(bytes);
    for (const name of names) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      log.anomaly(name, 0, 0, 0, '');
    }
  }
  return { packets, rows: log.rows.length };
}

const { packets, rows } = oddPackets();

class OddCaptures implements CaptureSource {
  async *stream({ name }: CaptureRef, limit = Number.POSITIVE_INFINITY): AsyncIterable<Uint8Array> {
    const bytes = new DataView(new ArrayBuffer(packets.reduce((sum, { length }) => sum + 16 + length, 24)));
    bytes.setUint32(0, 0xa1b2c3d4, true);
    bytes.setUint32(4, 0x00040002, true);
    bytes.setUint32(16, 65_535, true);
    bytes.setUint32(20, 1, true);
    let at = 24;
    for (const packet of packets) {
      bytes.setUint32(at, 1_700_000_000 + Number(name), true);
      bytes.setUint32(at + 8, packet.length, true);
      bytes.setUint32(at + 12, packet.length, true);
      new Uint8Array(bytes.buffer).set(packet, at + 16);
      at += 16 + packet.length;
    }
    yield new Uint8Array(bytes.buffer).subarray(0, limit);
  }
}

const captures = Number(process.argv[2]);
using folder = temporaryFolder();
const place = new Workplace(folder.path);
place.captures = new OddCaptures();
const queue = new InProcessQueue();
const refs = Array.from({ length: captures }, (_, i) => ({
  name: `${i}`,
  location: `${i}`,
  size: 20_000,
  version: '1',
}));
const { job } = await startJob(place.store, queue, plainConfig({ sizes: { taskBytes: 2_000_000 } }), refs);
await place.drain(queue, () => 0);
const { files } = await place.summary(job.job);
const open = await openResults({ anomalies: files.anomalies.map((key) => join(folder.path, key)) });
const { rows: counted } = await open.runQuery(
  'SELECT count(*), count(DISTINCT capture), count(*) FILTER (WHERE count > 1) > 0 FROM anomalies',
);
open.close();
const [found, of] = counted[0].map(Number);
if (found < captures * rows || of !== captures)
  throw new Error(`${found} rows of ${of} captures, not ${captures * rows}`);
console.log(`${found} anomalies, ${rows} or more of each capture; ${packets.length} packets each`);
