/** Random packets for the tracker: flows of every kind that open, close, flip and fall silent. */
import { PacketColumns } from '../../shared/packet/columns.ts';
import { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import { ACK, FIN, RST, SECOND, SYN, T0 } from './dialogue.ts';

/** mulberry32: a small generator whose whole state is the seed. */
export function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Random packets of a few flows over hours: steps from nothing to minutes. */
export function walk(seed: number, packets: number): { columns: PacketColumns; flows: FlowTable } {
  const next = random(seed);
  const columns = new PacketColumns(packets);
  const flows = new FlowTable();
  const pick = (n: number) => Math.floor(next() * n);
  for (let i = 0; i < 40; i++)
    flows.lookup4(10, 11 + i, ((1000 + i) << 16) | [80, 22, 5000, 53][i % 4], i % 3 === 0 ? 17 : 6, 0, 0);
  let us = T0;
  const steps = [0, 1, 1000, 20_000, 400_000, 3 * SECOND, 30 * SECOND];
  for (let row = 0; row < packets; row++) {
    us += steps[pick(100) < 97 ? pick(5) : pick(7)];
    columns.us[row] = us;
    columns.flow[row] = pick(40);
    columns.tcpFlags[row] = [ACK, ACK, ACK, ACK, SYN, SYN | ACK, FIN | ACK, RST, FIN | RST, 0][pick(10)];
    columns.seq[row] = (0xffffff00 + pick(600)) >>> 0;
    columns.ack[row] = (0xffffff00 + pick(600)) >>> 0;
    columns.payloadLen[row] = pick(2) * pick(300);
    columns.ipLen[row] = 40 + columns.payloadLen[row];
    columns.window[row] = pick(10);
    columns.meta[row] = pick(2) | (pick(20) === 0 ? 8 : 0);
    columns.capture[row] = Math.floor(row / 500);
  }
  columns.length = packets;
  return { columns, flows };
}
