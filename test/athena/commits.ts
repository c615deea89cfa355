/** A data set that is committed again and again while it is queried, with states that a query can tell. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { currentState, showCurrent } from '../../shared/catalog/showcurrent.ts';
import { currentKey } from '../../shared/job/protocol/keys.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { jsonBytes } from '../../shared/store/jsonobject.ts';
import { perTable } from '../../shared/table/tables.ts';

/** Rows of a final file. */
const FINAL = 10;

/** Rows of sessions, and of packets, after the n-th commit: those that ended, and those open at its end. */
export const rowsAfter = (n: number): number => FINAL * n + (n % 5) + 1;

/** Commits states until it is told to stop: each adds a file to both tables and replaces another of both. */
export async function commitUntil(folder: string, stop: () => boolean): Promise<number> {
  const store = new DirectoryStore(folder);
  const duckdb = await (await DuckDBInstance.create()).connect();
  const fileBytes: Record<string, number> = {};
  const write = async (key: string, rows: number, uid: string): Promise<string> => {
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    await duckdb.run(
      `COPY (SELECT i AS ts_ns, '${uid}-' || i AS uid FROM range(${rows}) r(i)) TO '${join(folder, key)}' (FORMAT parquet, PARQUET_VERSION V1)`,
    );
    fileBytes[key] = statSync(join(folder, key)).size;
    return key;
  };
  const finals = { sessions: [] as string[], packets: [] as string[] };
  let n = 0;
  while (n === 0 || !stop()) {
    n++;
    const files = perTable((): string[] => []);
    for (const table of ['sessions', 'packets'] as const) {
      const inDay = (day: string, unit: string) => `${table}/dataset=growing/dt=${day}/${unit}-0.parquet`;
      finals[table].push(await write(inDay('2026-01-01', `f${n}`), FINAL, `final${n}`));
      // What is open moves to another day, so that two partitions change.
      const open = await write(inDay(`2026-01-0${2 + (n % 2)}`, `a${n}`), (n % 5) + 1, `open${n}`);
      files[table] = [...finals[table], open];
    }
    const before = await currentState(store, 'growing');
    await store.put(currentKey('growing'), jsonBytes({ job: String(n), files, fileBytes }));
    await showCurrent(store, 'growing', before);
  }
  duckdb.closeSync();
  return n;
}
