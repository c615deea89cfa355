/**
 * Captures through the stages of a job in one process: read, decoded, ranked, fragments joined; then tracked
 * straight on, and by way of shards, segments and merges.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AnomalyLog } from '../../../shared/capture/anomaly.ts';
import { compareCaptures } from '../../../shared/job/rank.ts';
import { META_FRAGMENT, META_LEVELS, PacketColumns } from '../../../shared/packet/columns.ts';
import { FATE_FRAGMENT, FATE_SESSION, FATES } from '../../../shared/packet/fate.ts';
import { FlowTable } from '../../../shared/packet/flow/flowtable.ts';
import { FragmentJoiner, joinAll } from '../../../shared/packet/fragment/fragmentjoin.ts';
import { FragmentColumns } from '../../../shared/packet/fragmentcolumns.ts';
import { RecordDigest } from '../../../shared/packet/recorddigest.ts';
import { PacketRows } from '../../../shared/session/rows/packetrows.ts';
import { SessionRows } from '../../../shared/session/rows/sessionrows.ts';
import { SessionDirectory } from '../../../shared/session/sessiondirectory.ts';
import { mergeSegments } from '../../../shared/shard/merge.ts';
import type { Segment } from '../../../shared/shard/segment.ts';
import { compareRecords, ShardWriter } from '../../../shared/shard/shardwriter.ts';
import { type PackedShard, ShardPacker } from '../../../shared/stage/balance/packedshard.ts';
import { batchesOf, bucketRows, cutBuckets, segmentOf } from '../../../shared/stage/balance/partition.ts';
import type { FuzzCase } from '../make/cases.ts';
import type { Dice } from '../make/dice.ts';
import { Finding } from './finding.ts';
import type { Parts } from './parts.ts';
import { checkSound, type Reading, readChecked } from './reading.ts';
import { checkTracked, sessionText, type Tracked } from './rows.ts';

/** Rows of sessions, and of packets, that a tracker fills before they are taken out. */
const ROWS = 128;
/** Reused for each case, as in map tasks. */
const writer = new ShardWriter();

/** All packets of a case's captures: `capture` holds ranks. */
export interface Decoded {
  columns: PacketColumns;
  flows: FlowTable;
  readings: Reading[];
  /** The identity of a capture of a rank, equal for captures of equal content, which may change places. */
  contents: string[];
}

/** Reads and decodes the captures, and joins their fragments. @param order in which captures are listed */
export async function decode(parts: Parts, made: FuzzCase, order: readonly number[]): Promise<Decoded> {
  const columns = new PacketColumns(64);
  const flows = new FlowTable();
  const fragments = new FragmentColumns(16);
  const anomalies = new AnomalyLog();
  const config = { keyVlan: made.keyVlan, keyVni: made.keyVni };
  const decoder = parts.decoder(config, columns, flows, fragments, anomalies);
  const readings: Reading[] = [];
  const digests: string[] = [];
  const fragmentRecords: number[] = [];
  for (const [number, source] of order.entries()) {
    const bytes = made.captures[source];
    const fates = new Float64Array(FATES.length);
    const [firstRow, firstFragment] = [columns.length, fragments.length];
    const digest = new RecordDigest();
    decoder.capture = number;
    anomalies.capture = number;
    const sink = {
      record(...record: Parameters<typeof decoder.packet>): void {
        const fate = decoder.packet(...record);
        if (FATES[fate] === undefined) throw new Finding('conservation', `a record has the fate ${fate}`);
        fates[fate]++;
        if (fate === FATE_SESSION || fate === FATE_FRAGMENT) return;
        const [of, start, capLen, origLen, us, ns, linkType] = record;
        digest.undecoded(of, start, capLen, origLen, us, ns, linkType);
      },
    };
    const reading = await readChecked(parts, bytes, () => 65_536, sink, anomalies);
    checkSound(bytes, reading);
    checkFates(reading, fates, columns, firstRow, fragments, firstFragment);
    fragmentRecords.push(fates[FATE_FRAGMENT]);
    digest.records(columns, flows, firstRow, columns.length, fragments, firstFragment, fragments.length);
    digests.push(digest.finish(fates));
    readings.push(reading);
  }
  const ranked = readings.map(({ facts }, number) => {
    // Captures of equal records are not distinguished by anything that depends on the order of reading.
    const capture = { headDigest: '', size: facts.bytes, name: '' };
    return { facts, digest: digests[number], number, capture };
  });
  ranked.sort(compareCaptures);
  const ranks = new Uint32Array(ranked.length);
  for (const [rank, { number }] of ranked.entries()) ranks[number] = rank;
  for (let row = 0; row < columns.length; row++) columns.capture[row] = ranks[columns.capture[row]];
  for (let row = 0; row < fragments.length; row++) fragments.capture[row] = ranks[fragments.capture[row]];
  const joiner = new FragmentJoiner(config, columns, flows, ranked.length, () => undefined);
  joinAll(joiner, fragments);
  for (const [rank, { number }] of ranked.entries()) {
    const joined = joiner.completed[rank] + joiner.neverCompleted[rank];
    if (joined !== fragmentRecords[number])
      throw new Finding(
        'conservation',
        `${fragmentRecords[number]} fragments were read, ${joiner.completed[rank]} completed and ${joiner.neverCompleted[rank]} not`,
      );
  }
  return { columns, flows, readings, contents: ranked.map(({ digest }) => digest) };
}

/** Every record of a capture has one fate, and rows if its fate requires them. */
function checkFates(
  { facts, tally }: Reading,
  fates: Float64Array,
  columns: PacketColumns,
  firstRow: number,
  fragments: FragmentColumns,
  firstFragment: number,
): void {
  const total = fates.reduce((sum, count) => sum + count, 0);
  if (total !== facts.records) throw new Finding('conservation', `${facts.records} records have ${total} fates`);
  const innermost = new Set<number>();
  const known = new Set(tally.offsets);
  for (let row = firstRow; row < columns.length; row++) {
    if (!known.has(columns.offset[row]))
      throw new Finding('conservation', `a row of no record, at ${columns.offset[row]}`);
    if ((columns.meta[row] & META_LEVELS) === 0) innermost.add(columns.offset[row]);
  }
  if (innermost.size !== fates[FATE_SESSION])
    throw new Finding('conservation', `${fates[FATE_SESSION]} records are in sessions, ${innermost.size} have rows`);
  let standing = 0;
  for (let row = firstFragment; row < fragments.length; row++) standing += fragments.counts[row];
  if (standing !== fates[FATE_FRAGMENT])
    throw new Finding('conservation', `${fates[FATE_FRAGMENT]} records are fragments, ${standing} are kept`);
}

/** One tracker with all its output. */
class Tracking {
  private readonly rows = new SessionRows(ROWS);
  private readonly packetRows = new PacketRows(ROWS);
  private readonly directory = new SessionDirectory();
  private readonly out: Tracked;
  readonly tracker: ReturnType<Parts['tracker']>;

  constructor(parts: Parts, flows: FlowTable, captures: number, out: Tracked) {
    this.out = out;
    const { rows, packetRows, directory } = this;
    this.tracker = parts.tracker(flows, rows, () => this.flushSessions(captures), {
      rows: packetRows,
      onFull: () => this.flushPackets(),
      directory,
    });
  }

  finish(endUs: number, captures: number): void {
    this.tracker.finish(endUs);
    this.flushSessions(captures);
    this.flushPackets();
    this.out.orphans += this.tracker.orphanFragments;
  }

  private flushSessions(captures: number): void {
    checkTracked(this.rows, captures, this.out);
    this.rows.clear();
  }

  private flushPackets(): void {
    this.out.packetRows += this.packetRows.length;
    for (let row = 0; row < this.packetRows.length; row++)
      if (this.packetRows.session[row] >= this.directory.length)
        throw new Finding('row', `a packet of session ${this.packetRows.session[row]} of ${this.directory.length}`);
    this.packetRows.clear();
  }
}

export function nothingTracked(): Tracked {
  return { sessions: [], uids: new Set(), packets: 0, ipBytes: 0, packetRows: 0, orphans: 0 };
}

function endOf({ columns }: Decoded): number {
  let end = 0;
  for (let row = 0; row < columns.length; row++) end = Math.max(end, columns.us[row]);
  return end;
}

/** The packets in time order through one tracker. */
export function track(parts: Parts, decoded: Decoded): Tracked {
  const { columns, flows, contents } = decoded;
  const order = Array.from({ length: columns.length }, (_, row) => row);
  order.sort((a, b) => compareRecords(columns, a, columns, b));
  const out = nothingTracked();
  const tracking = new Tracking(parts, flows, contents.length, out);
  for (const row of order) tracking.tracker.packet(columns, row, columns.flow[row], columns.capture[row]);
  tracking.finish(endOf(decoded), contents.length);
  checkConserved(decoded, out);
  return out;
}

/** All that was decoded must be in sessions, and in the packets table. */
function checkConserved({ columns }: Decoded, out: Tracked): void {
  let packets = 0;
  let ipBytes = 0;
  for (let row = 0; row < columns.length; row++) {
    if ((columns.meta[row] & META_FRAGMENT) !== 0) continue;
    packets++;
    ipBytes += columns.ipLen[row];
  }
  if (out.packets !== packets || out.ipBytes !== ipBytes)
    throw new Finding(
      'conservation',
      `${packets} packets of ${ipBytes} bytes were tracked, sessions have ${out.packets} of ${out.ipBytes}`,
    );
  if (out.packetRows + out.orphans !== columns.length)
    throw new Finding(
      'conservation',
      `${columns.length} rows were tracked, ${out.packetRows} became packets and ${out.orphans} have no datagram`,
    );
}

/** The packets by way of shards: some tasks, some buckets, some partitions, merges in passes. */
export async function trackShards(parts: Parts, decoded: Decoded, dice: Dice): Promise<Tracked> {
  const { columns, flows, contents } = decoded;
  const sharding = {
    buckets: dice.pick([1, 3, 64, 1024]),
    seed: dice.below(2 ** 32),
    by: dice.pick(['5tuple', '4tuple', '2tuple'] as const),
  };
  const tasks = Array.from({ length: contents.length }, () => dice.below(3));
  const batchRows = dice.pick([1, 5, 4096]);
  const ranks = contents.map((_, rank) => rank);
  const shards: (PackedShard & { content: Uint8Array })[] = [];
  for (const task of new Set(tasks)) {
    const own = new PacketColumns(16);
    for (let row = 0; row < columns.length; row++) if (tasks[columns.capture[row]] === task) own.pushRow(columns, row);
    if (own.length === 0) continue;
    const { bytes, index } = writer.write(own, own.length, flows, sharding, ranks, batchRows);
    shards.push({ ...new ShardPacker().pack({ ...index, key: `${task}`, captures: [] }), content: bytes });
  }
  shards.sort((a, b) => a.firstUs - b.firstUs);
  const out = nothingTracked();
  const rows = bucketRows(shards, sharding.buckets);
  const scratch = mkdtempSync(join(tmpdir(), 'flowstitch-fuzz-'));
  try {
    for (const range of cutBuckets(rows, 0, sharding.buckets, Math.max(columns.length / dice.pick([1, 2, 8]), 1))) {
      const segments: Segment[] = [];
      for (const [number, shard] of shards.entries()) {
        const tuple = segmentOf(shard, number, range);
        if (tuple === null) continue;
        segments.push({
          key: shard.key,
          read: async (start, end) => shard.content.slice(start, end),
          baseUs: shard.baseUs,
          firstUs: shard.firstUs,
          lastUs: shard.lastUs,
          from: tuple[1],
          to: tuple[2],
          oneBucket: tuple[3] === 1,
          batches: batchesOf(tuple),
          captures: null,
        });
      }
      const own = new FlowTable();
      const tracking = new Tracking(parts, own, contents.length, out);
      const folder = join(scratch, `${range.from}`);
      mkdirSync(folder);
      await mergeSegments(
        segments,
        own,
        (merged, row) => tracking.tracker.packet(merged, row, merged.flow[row], merged.capture[row]),
        { maxOpenRows: dice.pick([1, 500, 1_000_000]), scratch: folder },
      );
      tracking.finish(endOf(decoded), contents.length);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  checkConserved(decoded, out);
  return out;
}

/** Sessions as sorted lines, captures identified by content. */
export function sessionLines({ sessions }: Tracked, { contents }: Decoded): string[] {
  return sessions.map((session) => sessionText(session, contents)).sort();
}
