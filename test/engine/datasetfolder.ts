/** A folder of results whose data set grows: its captures, runs over them, and what it holds. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { addedTo } from '../../shared/control/dataset/heldcaptures.ts';
import { type EmbeddedOptions, runEmbedded } from '../../shared/engine/embedded.ts';
import { foldersOf } from '../../shared/engine/folders.ts';
import { openResults } from '../../shared/index.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import type { QueryValue } from '../../shared/query/queryresult.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { START_US, scratchFolder, udpCapture, writeFiles } from '../cli/harness.ts';
import { captureRefs, plainConfig } from '../job/harness.ts';

/** The packets of a capture, and the seconds from the beginning of one to that of the next: its last ones lie in the next. */
export const PACKETS = 40;
export const STEP_US = 3_000_000;

/** Small intervals: each begins where a capture does. */
export const CONFIG = plainConfig({ packets: true, sizes: { intervalRows: 1, taskBytes: 1 } });

/** Captures a.pcap, b.pcap, ...; each has a session of its own, and one that goes through all of them. */
export async function captures(folder: string, names: string): Promise<CaptureRef[]> {
  const all = 'abcdef';
  for (const name of names) {
    const at = START_US + all.indexOf(name) * STEP_US;
    writeFiles(folder, {
      [`captures/${name}.pcap`]: udpCapture(PACKETS, at, 10 + all.indexOf(name)),
      [`captures/${name}-long.pcap`]: udpCapture(PACKETS / 2, at + 7, 99),
    });
  }
  return captureRefs(
    [...names].flatMap((name) => ['', '-long'].map((end) => join(folder, `captures/${name}${end}.pcap`))),
  );
}

export function run(
  out: string,
  refs: readonly CaptureRef[],
  more: Partial<EmbeddedOptions> = {},
): Promise<JobSummary> {
  return runEmbedded({ out, captures: refs, config: CONFIG, workers: 1, ...more });
}

export const add = { withHeld: addedTo } as const;

/** All rows of sessions and packets, as a reader finds them in the current results. */
export async function rowsIn(out: string): Promise<(readonly (readonly QueryValue[])[])[]> {
  const results = await openResults(out);
  try {
    const tables: (readonly (readonly QueryValue[])[])[] = [];
    for (const sql of ['FROM sessions ORDER BY uid', 'FROM packets ORDER BY ts_ns, uid, capture, "offset"'])
      tables.push((await results.runQuery(sql)).rows);
    assert.ok(tables.every((rows) => rows.length > 0));
    return tables;
  } finally {
    results.close();
  }
}

/** Rows of one job over captures, in a folder of its own. */
export async function expected(t: TestContext, refs: readonly CaptureRef[]): ReturnType<typeof rowsIn> {
  const out = join(scratchFolder(t), 'out');
  await run(out, refs);
  return rowsIn(out);
}

export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();

/** Keys of all Parquet files in a folder of results. */
export const parquetIn = (out: string): string[] => filesBelow(out).filter((name) => name.endsWith('.parquet'));

export const currentKeys = ({ files }: JobSummary): string[] => Object.values(files).flat().sort();

export const workOf = (out: string): DirectoryStore => new DirectoryStore(foldersOf(out).work);
