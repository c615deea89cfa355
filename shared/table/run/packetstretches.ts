/** A chunk of the packets table under construction: what a merge takes, stretch after stretch. */
import type { PacketChunk } from '../packets.ts';
import { CHUNK_ROWS } from '../parquet/chunk.ts';
import type { PacketBatch } from './packetrun.ts';

/** Room for a chunk's stretches, used again for the next chunk. */
export class PacketStretches implements PacketChunk {
  stretches = 0;
  readonly batches: PacketBatch[] = [];
  readonly from = new Uint32Array(CHUNK_ROWS);
  readonly to = new Uint32Array(CHUNK_ROWS);
  readonly at = new Uint32Array(CHUNK_ROWS);
  readonly origIsB = new Uint8Array(CHUNK_ROWS);
  readonly captureNames: readonly string[];
  readonly lowestCapture: number;

  /** @param captureNames of the ranks from `lowestCapture` on */
  constructor(captureNames: readonly string[], lowestCapture: number) {
    this.captureNames = captureNames;
    this.lowestCapture = lowestCapture;
  }

  /** Rows [from, to) of `batch`, at least one, as the chunk's rows from `at` on. */
  add(at: number, batch: PacketBatch, from: number, to: number, origIsB: number): void {
    const s = this.stretches++;
    this.at[s] = at;
    this.batches[s] = batch;
    this.from[s] = from;
    this.to[s] = to;
    this.origIsB[s] = origIsB;
  }

  /** Forget the stretches and their batches. */
  clear(): void {
    this.stretches = 0;
    this.batches.length = 0;
  }
}
