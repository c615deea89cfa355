/**
 * What we use beside two libraries that could be used instead, on the same records
 * and rows: reading captures (pcap-parser) and writing Parquet (parquetjs-lite).
 */
import { closeSync, copyFileSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { openDuckDB } from '../shared/table/parquet/duckdb.ts';
import { sqlLiteral } from '../shared/table/parquet/sqltext.ts';
import { runChild } from './measure/child.ts';
import { makeTraffic } from './measure/input.ts';
import type { LibraryInput, LibraryResult, WriterName } from './measure/library.ts';
import { circumstances, megabytes, number, table } from './measure/report.ts';
import { FIRST_US, STEP_NS } from './measure/rows.ts';

/** A child that neither ends nor gives up is killed. */
const LIMITS = { seconds: 600, nodeOptions: ['--no-deprecation', '--max-old-space-size=2048'] };

/** Parquet writers, with what they are asked for as far as they have it. */
const WRITERS: Record<WriterName, string> = {
  flowstitch: 'shared/table (zstd, page index, filters)',
  'parquetjs-lite': 'parquetjs-lite (Snappy)',
  'hyparquet-writer': 'hyparquet-writer (zstd, page index, filters)',
  'parquet-wasm': 'parquet-wasm (zstd, page index)',
};

/** Rows of the file that shows what loading a writer costs. */
const FEW_ROWS = 10;

function isInstalled(library: WriterName): boolean {
  if (library === 'flowstitch') return true;
  try {
    createRequire(import.meta.url).resolve(library);
    return true;
  } catch {
    return false;
  }
}

const CORRUPT_LENGTH = 0xfffffff0;

const measure = (input: LibraryInput): Promise<LibraryResult> => runChild('./library.ts', input, LIMITS);

/** @param rows rows of the Parquet files */
export async function measureLibraries(folder: string, packets: number, rows: number): Promise<string> {
  return [
    '# Libraries',
    circumstances(),
    '## Reading captures',
    await readers(folder, packets),
    '## Writing Parquet',
    await writers(folder, rows),
  ].join('\n\n');
}

async function readers(folder: string, packets: number): Promise<string> {
  const fileBytes = Number.MAX_SAFE_INTEGER;
  const [us] = makeTraffic(folder, { packets, fileBytes }).files;
  const [ns] = makeTraffic(folder, { packets, fileBytes, resolution: 'ns' }).files;
  const broken = join(folder, 'broken.pcap');
  copyFileSync(us, broken);
  corruptLength(broken);
  const inputs = [
    { name: 'microseconds', path: us },
    { name: 'nanoseconds', path: ns },
    { name: 'a corrupt length', path: broken },
  ];
  const rows: string[][] = [];
  for (const { name, path } of inputs) {
    const checks: number[] = [];
    for (const library of ['flowstitch', 'pcap-parser'] as const) {
      const result = await measure({ task: 'read', library, path });
      checks.push(result.check);
      rows.push([
        name,
        library,
        number(result.count),
        number(result.seconds),
        result.count > 0 ? number(Math.round(result.count / result.cpuSeconds / 1000)) : '-',
        megabytes(result.peakBytes),
        result.fault || outcome(packets - result.count, checks),
      ]);
    }
  }
  return [
    `${number(packets)} records, ${megabytes(statSync(us).size)}, one process each. The corrupt length is that of one record`,
    'in the middle; a reader is given up after 20 s or at 1.5 GB. Our reader checks every header and gives exact',
    'offsets in the same pass; it decodes no packet here.',
    '',
    table(['capture', 'reader', 'records', 'seconds', '1,000 records/cpu s', 'peak memory', 'outcome'], rows),
  ].join('\n');
}

/** In words, of a reader that reported nothing. @param checks of our reader and, if it has come already, of the other */
function outcome(missing: number, checks: readonly number[]): string {
  if (missing > 0) return `ended without a word, ${number(missing)} records missing`;
  if (checks.length === 1) return 'complete';
  return checks[0] === checks[1] ? 'complete, the same records' : 'complete, OTHER RECORDS';
}

/** Makes one record in the middle of a capture (little-endian) claim nearly four gigabytes. */
function corruptLength(path: string): void {
  const { size } = statSync(path);
  const file = openSync(path, 'r+');
  const header = new DataView(new ArrayBuffer(16));
  let at = 24;
  while (at < size / 2) {
    readSync(file, header, 0, 16, at);
    at += 16 + header.getUint32(8, true);
  }
  header.setUint32(0, CORRUPT_LENGTH, true);
  writeSync(file, header, 0, 4, at + 8);
  closeSync(file);
}

async function writers(folder: string, rows: number): Promise<string> {
  const lines: string[][] = [];
  for (const library of Object.keys(WRITERS) as WriterName[]) {
    if (!isInstalled(library)) continue;
    const path = join(folder, `${library}.parquet`);
    const cold = await measure({ task: 'write', library, path, rows: FEW_ROWS });
    const result = await measure({ task: 'write', library, path, rows });
    lines.push([
      WRITERS[library],
      number(result.count),
      number(result.seconds),
      number(result.cpuSeconds),
      number(Math.round(result.count / result.cpuSeconds / 1000)),
      number(cold.cpuSeconds),
      megabytes(result.peakBytes),
      megabytes(statSync(path).size),
      result.fault || (await verify(path, rows)),
    ]);
  }
  return [
    `${number(rows)} rows of ten columns (three INT64, one of them nanoseconds since 1970, a BigInt where the library takes numbers; four texts), read back by DuckDB. hyparquet-writer and parquet-wasm are measured where they are installed (npm install --no-save).`,
    '',
    table(
      [
        'writer',
        'rows',
        'seconds',
        'cpu s',
        '1,000 rows/cpu s',
        `cpu s for a first file of ${FEW_ROWS} rows`,
        'peak memory',
        'file',
        'ts_ns as read back',
      ],
      lines,
    ),
  ].join('\n');
}

/** How many times are other than they were written. */
async function verify(path: string, rows: number): Promise<string> {
  const open = await openDuckDB();
  try {
    const expected = `${FIRST_US}000::BIGINT + place * ${STEP_NS}`;
    const reader = await open.connection.runAndReadAll(
      `SELECT count(*)::INTEGER, count(*) FILTER (ts_ns <> ${expected})::INTEGER,
         max(abs(ts_ns - (${expected})))::DOUBLE
       FROM (SELECT ts_ns, row_number() OVER () - 1 AS place FROM read_parquet(${sqlLiteral(path)}))`,
    );
    const [[count, wrong, most]] = reader.getRowsJS() as number[][];
    if (count !== rows) return `${number(count)} rows of ${number(rows)}`;
    return wrong === 0 ? 'all right' : `${number(wrong)} wrong, by up to ${number(most)} ns`;
  } catch (error) {
    return `unreadable: ${(error as Error).message.split('\n')[0]}`;
  } finally {
    open.close();
  }
}
