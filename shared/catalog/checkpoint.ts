/**
 * Checkpoints of the log: what all entries up to one leave, as Parquet, so that readers need not read every entry since
 * the first. The columns are nested, an action a row, which our own writer of tables does not do.
 */
import { type AsyncBuffer, parquetReadObjects, type SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { Action, AddAction, MetaDataAction, ProtocolAction } from './actions.ts';

/** What the log leaves. */
export interface LogState {
  protocol: ProtocolAction | undefined;
  metaData: MetaDataAction | undefined;
  /** Files that readers see, by path. */
  files: Map<string, AddAction>;
}

export function emptyLog(): LogState {
  return { protocol: undefined, metaData: undefined, files: new Map() };
}

/** Applies the actions of an entry. */
export function replay(state: LogState, actions: readonly Action[]): void {
  for (const action of actions)
    if ('add' in action) state.files.set(action.add.path, action.add);
    else if ('remove' in action) state.files.delete(action.remove.path);
    else if ('metaData' in action) state.metaData = action.metaData;
    else if ('protocol' in action) state.protocol = action.protocol;
}

const text = (name: string): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: 'OPTIONAL',
});
const plain = (name: string, type: 'INT32' | 'INT64' | 'BOOLEAN'): SchemaElement => ({
  name,
  type,
  repetition_type: 'OPTIONAL',
});
const group = (name: string, ...children: SchemaElement[][]): SchemaElement[] => [
  { name, num_children: children.length, repetition_type: 'OPTIONAL' },
  ...children.flat(),
];
const map = (name: string): SchemaElement[] => [
  { name, num_children: 1, converted_type: 'MAP', repetition_type: 'OPTIONAL' },
  { name: 'key_value', num_children: 2, repetition_type: 'REPEATED' },
  { name: 'key', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
  text('value'),
];
const texts = (name: string): SchemaElement[] => [
  { name, num_children: 1, converted_type: 'LIST', repetition_type: 'OPTIONAL' },
  { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
  text('element'),
];

const COLUMNS: readonly SchemaElement[][] = [
  group(
    'protocol',
    [plain('minReaderVersion', 'INT32')],
    [plain('minWriterVersion', 'INT32')],
    texts('readerFeatures'),
    texts('writerFeatures'),
  ),
  group(
    'metaData',
    [text('id')],
    group('format', [text('provider')], map('options')),
    [text('schemaString')],
    texts('partitionColumns'),
    map('configuration'),
    [plain('createdTime', 'INT64')],
  ),
  group(
    'add',
    [text('path')],
    map('partitionValues'),
    [plain('size', 'INT64')],
    [plain('modificationTime', 'INT64')],
    [plain('dataChange', 'BOOLEAN')],
  ),
];

/** @param state a log that has its protocol and its metadata */
export function checkpointBytes({ protocol, metaData, files }: LogState): Uint8Array {
  if (protocol === undefined || metaData === undefined) throw new TypeError('the log has no protocol or no metadata');
  const adds = [...files.values()];
  const columnData = [
    { name: 'protocol', data: [protocol, null, ...adds.map(() => null)] },
    {
      name: 'metaData',
      data: [null, { ...metaData, createdTime: BigInt(metaData.createdTime) }, ...adds.map(() => null)],
    },
    {
      name: 'add',
      data: [
        null,
        null,
        ...adds.map((add) => ({ ...add, size: BigInt(add.size), modificationTime: BigInt(add.modificationTime) })),
      ],
    },
  ];
  const schema: SchemaElement[] = [{ name: 'root', num_children: COLUMNS.length }, ...COLUMNS.flat()];
  return new Uint8Array(parquetWriteBuffer({ columnData, schema, statistics: false, rowGroupSize: 100_000 }));
}

/** A row of a checkpoint as it is read: whole numbers of 64 bits are bigint. */
interface CheckpointRow {
  protocol?: ProtocolAction | null;
  metaData?: (Omit<MetaDataAction, 'createdTime'> & { createdTime: bigint }) | null;
  add?: (Omit<AddAction, 'size' | 'modificationTime'> & { size: bigint; modificationTime: bigint }) | null;
}

/** @throws Error for bytes that are no Parquet file */
export async function checkpointState(bytes: Uint8Array): Promise<LogState> {
  const { buffer } = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
  const file: AsyncBuffer = {
    byteLength: buffer.byteLength,
    slice: (start, end) => (buffer as ArrayBuffer).slice(start, end),
  };
  const state = emptyLog();
  for (const { protocol, metaData, add } of (await parquetReadObjects({ file })) as CheckpointRow[]) {
    if (protocol) state.protocol = protocol;
    if (metaData) state.metaData = { ...metaData, createdTime: Number(metaData.createdTime) };
    if (add)
      state.files.set(add.path, { ...add, size: Number(add.size), modificationTime: Number(add.modificationTime) });
  }
  return state;
}
