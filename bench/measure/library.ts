/** Child: one library at one task. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Table as ArrowTable, tableFromArrays, tableToIPC } from 'apache-arrow';
import { zstdFrame } from '../../shared/algorithm/zstd.ts';
import { readCapture } from '../../shared/capture/read.ts';
import { FileCaptures } from '../../shared/store/capturesource.ts';
import { BigintColumn, CHUNK_ROWS, DoubleColumn, IntegerColumn, TextColumn } from '../../shared/table/parquet/chunk.ts';
import { writeParquet } from '../../shared/table/parquet/parquetfile.ts';
import { answer, childInput, cpuSeconds, peakBytes } from './child.ts';
import { captureRefs } from './input.ts';
import { SessionValues } from './rows.ts';

export type LibraryInput =
  | { task: 'read'; library: 'flowstitch' | 'pcap-parser'; path: string }
  | { task: 'write'; library: WriterName; path: string; rows: number };

const require = createRequire(import.meta.url);

/** Writers of Parquet; those that are not among our packages are measured where they are installed. */
export type WriterName = 'flowstitch' | 'parquetjs-lite' | 'hyparquet-writer' | 'parquet-wasm';

export interface LibraryResult {
  /** Records read or rows written. */
  count: number;
  /** Sum over the records of length and time, as a check that both readers saw the same. */
  check: number;
  seconds: number;
  cpuSeconds: number;
  peakBytes: number;
  /** How it ended: '' for well. */
  fault: string;
}

/** A reader is given up after so many seconds, or when its process is so large. */
const READ_SECONDS = 20;
const READ_BYTES = 1.5e9;

interface PcapParser {
  parse(path: string): {
    on(event: 'packet', listener: (packet: PcapPacket) => void): void;
    on(event: 'error', listener: (error: Error) => void): void;
    on(event: 'end', listener: () => void): void;
  };
}

interface PcapPacket {
  header: { timestampSeconds: number; timestampMicroseconds: number; capturedLength: number };
}

interface Parquetjs {
  ParquetSchema: new (fields: Record<string, { type: string; compression: string }>) => object;
  ParquetWriter: {
    openFile(schema: object, path: string, options: object): Promise<ParquetjsWriter>;
  };
}

interface ParquetjsWriter {
  appendRow(row: object): Promise<void>;
  close(): Promise<void>;
}

interface Read {
  count: number;
  check: number;
  fault: string;
}

async function readOwn(path: string): Promise<Read> {
  const read = { count: 0, check: 0, fault: '' };
  const [capture] = await captureRefs([path]);
  const sink = {
    record(_bytes: Uint8Array, _start: number, capLen: number, _origLen: number, us: number): void {
      read.count++;
      read.check = (read.check + capLen + (us % 1e9)) % 2 ** 40;
    },
  };
  const facts = await readCapture(new FileCaptures().stream(capture), sink, { anomaly() {} });
  if (facts.status !== 'complete') read.fault = `${facts.status}: ${facts.damage[0]?.reason ?? ''}`;
  return read;
}

function readPcapParser(path: string): Promise<Read> {
  const read = { count: 0, check: 0, fault: '' };
  return new Promise((resolve) => {
    const begun = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - begun > READ_SECONDS * 1000) give(`given up after ${READ_SECONDS} s`);
      else if (process.memoryUsage.rss() > READ_BYTES) give(`given up at ${READ_BYTES / 1e9} GB`);
    }, 100);
    const give = (fault: string): void => {
      // It says 'end' after an error too; what it said first counts.
      clearInterval(watch);
      resolve({ ...read, fault });
    };
    const parser = (require('pcap-parser') as PcapParser).parse(path);
    parser.on('packet', ({ header }) => {
      read.count++;
      const us = header.timestampSeconds * 1e6 + header.timestampMicroseconds;
      read.check = (read.check + header.capturedLength + (us % 1e9)) % 2 ** 40;
    });
    parser.on('error', (error) => give(error.message));
    parser.on('end', () => give(''));
  });
}

async function writeOwn(path: string, rows: number): Promise<number> {
  const schema = [
    { name: 'ts_ns', type: 'BIGINT', nullable: false },
    { name: 'orig_h', type: 'VARCHAR', nullable: false, lookedUp: true },
    { name: 'orig_p', type: 'INTEGER', nullable: false },
    { name: 'resp_h', type: 'VARCHAR', nullable: false, lookedUp: true },
    { name: 'resp_p', type: 'INTEGER', nullable: false },
    { name: 'duration', type: 'DOUBLE', nullable: false },
    { name: 'orig_bytes', type: 'BIGINT', nullable: false },
    { name: 'resp_bytes', type: 'BIGINT', nullable: false },
    { name: 'conn_state', type: 'VARCHAR', nullable: false },
    { name: 'history', type: 'VARCHAR', nullable: false },
  ] as const;
  const [ts, origBytes, respBytes] = [new BigintColumn(), new BigintColumn(), new BigintColumn()];
  const [origP, respP] = [new IntegerColumn(), new IntegerColumn()];
  const [origH, respH, state, history] = [new TextColumn(), new TextColumn(), new TextColumn(), new TextColumn()];
  const duration = new DoubleColumn();
  const values = new SessionValues();
  let next = 0;
  const file = await writeParquet(path, {
    schema,
    columns: [ts, origH, origP, respH, respP, duration, origBytes, respBytes, state, history],
    fill(): number {
      const count = Math.min(CHUNK_ROWS, rows - next);
      for (let i = 0; i < count; i++) {
        values.fill(next++);
        ts.setNanoseconds(i, values.us, values.ns);
        origH.set(i, values.origH);
        origP.set(i, values.origP);
        respH.set(i, values.respH);
        respP.set(i, values.respP);
        duration.set(i, values.duration);
        origBytes.set(i, values.origBytes);
        respBytes.set(i, values.respBytes);
        state.set(i, values.state);
        history.set(i, values.history);
      }
      return count;
    },
  });
  return file.rows;
}

async function writeParquetjs(path: string, rows: number): Promise<number> {
  const { ParquetSchema, ParquetWriter } = require('parquetjs-lite') as Parquetjs;
  const of = (type: string): { type: string; compression: string } => ({ type, compression: 'SNAPPY' });
  const schema = new ParquetSchema({
    ts_ns: of('INT64'),
    orig_h: of('UTF8'),
    orig_p: of('INT32'),
    resp_h: of('UTF8'),
    resp_p: of('INT32'),
    duration: of('DOUBLE'),
    orig_bytes: of('INT64'),
    resp_bytes: of('INT64'),
    conn_state: of('UTF8'),
    history: of('UTF8'),
  });
  const writer = await ParquetWriter.openFile(schema, path, { rowGroupSize: 100_000 });
  const values = new SessionValues();
  for (let i = 0; i < rows; i++) {
    values.fill(i);
    await writer.appendRow({
      ts_ns: BigInt(values.us) * 1000n + BigInt(values.ns),
      orig_h: values.origH,
      orig_p: values.origP,
      resp_h: values.respH,
      resp_p: values.respP,
      duration: values.duration,
      orig_bytes: values.origBytes,
      resp_bytes: values.respBytes,
      conn_state: values.state,
      history: values.history,
    });
  }
  await writer.close();
  return rows;
}

/** The rows as columns of texts and numbers: what hyparquet-writer and Arrow take. */
function columnsOf(from: number, to: number) {
  const rows = to - from;
  const columns = {
    ts_ns: new BigInt64Array(rows),
    orig_h: new Array<string>(rows),
    orig_p: new Int32Array(rows),
    resp_h: new Array<string>(rows),
    resp_p: new Int32Array(rows),
    duration: new Float64Array(rows),
    orig_bytes: new BigInt64Array(rows),
    resp_bytes: new BigInt64Array(rows),
    conn_state: new Array<string>(rows),
    history: new Array<string>(rows),
  };
  const values = new SessionValues();
  for (let i = 0; i < rows; i++) {
    values.fill(from + i);
    columns.ts_ns[i] = BigInt(values.us) * 1000n + BigInt(values.ns);
    columns.orig_h[i] = values.origH;
    columns.orig_p[i] = values.origP;
    columns.resp_h[i] = values.respH;
    columns.resp_p[i] = values.respP;
    columns.duration[i] = values.duration;
    columns.orig_bytes[i] = BigInt(values.origBytes);
    columns.resp_bytes[i] = BigInt(values.respBytes);
    columns.conn_state[i] = values.state;
    columns.history[i] = values.history;
  }
  return columns;
}

const GROUP_ROWS = 100_000;
/** Columns with Bloom filters, where the library has them. */
const LOOKED_UP = ['orig_h', 'resp_h'];

interface HyparquetWriter {
  ByteWriter: new () => { getBytes(): Uint8Array };
  ParquetWriter: new (options: object) => { write(options: object): void; finish(): void };
}

/** With what our files have: page index, filters by column, required columns, zstd. */
async function writeHyparquet(path: string, rows: number): Promise<number> {
  const { ByteWriter, ParquetWriter } = require('hyparquet-writer') as HyparquetWriter;
  const writer = new ByteWriter();
  const types: Record<string, string> = {
    ts_ns: 'INT64',
    orig_bytes: 'INT64',
    resp_bytes: 'INT64',
    duration: 'DOUBLE',
  };
  const names = Object.keys(columnsOf(0, 0));
  const typeOf = (name: string): string => types[name] ?? (name.endsWith('_p') ? 'INT32' : 'BYTE_ARRAY');
  const file = new ParquetWriter({
    writer,
    schema: [
      { name: 'root', num_children: names.length },
      ...names.map((name) => ({
        name,
        type: typeOf(name),
        repetition_type: 'REQUIRED',
        ...(typeOf(name) === 'BYTE_ARRAY' ? { converted_type: 'UTF8' } : {}),
      })),
    ],
    codec: 'ZSTD',
    compressors: { ZSTD: zstdFrame },
  });
  for (let from = 0; from < rows; from += GROUP_ROWS)
    file.write({
      columnData: Object.entries(columnsOf(from, Math.min(rows, from + GROUP_ROWS))).map(([name, data]) => ({
        name,
        data,
        columnIndex: true,
        bloomFilter: LOOKED_UP.includes(name),
      })),
      rowGroupSize: GROUP_ROWS,
      pageSize: 1 << 16,
    });
  file.finish();
  writeFileSync(path, writer.getBytes());
  return rows;
}

interface ParquetWasm {
  Compression: { ZSTD: number };
  EnabledStatistics: { Page: number };
  WriterPropertiesBuilder: new () => WasmProperties;
  Table: { fromIPCStream(bytes: Uint8Array): object };
  writeParquet(table: object, properties: object): Uint8Array;
}

interface WasmProperties {
  setCompression(value: number): WasmProperties;
  setMaxRowGroupSize(rows: number): WasmProperties;
  setStatisticsEnabled(value: number): WasmProperties;
  build(): object;
}

/** With a page index; it has no Bloom filters. */
async function writeParquetWasm(path: string, rows: number): Promise<number> {
  const {
    Compression,
    EnabledStatistics,
    WriterPropertiesBuilder,
    Table,
    writeParquet: write,
  } = require('parquet-wasm') as ParquetWasm;
  const properties = new WriterPropertiesBuilder()
    .setCompression(Compression.ZSTD)
    .setMaxRowGroupSize(GROUP_ROWS)
    .setStatisticsEnabled(EnabledStatistics.Page)
    .build();
  const table = tableFromArrays(columnsOf(0, rows) as never);
  writeFileSync(path, write(Table.fromIPCStream(tableToIPC(table as unknown as ArrowTable, 'stream')), properties));
  return rows;
}

const WRITE: Record<WriterName, (path: string, rows: number) => Promise<number>> = {
  flowstitch: writeOwn,
  'parquetjs-lite': writeParquetjs,
  'hyparquet-writer': writeHyparquet,
  'parquet-wasm': writeParquetWasm,
};

async function main(input: LibraryInput): Promise<void> {
  const before = cpuSeconds();
  const begun = performance.now();
  let read: Read = { count: 0, check: 0, fault: '' };
  try {
    if (input.task === 'read') read = await (input.library === 'flowstitch' ? readOwn : readPcapParser)(input.path);
    else read.count = await WRITE[input.library](input.path, input.rows);
  } catch (error) {
    read.fault = error instanceof Error ? error.message : String(error);
  }
  const seconds = (performance.now() - begun) / 1000;
  answer({ ...read, seconds, cpuSeconds: cpuSeconds() - before, peakBytes: peakBytes() } satisfies LibraryResult);
  // A reader that was given up still holds its file open.
  process.exit(0);
}

await main(childInput<LibraryInput>());
