/**
 * The entries of the results' transaction log, in Delta Lake's form (https://github.com/delta-io/delta/blob/master/PROTOCOL.md):
 * an entry is a file of lines, each the JSON of one action. The folder of results is one Delta table with the rows of
 * all tables, partitioned by the table's name, the data set and the day, so that one entry changes all tables at once.
 *
 *   _delta_log/<20 digits>.json                  what one commit changed
 *   _delta_log/<20 digits>.checkpoint.parquet    what all entries up to that one leave (checkpoint.ts)
 *   _delta_log/_last_checkpoint                  which checkpoint is the newest
 *
 * The first action of every entry says, beside what Delta asks for, which state of each data set readers see from it on.
 */
import type { ColumnType } from '../table/tablecolumn.ts';
import { TABLE_NAMES, TABLES, type TableName } from '../table/tables.ts';
import { TABLE_COLUMN } from '../views/athena.ts';
import { PARTITION_COLUMNS } from '../views/view.ts';

/** The columns of the log's table that no file has: their values stand in the log. */
export const LOG_PARTITIONS: readonly string[] = [TABLE_COLUMN, ...PARTITION_COLUMNS.map(({ name }) => name)];

export interface AddAction {
  /** Relative to the folder of results, with percent signs as in a URL. */
  path: string;
  partitionValues: Record<string, string | null>;
  size: number;
  /** Milliseconds since 1970. */
  modificationTime: number;
  dataChange: boolean;
}

export interface MetaDataAction {
  id: string;
  format: { provider: string; options: Record<string, string> };
  /** JSON of the table's columns. */
  schemaString: string;
  partitionColumns: string[];
  configuration: Record<string, string>;
  createdTime: number;
}

export interface ProtocolAction {
  minReaderVersion: number;
  minWriterVersion: number;
  readerFeatures?: string[];
  writerFeatures?: string[];
}

/** What readers see from an entry on. */
export interface Shown {
  /** UUID of the log's table. */
  id: string;
  /** Digest of its columns. */
  schema: string;
  /** The state of each data set, by the data set's name. */
  states: Record<string, string>;
}

export type Action =
  | { commitInfo: { timestamp: number; operation: string; flowstitch?: Shown } }
  | { protocol: ProtocolAction }
  | { metaData: MetaDataAction }
  | { add: AddAction }
  | { remove: { path: string; deletionTimestamp: number; dataChange: boolean } };

/**
 * Readers must know times without a zone, and nothing else that is not in the oldest version. Version 3 of readers and 7
 * of writers name what they must know.
 */
export const PROTOCOL: ProtocolAction = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: ['timestampNtz'],
  writerFeatures: ['timestampNtz'],
};

const DELTA_TYPES: Record<ColumnType, string> = {
  TIMESTAMP: 'timestamp_ntz',
  BIGINT: 'long',
  INTEGER: 'integer',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  VARCHAR: 'string',
};

/** The columns of all tables; those of one name are one. @throws TypeError when they have two types */
export function allColumns(): Map<string, ColumnType> {
  const types = new Map<string, ColumnType>();
  for (const table of TABLE_NAMES)
    for (const { name, type } of TABLES[table].columns) {
      if ((types.get(name) ?? type) !== type || LOG_PARTITIONS.includes(name))
        throw new TypeError(`column ${name} of ${table} has another meaning in another table`);
      types.set(name, type);
    }
  return types;
}

/** The columns of the log's table, as a metadata action has them. */
export function schemaString(): string {
  const columns = [...allColumns()].map(([name, type]) => [name, DELTA_TYPES[type]]);
  const partitions = LOG_PARTITIONS.map((name) => [name, 'string']);
  const fields = [...columns, ...partitions].map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
  return JSON.stringify({ type: 'struct', fields });
}

/** @param id UUID of the table */
export function metaData(id: string, createdTime: number): MetaDataAction {
  return {
    id,
    format: { provider: 'parquet', options: {} },
    schemaString: schemaString(),
    partitionColumns: [...LOG_PARTITIONS],
    configuration: {},
    createdTime,
  };
}

/** The action that shows a file. @throws RangeError for a key that is none of a table's file */
export function addAction(key: string, bytes: number, now: number): AddAction {
  const folders = key.split('/');
  const value = (name: string): string | null =>
    folders.find((folder) => folder.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
  const [table] = folders;
  if (
    !Object.hasOwn(TABLES, table) ||
    value('dataset') === null ||
    (TABLES[table as TableName].byDay && value('dt') === null)
  )
    throw new RangeError(`${key} is no key of a table's file`);
  return {
    path: pathOf(key),
    partitionValues: { [TABLE_COLUMN]: table, dataset: value('dataset'), dt: value('dt') },
    size: bytes,
    modificationTime: now,
    dataChange: true,
  };
}

/** A key as the log writes it: data sets' names need no escapes, but the form asks for them. */
export const pathOf = (key: string): string => encodeURI(key);
export const keyOf = (path: string): string => decodeURI(path);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function entryBytes(actions: readonly Action[]): Uint8Array {
  return encoder.encode(actions.map((action) => `${JSON.stringify(action)}\n`).join(''));
}

/** @throws SyntaxError for bytes that are no entry */
export function entryOf(bytes: Uint8Array): Action[] {
  return decoder
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Action);
}
