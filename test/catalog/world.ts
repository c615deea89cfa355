/** Data sets whose states follow each other, in a store with a clock, and a reader of the log that knows nothing of our writer. */
import { currentState, type DataSetState, showCurrent } from '../../shared/catalog/showcurrent.ts';
import { currentKey } from '../../shared/job/protocol/keys.ts';
import { jsonBytes } from '../../shared/store/jsonobject.ts';
import type { ObjectHead } from '../../shared/store/objectstore.ts';
import { perTable, type TableName } from '../../shared/table/tables.ts';
import { MemoryStore } from '../job/memorystore.ts';

/** Tells when objects were written, counts requests, and can fail or let others work before one. */
export class LogStore extends MemoryStore {
  /** Milliseconds since 1970. */
  now = Date.UTC(2026, 0, 1);
  requests = 0;
  read = 0;
  written = 0;
  /** Called before each request. */
  before: () => void | Promise<void> = () => {};
  /** Whether the answer to a conditional write is lost, so that its repetition finds the object (S3Store.putIfAbsent). */
  lost: () => boolean = () => false;
  private readonly times = new Map<string, number>();

  private async request(): Promise<void> {
    this.requests++;
    await this.before();
  }

  override async *list(prefix: string): AsyncIterable<ObjectHead> {
    await this.request();
    for await (const head of super.list(prefix)) yield { ...head, modified: this.times.get(head.key) };
  }

  override async get(key: string): Promise<Uint8Array> {
    await this.request();
    const bytes = await super.get(key);
    this.read += bytes.length;
    return bytes;
  }

  override async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.request();
    this.written += bytes.length;
    this.times.set(key, this.now);
    await super.put(key, bytes);
  }

  override async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    await this.request();
    this.written += bytes.length;
    const written = await super.putIfAbsent(key, bytes);
    if (written) this.times.set(key, this.now);
    return written && !this.lost();
  }
}

/** Makes the n-th state of a data set current, as commit does. @returns the state before */
export async function commitState(
  store: LogStore,
  dataset: string,
  job: string,
  keys: Partial<Record<TableName, string[]>>,
): Promise<DataSetState | undefined> {
  const before = await currentState(store, dataset);
  const files = { ...perTable((): string[] => []), ...keys };
  const fileBytes = Object.fromEntries(Object.values(files).flatMap((all) => all.map((key) => [key, key.length])));
  await store.put(currentKey(dataset), jsonBytes({ job, files, fileBytes }));
  return before;
}

/** Keys of the n-th state: a final file for each job so far, and the files that only the n-th has. */
export function keysOf(dataset: string, n: number, finals = n): Partial<Record<TableName, string[]>> {
  const day = (table: string, date: string, unit: string) => `${table}/dataset=${dataset}/dt=${date}/${unit}-0.parquet`;
  const byDay = (table: string) => [
    ...Array.from({ length: finals }, (_, i) => day(table, '2026-01-01', `${n - i}f`)),
    day(table, '2026-01-02', `${n}a`),
  ];
  return {
    sessions: byDay('sessions'),
    packets: byDay('packets'),
    captures: [`captures/dataset=${dataset}/part-${n}c-0.parquet`],
  };
}

/** One commit of a data set, shown. */
export async function commitAndShow(store: LogStore, dataset: string, n: number, finals = n): Promise<void> {
  const before = await commitState(store, dataset, String(n), keysOf(dataset, n, finals));
  await showCurrent(store, dataset, before, store.now);
}

/** Every version of the log's table that its entries tell, as a reader sees it who reads them all: paths of files. */
export function versions(store: MemoryStore): string[][] {
  const seen = new Set<string>();
  const all: string[][] = [];
  const entries = [...store.objects.keys()].filter((key) => /^_delta_log\/\d{20}\.json$/.test(key)).sort();
  for (const [at, key] of entries.entries()) {
    if (Number(key.slice(11, 31)) !== at) throw new Error(`no entry before ${key}`);
    for (const line of Buffer.from(store.objects.get(key)!).toString().trimEnd().split('\n')) {
      const { add, remove } = JSON.parse(line) as { add?: { path: string }; remove?: { path: string } };
      if (add !== undefined) seen.add(add.path);
      if (remove !== undefined && !seen.delete(remove.path)) throw new Error(`${key} removes what is not there`);
    }
    all.push([...seen].sort());
  }
  return all;
}
