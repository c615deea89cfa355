/** Writes session rows as a file of the sessions table. */
import type { SessionRows } from '../session/rows/sessionrows.ts';
import { CHUNK_ROWS } from './parquet/chunk.ts';
import { type ParquetFile, writeParquet } from './parquet/parquetfile.ts';
import { chunkSource } from './parquet/tablefile.ts';
import { SESSIONS } from './sessions.ts';
import { startOrder } from './startorder.ts';

/** Resolves numbers in the rows. */
export interface TableContext {
  /** Name of the capture of a rank. */
  captureName(rank: number): string;
}

/**
 * Write session rows as one Parquet file, in order of (ts_ns, uid): row groups near 100,000 rows, Bloom filters on
 * addresses and identifiers.
 *
 * @param rows in any order
 * @param order the rows to write, in the order of the table: a range of the result of `startOrder`, all by default
 * @throws as `writeParquet`
 */
export async function writeSessions(
  path: string,
  rows: SessionRows,
  context: TableContext,
  order: Uint32Array = startOrder(rows),
): Promise<ParquetFile> {
  const places = capturePlaces(rows, order);
  const chunk = {
    rows,
    order: order.subarray(0, 0),
    captureNames: Array.from(places.keys(), (rank) => context.captureName(rank)),
    capturePlaces: places,
    tunnelTexts: new Map<number, string>(),
  };
  let at = 0;
  const next = (): number => {
    chunk.order = order.subarray(at, (at += CHUNK_ROWS));
    return chunk.order.length;
  };
  return writeParquet(path, chunkSource(SESSIONS, chunk, next));
}

/** The captures that the rows mention, by rank, each with its index among them. */
function capturePlaces({ captureFirst, captureLast }: SessionRows, order: Uint32Array): Map<number, number> {
  const places = new Map<number, number>();
  for (let i = 0; i < order.length; i++) {
    const first = captureFirst[order[i]];
    const last = captureLast[order[i]];
    if (!places.has(first)) places.set(first, places.size);
    if (!places.has(last)) places.set(last, places.size);
  }
  return places;
}
