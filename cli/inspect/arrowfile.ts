/**
 * The contents of an Arrow file: a shard, whose packets are shown like those of a
 * capture; or a fragment file, a run, or any other, whose rows are shown unchanged.
 */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type RecordBatch, RecordBatchReader, type Schema } from 'apache-arrow';
import { PacketColumns } from '../../shared/packet/columns.ts';
import { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import type { QueryValue } from '../../shared/query/queryresult.ts';
import { formatTable } from '../../shared/query/resulttext.ts';
import { BatchDecoder } from '../../shared/shard/batchdecoder.ts';
import { SHARD_SCHEMA } from '../../shared/shard/shardschema.ts';
import { printable } from '../../shared/text/printable.ts';
import { timeText } from '../../shared/text/timetext.ts';
import { count, fieldLines } from '../text/format.ts';
import { UsageError } from '../usage/usage.ts';
import type { Inspection } from './inspection.ts';
import { packetLine } from './packetline.ts';
import { type ShardSummary, shardSummary } from './shardsummary.ts';

/** @param shown rows to show @throws UsageError when the bytes are not a complete Arrow file */
export async function inspectArrow(path: string, shown: number): Promise<Inspection> {
  const file = await open(path, 'r');
  try {
    const reader = await (await RecordBatchReader.from(file)).open();
    const { schema } = reader;
    if (namesOf(schema) === namesOf(SHARD_SCHEMA)) return await inspectShard(path, reader, shown);
    return await inspectRows(path, schema, reader, shown);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${printable(path)} cannot be read as Arrow: ${printable((error as Error).message)}`);
  } finally {
    await file.close();
  }
}

function namesOf(schema: Schema): string {
  return schema.fields.map(({ name }) => name).join();
}

async function inspectShard(path: string, batches: AsyncIterable<RecordBatch>, shown: number): Promise<Inspection> {
  const summary = await shardSummary(path);
  const shard = new ShardView(summary, shown);
  for await (const batch of batches) shard.take(batch);
  return shard.inspection(path);
}

/** Decodes the batches of a shard from the first on. */
class ShardView {
  private readonly summary: ShardSummary | null;
  private readonly shown: number;
  private readonly columns = new PacketColumns(0);
  private readonly flows = new FlowTable();
  private readonly decoder: BatchDecoder;
  private readonly lines: string[] = [];
  private batches = 0;
  private rows = 0;
  private firstUs = Number.POSITIVE_INFINITY;
  private lastUs = Number.NEGATIVE_INFINITY;
  private firstNs = 0;
  private lastNs = 0;

  constructor(summary: ShardSummary | null, shown: number) {
    this.summary = summary;
    this.shown = shown;
    this.decoder = new BatchDecoder(this.flows, summary?.baseUs ?? 0, null);
  }

  take(batch: RecordBatch): void {
    const { columns, flows, lines } = this;
    columns.length = 0;
    this.decoder.decode(batch, 0, batch.numRows, columns);
    for (let row = 0; row < columns.length; row++) {
      const us = columns.us[row];
      const ns = columns.ns[row];
      if (us < this.firstUs || (us === this.firstUs && ns < this.firstNs)) {
        this.firstUs = us;
        this.firstNs = ns;
      }
      if (us > this.lastUs || (us === this.lastUs && ns > this.lastNs)) {
        this.lastUs = us;
        this.lastNs = ns;
      }
      if (lines.length < this.shown) {
        const name = this.summary?.captures[columns.capture[row]] ?? `capture ${columns.capture[row]}`;
        lines.push(
          `${printable(basename(name))} ${String(columns.offset[row]).padStart(8)}  ${packetLine(columns, row, flows)}`,
        );
      }
    }
    this.rows += columns.length;
    this.batches++;
  }

  inspection(path: string): Inspection {
    const { summary, lines, rows, flows } = this;
    const fields: [string, string][] = [
      ['shard', `${printable(path)}, Arrow IPC stream`],
      ['packets', `${count(rows)} in ${batchesText(this.batches)}, sorted by bucket and time`],
      ['flows', count(flows.count)],
    ];
    const first = rows === 0 ? null : timeText(this.firstUs, this.firstNs);
    const last = rows === 0 ? null : timeText(this.lastUs, this.lastNs);
    if (first !== null && last !== null) fields.push(['first', first], ['last', last]);
    if (summary === null)
      fields.push([
        'times',
        "relative to the shard's base, which is in its map task's summary.json; none was found near it",
      ]);
    else fields.push(['captures', summary.captures.map(printable).join(', ')]);
    return {
      json: {
        kind: 'shard',
        packets: rows,
        batches: this.batches,
        flows: flows.count,
        baseUs: summary?.baseUs ?? null,
        first,
        last,
        captures: summary?.captures ?? null,
        lines,
      },
      text: `${lines.map((text) => `${text}\n`).join('')}${lines.length > 0 ? '\n' : ''}${fieldLines(fields)}`,
      exitCode: 0,
    };
  }
}

function batchesText(n: number): string {
  return n === 1 ? '1 batch' : `${count(n)} batches`;
}

/** Columns that only one of our files has, and what that file is. */
const KINDS: readonly [column: string, kind: string][] = [
  ['fragOffset', 'fragments'],
  ['fragOfUs', 'run of packets'],
  ['connState', 'run of sessions'],
];

async function inspectRows(
  path: string,
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  shown: number,
): Promise<Inspection> {
  const columns = schema.fields.map(({ name, type }) => ({ name, type: String(type) }));
  const kind = KINDS.find(([column]) => columns.some(({ name }) => name === column))?.[1] ?? 'Arrow';
  const first: QueryValue[][] = [];
  let rows = 0;
  let number = 0;
  for await (const batch of batches) {
    rows += batch.numRows;
    number++;
    for (let row = 0; row < batch.numRows && first.length < shown; row++)
      first.push(columns.map((_, i) => plain(batch.getChildAt(i)?.get(row))));
  }
  const fields: [string, string][] = [
    [kind, `${printable(path)}, Arrow IPC`],
    ['rows', `${count(rows)} in ${batchesText(number)}`],
    ['columns', columns.map(({ name, type }) => printable(`${name} ${type}`)).join(', ')],
  ];
  return {
    json: {
      kind,
      rowCount: rows,
      batches: number,
      columns,
      rows: first.map((row) => Object.fromEntries(row.map((value, i) => [columns[i].name, value]))),
    },
    text: `${shown > 0 ? `${formatTable({ columns, rows: first, truncated: false })}\n` : ''}${fieldLines(fields)}`,
    exitCode: 0,
  };
}

/** Bytes are text where all of them are letters or the like, else hexadecimal; 64-bit numbers are text. */
function plain(value: unknown): QueryValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (!(value instanceof Uint8Array)) return String(value);
  const bytes = Buffer.from(value);
  return value.length > 0 && value.every((byte) => byte >= 0x20 && byte < 0x7f)
    ? bytes.toString('latin1')
    : bytes.toString('hex');
}
