/** The demo's traffic several times over, hours apart, so that a run takes long enough to be disturbed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byTime, demoCaptures, encodePiece, type Packet, readPackets } from '../job/cutting.ts';

const HOUR_US = 3600 * 1e6;

/** Writes a capture for each copy into `folder`, which is created. */
export async function writeTraffic(folder: string, copies: number): Promise<void> {
  const stream: Packet[] = [];
  for (const path of demoCaptures()) stream.push(...(await readPackets(path)).packets);
  stream.sort(byTime);
  mkdirSync(folder, { recursive: true });
  for (let copy = 0; copy < copies; copy++) {
    const packets = stream.map((packet) => ({ ...packet, us: packet.us + copy * HOUR_US }));
    writeFileSync(
      join(folder, `copy-${copy}`),
      encodePiece(packets, () => 0.5),
    );
  }
}
