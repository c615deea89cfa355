/**
 * Child: writes shards and reads segments of them. Every combination is measured in
 * turn, several rounds of all, and the fastest of each counts: so a minute in which
 * the machine is busy slows no combination more than another.
 */
import { AnomalyLog } from '../../shared/capture/anomaly.ts';
import { readCapture } from '../../shared/capture/read.ts';
import { PacketColumns } from '../../shared/packet/columns.ts';
import { PacketDecoder } from '../../shared/packet/decode.ts';
import { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import { FragmentColumns } from '../../shared/packet/fragmentcolumns.ts';
import { type Segment, SegmentReader } from '../../shared/shard/segment.ts';
import { type ShardIndex, ShardWriter } from '../../shared/shard/shardwriter.ts';
import { ShardPacker } from '../../shared/stage/balance/packedshard.ts';
import { bucketRows, cutBuckets, segmentOf } from '../../shared/stage/balance/partition.ts';
import { FileCaptures } from '../../shared/store/capturesource.ts';
import { answer, childInput } from './child.ts';
import { captureRefs } from './input.ts';

export interface ShardInput {
  files: string[];
  rows: number;
  buckets: number[];
  batchRows: number[];
  segmentRows: number[];
}

export interface SegmentTimes {
  /** Records that a segment should have. */
  wanted: number;
  /** Records that it has on average: not fewer than those of a bucket. */
  records: number;
  segments: number;
  recordsPerCpuSecond: number;
  /** Rows decompressed, and bytes read, against the rows and bytes of the segments. */
  amplification: number;
}

export interface ShardTimes {
  buckets: number;
  batchRows: number;
  bytesPerRecord: number;
  batches: number;
  /** Bytes of JSON by which the map's summary tells where buckets and batches are. */
  indexBytes: number;
  writtenPerCpuSecond: number;
  segments: SegmentTimes[];
}

/** Segments of one kind that are read, spread over the shard. */
const SAMPLE = 200;
/** The first round also compiles. */
const ROUNDS = 5;

interface Records {
  columns: PacketColumns;
  flows: FlowTable;
}

async function decode(files: readonly string[], rows: number): Promise<Records> {
  const columns = new PacketColumns(rows);
  const flows = new FlowTable();
  const log = new AnomalyLog();
  const decoder = new PacketDecoder({ keyVlan: false }, columns, flows, new FragmentColumns(16), log);
  for (const [number, capture] of (await captureRefs(files)).entries()) {
    decoder.capture = number;
    await readCapture(
      new FileCaptures().stream(capture),
      {
        record: (bytes, start, capLen, origLen, us, ns, linkType, offset) => {
          if (columns.length < rows) decoder.packet(bytes, start, capLen, origLen, us, ns, linkType, offset);
        },
      },
      log,
    );
  }
  return { columns, flows };
}

function cpu(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

async function readSegments(
  bytes: Uint8Array,
  index: ShardIndex,
  buckets: number,
  wanted: number,
): Promise<SegmentTimes> {
  const place = new ShardPacker().pack({ ...index, key: '', captures: [] });
  const ranges = cutBuckets(bucketRows([place], buckets), 0, buckets, wanted);
  const every = Math.max(1, Math.floor(ranges.length / SAMPLE));
  let decompressed = 0;
  const segments: Segment[] = [];
  for (let i = 0; i < ranges.length; i += every) {
    const tuple = segmentOf(place, 0, ranges[i]);
    if (tuple === null) continue;
    const batches = index.batches.filter(
      (batch) => batch.firstRow < tuple[2] && batch.firstRow + batch.rows > tuple[1],
    );
    for (const batch of batches) decompressed += batch.rows;
    segments.push({
      key: 'the shard',
      read: async (start, end) => bytes.slice(start, end),
      baseUs: index.baseUs,
      firstUs: index.firstUs,
      lastUs: index.lastUs,
      from: tuple[1],
      to: tuple[2],
      batches,
      captures: null,
      oneBucket: tuple[3] === 1,
    });
  }
  const columns = new PacketColumns(0);
  let records = 0;
  const flows = new FlowTable();
  const before = cpu();
  for (const segment of segments) {
    flows.clear();
    const reader = new SegmentReader(segment, flows, columns);
    while (await reader.fill()) {
      records += reader.columns.length;
      while (!reader.exhausted) reader.step();
    }
  }
  const seconds = cpu() - before;
  return {
    wanted,
    records: records / segments.length,
    segments: ranges.length,
    recordsPerCpuSecond: records / seconds,
    amplification: decompressed / records,
  };
}

/** One combination once. */
async function measureOne(
  records: Records,
  writer: ShardWriter,
  input: ShardInput,
  buckets: number,
  batchRows: number,
): Promise<ShardTimes> {
  const { columns, flows } = records;
  const ranks = new Uint32Array(input.files.length);
  const before = cpu();
  const { bytes, index } = writer.write(
    columns,
    columns.length,
    flows,
    { buckets, seed: 1, by: '5tuple' },
    ranks,
    batchRows,
  );
  const writtenPerCpuSecond = columns.length / (cpu() - before);
  const segments: SegmentTimes[] = [];
  for (const wanted of input.segmentRows) segments.push(await readSegments(bytes, index, buckets, wanted));
  return {
    buckets,
    batchRows,
    bytesPerRecord: bytes.length / columns.length,
    batches: index.batches.length,
    indexBytes: JSON.stringify(index).length,
    writtenPerCpuSecond,
    segments,
  };
}

async function main(input: ShardInput): Promise<ShardTimes[]> {
  const records = await decode(input.files, input.rows);
  const writer = new ShardWriter();
  const best = new Map<string, ShardTimes>();
  for (let round = 0; round < ROUNDS; round++)
    for (const buckets of input.buckets)
      for (const batchRows of input.batchRows) {
        const times = await measureOne(records, writer, input, buckets, batchRows);
        const known = best.get(`${buckets}/${batchRows}`);
        if (known === undefined) {
          best.set(`${buckets}/${batchRows}`, times);
          continue;
        }
        known.writtenPerCpuSecond = Math.max(known.writtenPerCpuSecond, times.writtenPerCpuSecond);
        for (const [i, segment] of known.segments.entries())
          segment.recordsPerCpuSecond = Math.max(segment.recordsPerCpuSecond, times.segments[i].recordsPerCpuSecond);
      }
  return [...best.values()];
}

answer(await main(childInput<ShardInput>()));
