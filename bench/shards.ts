/**
 * Writing a shard and reading segments of it, by the number of buckets, the rows of
 * a batch and the records of a segment: what fixes the first two, and the size of a map task.
 */
import { runChild } from './measure/child.ts';
import { makeTraffic } from './measure/input.ts';
import { circumstances, number, table } from './measure/report.ts';
import type { ShardTimes } from './measure/shard.ts';

const BUCKETS = [256, 1024, 4096];
const BATCH_ROWS = [1024, 4096, 16_384, 65_536];
const SEGMENT_ROWS = [200, 1400, 10_000];

/** Dollars for 1,000 GETs of S3 Standard (us-east-1). */
const DOLLARS_PER_1000_GETS = 0.0004;
/** Dollars for a second of a core: Lambda on Arm, 1,769 MB. */
const DOLLARS_PER_CPU_SECOND = 0.0000133334 * (1769 / 1024);
/** Bytes of shard of a partition in the cloud. */
const PARTITION_BYTES = 256e6;
const TASK_BYTES = [256 * 2 ** 20, 2 ** 30];
const JOB_TERABYTES = [1, 7, 50];
/** Two costs closer than this factor are the same: runs of the same measurement differ by as much. */
const NOISE = 1.05;

/** @param packets records of the shard */
export async function measureShards(folder: string, packets: number): Promise<string> {
  const traffic = makeTraffic(folder, { packets });
  const results = await runChild<ShardTimes[]>('./shard.ts', {
    files: traffic.files,
    rows: packets,
    buckets: BUCKETS,
    batchRows: BATCH_ROWS,
    segmentRows: SEGMENT_ROWS,
  });
  const recordBytes = traffic.bytes / packets;
  return [
    '# Shards',
    circumstances(),
    `One shard of ${number(packets)} records (${number(traffic.bytes / 1e6)} MB of captures, ${number(recordBytes)} bytes a record). Cpu seconds are those of one thread, warm.`,
    '## Write and read',
    [
      'A segment is read by one ranged read of the batches that touch it. It cannot be smaller than a bucket: the figure in brackets is how many records',
      'it then had. "x" is the rows decompressed for each row wanted, about the same in bytes.',
    ].join('\n'),
    writeAndRead(results),
    '## Requests',
    requests(results, recordBytes),
    '## What follows',
    conclusions(results, recordBytes),
  ].join('\n\n');
}

function writeAndRead(results: readonly ShardTimes[]): string {
  const header = ['P', 'batch rows', 'batches', 'index kB', 'bytes a record', 'written k/cpu s'];
  for (const wanted of SEGMENT_ROWS) header.push(`read ${number(wanted)}: k/cpu s`, `x (records)`);
  return table(
    header,
    results.map((result) => [
      number(result.buckets),
      number(result.batchRows),
      number(result.batches),
      number(Math.round(result.indexBytes / 1000)),
      result.bytesPerRecord.toFixed(2),
      number(Math.round(result.writtenPerCpuSecond / 1000)),
      ...result.segments.flatMap((segment) => [
        number(Math.round(segment.recordsPerCpuSecond / 1000)),
        `${segment.amplification.toFixed(1)} (${number(Math.round(segment.records))})`,
      ]),
    ]),
  );
}

/** GETs for jobs of several lengths: partitions grow with the job, and so a task's segments shrink. */
function requests(results: readonly ShardTimes[], recordBytes: number): string {
  const shardShare = chosen(results, recordBytes).bytesPerRecord / recordBytes;
  const rows: string[][] = [];
  for (const taskBytes of TASK_BYTES)
    for (const terabytes of JOB_TERABYTES) {
      const partitions = Math.ceil((terabytes * 1e12 * shardShare) / PARTITION_BYTES);
      const gets = Math.ceil((terabytes * 1e12) / taskBytes) * partitions;
      rows.push([
        `${number(taskBytes / 2 ** 20)} MiB`,
        `${number(terabytes)} TB`,
        number(partitions),
        number(Math.round(taskBytes / recordBytes / partitions)),
        number(Math.round(gets / terabytes)),
        `$${((gets / 1000 / terabytes) * DOLLARS_PER_1000_GETS).toFixed(2)}`,
      ]);
    }
  return [
    `GETs are map tasks x partitions, and a partition is ${number(PARTITION_BYTES / 1e6)} MB of shard; ${number(100 * shardShare)} % of the captures' bytes become shards.`,
    '',
    table(['captures a task', 'job', 'partitions', 'records a segment', 'GETs a TB', 'cost a TB'], rows),
  ].join('\n');
}

/** Cpu seconds to write a million records once and read them once in segments of `wanted` records. */
function cost(result: ShardTimes, wanted: number): number {
  const segment = result.segments.find((one) => one.wanted === wanted)!;
  return 1e6 / result.writtenPerCpuSecond + 1e6 / segment.recordsPerCpuSecond;
}

/** Both lengths of segment that jobs are likely to have; 200 is the border of what the layout is for. */
const LIKELY = SEGMENT_ROWS.filter((wanted) => wanted > 200);

function likelyCost(result: ShardTimes): number {
  return LIKELY.reduce((sum, wanted) => sum + cost(result, wanted), 0);
}

/** Partitions of the middle job: with fewer buckets than that, no partition could be so small. */
function leastBuckets(results: readonly ShardTimes[], recordBytes: number): number {
  return (JOB_TERABYTES[1] * 1e12 * (results[0].bytesPerRecord / recordBytes)) / PARTITION_BYTES;
}

function withEnoughBuckets(results: readonly ShardTimes[], recordBytes: number): ShardTimes[] {
  const least = leastBuckets(results, recordBytes);
  return results.filter(({ buckets }) => buckets >= least);
}

/**
 * The cheapest over both likely lengths of segment, of those with buckets enough; of two within
 * the noise of each other the one with fewer buckets, whose index is smaller.
 */
function chosen(results: readonly ShardTimes[], recordBytes: number): ShardTimes {
  const eligible = withEnoughBuckets(results, recordBytes);
  const cheapest = Math.min(...eligible.map(likelyCost));
  return eligible
    .filter((result) => likelyCost(result) <= cheapest * NOISE)
    .sort((a, b) => a.buckets - b.buckets || likelyCost(a) - likelyCost(b))[0];
}

function conclusions(results: readonly ShardTimes[], recordBytes: number): string {
  const lines = SEGMENT_ROWS.map((wanted) => {
    const [best] = withEnoughBuckets(results, recordBytes).sort((a, b) => cost(a, wanted) - cost(b, wanted));
    return (
      `- ${number(wanted)} records a segment: cheapest to write once and read once is P = ${number(best.buckets)} with ` +
      `${number(best.batchRows)} rows a batch, ${number(cost(best, wanted))} cpu s a million records.`
    );
  });
  const pick = chosen(results, recordBytes);
  const millionsPerTb = 1e6 / recordBytes;
  const dollars = SEGMENT_ROWS.map((wanted) => {
    const compute = millionsPerTb * cost(pick, wanted) * DOLLARS_PER_CPU_SECOND;
    const gets = (millionsPerTb * 1e6 * DOLLARS_PER_1000_GETS) / wanted / 1000;
    return `$${compute.toFixed(2)} + $${gets.toFixed(2)} at ${number(wanted)}`;
  });
  return [
    `- P must be at least ${number(Math.ceil(leastBuckets(results, recordBytes)))}, the partitions of a job of ${JOB_TERABYTES[1]} TB. Of those with so many:`,
    ...lines,
    `- By the sum of both lengths above 200, and at a tie within ${number((NOISE - 1) * 100)} % by the smaller index: ` +
      `**P = ${number(pick.buckets)}, ${number(pick.batchRows)} rows a batch** (${pick.bytesPerRecord.toFixed(2)} bytes a record).`,
    `- With that, a terabyte costs, compute for writing and reading shards plus GETs: ${dollars.join(', ')} records a segment. ` +
      'A task should be so large that segments keep 1,400 records or more: 256 MiB up to some terabytes, 1 GiB beyond; memory allows both, since a shard ends at its own limit of rows.',
  ].join('\n');
}
