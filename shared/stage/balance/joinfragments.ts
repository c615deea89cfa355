/**
 * Joins the fragments of all map tasks into datagrams, and writes these as shards.
 *
 * All fragments are joined here, none in map: which fragments belong together
 * depends on all fragments of the datagram's key in time order, and a map task that joins
 * what completes inside it would join the wrong ones where a key is reused in
 * another capture. This way sessions do not depend on how the packets were split into captures.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AnomalyLog, type AnomalyRow } from '../../capture/anomaly.ts';
import type { TaskContext } from '../../job/context.ts';
import type { Job } from '../../job/jobconfig.ts';
import { PART_ROWS, type PartsWriter } from '../../job/protocol/listparts.ts';
import type { MapSummary, ShardPlace } from '../../job/tasks/maptask.ts';
import { PacketColumns } from '../../packet/columns.ts';
import { FlowTable } from '../../packet/flow/flowtable.ts';
import { FragmentJoiner } from '../../packet/fragment/fragmentjoin.ts';
import { byDepth, sortedFragmentOrder } from '../../packet/fragment/fragmentorder.ts';
import { MAX_LAYERS } from '../../packet/tunnellayers.ts';
import { encodeFragments, type FragmentFile, mergeFragments } from '../../shard/fragmentfile.ts';
import { rangeReader } from '../../shard/scratch.ts';
import { ShardWriter } from '../../shard/shardwriter.ts';

/** Rows of a shard of joined datagrams before it is written. */
const JOINED_ROWS = 500_000;
/** Fragments found inside of datagrams before they are written. */
const NESTED_ROWS = 100_000;

/** Joins the fragments of all captures that are no copies. */
export async function joinFragments(
  context: TaskContext,
  job: Job,
  summaries: readonly Pick<MapSummary, 'fragments'>[],
  ranks: readonly number[][],
  isCopy: (rank: number) => boolean,
  prefix: string,
  anomalies: PartsWriter<AnomalyRow>,
): Promise<{
  shards: ShardPlace[];
  completed: Float64Array;
  neverCompleted: Float64Array;
}> {
  const { store } = context;
  const { sizes, sharding, decode } = job.config;
  const captures = ranks.reduce((sum, { length }) => sum + length, 0);
  const files: FragmentFile[][] = Array.from({ length: MAX_LAYERS + 1 }, () => []);
  for (const [task, summary] of summaries.entries())
    for (const { key, depth, batches } of summary.fragments)
      files[depth].push({ key, read: (start, end) => store.get(key, { start, end }), batches, ranks: ranks[task] });
  const columns = new PacketColumns(1024);
  const flows = new FlowTable();
  const log = new AnomalyLog();
  const joiner = new FragmentJoiner(decode, columns, flows, captures, (capture, ...anomaly) => {
    log.capture = capture;
    log.anomaly(...anomaly);
  });
  let mostAnomalies = PART_ROWS;
  const writer = new ShardWriter();
  const shards: ShardPlace[] = [];
  const flush = async (): Promise<void> => {
    if (columns.length === 0) return;
    const identity = Uint32Array.from({ length: captures }, (_, rank) => rank);
    const { bytes, index } = writer.write(columns, columns.length, flows, sharding, identity, sizes.batchRows);
    const key = `${prefix}datagrams-${shards.length}.arrow`;
    await store.put(key, bytes);
    shards.push({ ...index, key, captures: [] });
    columns.length = 0;
    flows.clear();
  };
  for (let depth = 0; depth <= MAX_LAYERS; depth++) {
    if (files[depth].length === 0) continue;
    const scratch = join(context.scratch, `depth-${depth}`);
    await mkdir(scratch);
    // Fragments found inside datagrams of this depth are joined with those of the next depth.
    const spill = async (): Promise<void> => {
      const { nested } = joiner;
      if (nested.length === 0) return;
      for (const { depth: deeper, order } of byDepth(nested, sortedFragmentOrder(nested))) {
        const path = join(scratch, `nested-${deeper}-${files[deeper].length}`);
        const { bytes, batches } = encodeFragments(nested, order);
        await writeFile(path, bytes);
        files[deeper].push({ key: path, read: rangeReader(path), batches, ranks: null });
      }
      nested.clear();
    };
    await mergeFragments(
      files[depth],
      scratch,
      (from, row) => {
        if (!isCopy(from.capture[row])) joiner.add(from, row);
      },
      async () => {
        if (columns.length >= JOINED_ROWS) await flush();
        if (joiner.nested.length >= NESTED_ROWS) await spill();
        if (log.rows.length >= mostAnomalies) {
          await anomalies.add(log.take());
          // Rows that still count stay, one per capture and name.
          mostAnomalies = log.rows.length + PART_ROWS;
        }
      },
    );
    joiner.end();
    await spill();
  }
  await flush();
  await anomalies.add(log.finish());
  return { shards, completed: joiner.completed, neverCompleted: joiner.neverCompleted };
}
