/**
 * The output of a map task: shards of packet records and files of fragments. A shard has whole captures,
 * or a piece of one; the rows of the capture being read are kept back where whole captures can be written.
 */
import type { JobConfig } from '../../job/jobconfig.ts';
import { compareCaptures } from '../../job/rank.ts';
import type { CaptureOutcome, FragmentPlace, ShardPlace } from '../../job/tasks/maptask.ts';
import { META_LEVELS, type PacketColumns } from '../../packet/columns.ts';
import { byDepth, sortedFragmentOrder } from '../../packet/fragment/fragmentorder.ts';
import { encodeFragments } from '../../shard/fragmentfile.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import type { PendingWrites } from '../pendingwrites.ts';
import type { Workspace } from './workspace.ts';

export class ShardOutput {
  readonly shards: ShardPlace[] = [];
  readonly fragments: FragmentPlace[] = [];
  /** IP bytes of the innermost packets in the shards, of each capture. */
  readonly innermostBytes: number[] = [];
  private readonly workspace: Workspace;
  private readonly config: JobConfig;
  private readonly store: ObjectStore;
  private readonly prefix: string;
  private readonly writes: PendingWrites;
  private readonly read: readonly CaptureOutcome[];
  /** First row, and first fragment, of the capture that is being read. */
  private captureRow = 0;
  private captureFragment = 0;

  /** @param prefix of all keys. @param read captures that have been read to their ends. @param writes to be waited for */
  constructor(
    workspace: Workspace,
    config: JobConfig,
    store: ObjectStore,
    prefix: string,
    read: readonly CaptureOutcome[],
    writes: PendingWrites,
  ) {
    this.workspace = workspace;
    this.config = config;
    this.store = store;
    this.prefix = prefix;
    this.read = read;
    this.writes = writes;
  }

  /** The rows and fragments from here on are those of another capture. */
  beginCapture(): void {
    this.captureRow = this.workspace.columns.length;
    this.captureFragment = this.workspace.fragments.length;
  }

  /** The columns are full in the middle of a capture: write the captures before it, or else its rows so far. */
  spillRows(): void {
    const { length } = this.workspace.columns;
    if (this.captureRow === 0) this.writeRows(length, 0);
    else this.writeRows(this.captureRow, length - this.captureRow);
    this.captureRow = 0;
  }

  /** Writes all fragments: those of whole captures, whose ranks are known, apart from those of the capture being read. */
  spillFragments(): void {
    const { fragments } = this.workspace;
    this.writeFragments(0, this.captureFragment);
    this.writeFragments(this.captureFragment, fragments.length);
    fragments.clear();
    this.captureFragment = 0;
  }

  /** Writes what is left; all captures have been read. */
  finish(): void {
    const { innermostBytes, read } = this;
    for (let capture = 0; capture < read.length; capture++) innermostBytes[capture] ??= 0;
    this.writeRows(this.workspace.columns.length, 0);
    this.captureFragment = this.workspace.fragments.length;
    this.spillFragments();
  }

  /** Writes the first `rows` rows as a shard and keeps the `kept` rows behind them. */
  private writeRows(rows: number, kept: number): void {
    if (rows === 0) return;
    const { columns, flows, writer } = this.workspace;
    const captures: number[] = [];
    // Captures are read one after another: the rows of each adjoin.
    for (let from = 0, to = 0; from < rows; from = to) {
      to = captureEnd(columns.capture, from, rows);
      const capture = columns.capture[from];
      captures.push(capture, to - from);
      this.innermostBytes[capture] = (this.innermostBytes[capture] ?? 0) + innermostBytes(columns, from, to);
    }
    const { sharding, sizes } = this.config;
    const { bytes, index } = writer.write(columns, rows, flows, sharding, this.localRanks(), sizes.batchRows);
    const key = `${this.prefix}${String(this.shards.length).padStart(5, '0')}.arrow`;
    this.shards.push({ ...index, key, captures });
    this.writes.add(this.store.put(key, bytes));
    columns.keepRows(rows, kept);
    if (kept === 0) flows.clear();
  }

  private writeFragments(from: number, to: number): void {
    if (from === to) return;
    const { fragments } = this.workspace;
    const order = sortedFragmentOrder(fragments, from, to, this.localRanks());
    for (const { depth, order: rows } of byDepth(fragments, order)) {
      const { bytes, batches } = encodeFragments(fragments, rows);
      const key = `${this.prefix}fragments-${String(this.fragments.length).padStart(5, '0')}.arrow`;
      this.fragments.push({ key, depth, bytes: bytes.length, rows: rows.length, batches });
      this.writes.add(this.store.put(key, bytes));
    }
  }

  /** Place of each capture read so far in the order of captures; the one being read comes last. */
  private localRanks(): Uint32Array {
    const { read } = this;
    const order = read.map((_, number) => number);
    order.sort((a, b) => compareCaptures(read[a], read[b]));
    const ranks = new Uint32Array(read.length + 1);
    for (const [rank, number] of order.entries()) ranks[number] = rank;
    ranks[read.length] = read.length;
    return ranks;
  }
}

/** IP bytes of the innermost packets in rows [from, to). */
function innermostBytes({ meta, ipLen }: PacketColumns, from: number, to: number): number {
  let bytes = 0;
  for (let row = from; row < to; row++) if ((meta[row] & META_LEVELS) === 0) bytes += ipLen[row];
  return bytes;
}

/** The end of the rows, below `rows`, that belong to the same capture as row `from`. */
function captureEnd(capture: Uint32Array, from: number, rows: number): number {
  let row = from + 1;
  while (row < rows && capture[row] === capture[from]) row++;
  return row;
}
