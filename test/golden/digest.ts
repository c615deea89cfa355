/**
 * Digests of the content of objects, column by column, not of their bytes: the compression libraries (zstd in Node and
 * in DuckDB) may produce other bytes of the same content from version to version, and Parquet's footer names the
 * program that wrote it. What a reader needs besides the values is digested too: schemas, codecs, batches, row groups.
 */
import { createHash, type Hash } from 'node:crypto';
import { type Data, MessageReader, RecordBatchReader } from 'apache-arrow';
import { type FileMetaData, parquetMetadata, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/** Most values of a column that are kept for the coverage tests. */
const MOST_VALUES = 5000;

/** Named digests, which show what has changed. */
export class Parts {
  private readonly hashes = new Map<string, Hash>();

  /** Takes a value into the digest of a part. */
  add(part: string, value: string | Uint8Array): void {
    let hash = this.hashes.get(part);
    if (hash === undefined) this.hashes.set(part, (hash = createHash('sha256')));
    hash.update(`${value.length} `).update(value);
  }

  addJson(part: string, value: unknown): void {
    this.add(
      part,
      JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? `${member}n` : member)) ??
        'undefined',
    );
  }

  digests(): Record<string, string> {
    const named = [...this.hashes].map(([part, hash]) => [part, hash.digest('hex').slice(0, 16)] as const);
    return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** The bytes of one column in a batch: its values, and their offsets if they vary in length. */
function addData(parts: Parts, part: string, data: Data): void {
  parts.add(part, `${data.type} ${data.length} ${data.nullCount}`);
  for (const buffer of [data.valueOffsets, data.values] as (ArrayBufferView | undefined)[]) {
    if (buffer === undefined) continue;
    const { buffer: memory, byteOffset } = buffer;
    // Buffers are padded to eight bytes; the padding is not digested.
    const length = Math.min(buffer.byteLength, lengthOf(data, buffer));
    parts.add(part, new Uint8Array(memory, byteOffset, length));
  }
  for (const child of data.children) addData(parts, part, child);
}

function lengthOf(data: Data, buffer: ArrayBufferView): number {
  const ends = data.valueOffsets as Int32Array | undefined;
  if (buffer === ends) return (data.length + 1) * 4;
  if (ends !== undefined && ends.length > data.length) return ends[data.length];
  return data.length * data.stride * ((buffer as Uint8Array).BYTES_PER_ELEMENT ?? 1);
}

/** An Arrow stream or file: parts `<name>: <column>` and `<name>: form`. */
export function addArrow(parts: Parts, name: string, bytes: Uint8Array): void {
  const reader = RecordBatchReader.from(bytes).open();
  parts.addJson(`${name}: form`, [
    reader.schema.fields.map((field) => [field.name, String(field.type), field.nullable]),
    [...reader.schema.metadata],
  ]);
  for (const batch of reader) {
    parts.add(`${name}: form`, `${batch.numRows} rows`);
    for (const [at, child] of batch.data.children.entries())
      addData(parts, `${name}: ${reader.schema.fields[at].name}`, child);
  }
  parts.addJson(`${name}: form`, codecs(bytes));
}

/** How the bodies of an Arrow stream's batches are compressed; a file begins with a magic number. */
function codecs(bytes: Uint8Array): (number | null)[] {
  const isFile = new TextDecoder().decode(bytes.subarray(0, 6)) === 'ARROW1';
  const found: (number | null)[] = [];
  const messages = new MessageReader(isFile ? bytes.subarray(8) : bytes);
  for (const message of messages) {
    if (!message.isRecordBatch()) continue;
    found.push((message.header() as unknown as { compression: { type: number } | null }).compression?.type ?? null);
    messages.readMessageBody(message.bodyLength);
  }
  return found;
}

/** A Parquet file: parts `<table>: <column>` and `<table>: form`. @param values gets the values of each column, as far as they are few */
export async function addParquet(
  parts: Parts,
  table: string,
  bytes: Uint8Array,
  values: Map<string, Set<string>>,
): Promise<void> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const metadata = parquetMetadata(file);
  parts.addJson(`${table}: form`, formOf(metadata));
  const rows = await parquetReadObjects({ file, compressors });
  const columns = metadata.schema.slice(1).map(({ name }) => name);
  for (const column of columns) {
    const part = `${table}: ${column}`;
    const seen = values.get(part) ?? new Set();
    values.set(part, seen);
    for (const row of rows) {
      const text = valueText(row[column]);
      parts.add(part, text);
      if (seen.size < MOST_VALUES) seen.add(text);
    }
  }
}

function valueText(value: unknown): string {
  if (value instanceof Date) return `date ${value.getTime()}`;
  return `${typeof value} ${value}`;
}

/** The file's metadata without encodings, sizes and statistics, which DuckDB chooses. */
function formOf({ schema, row_groups, key_value_metadata }: FileMetaData): unknown {
  return {
    schema: schema.map(({ name, type, repetition_type, converted_type, logical_type }) => ({
      name,
      type,
      repetition_type,
      converted_type,
      logical_type,
    })),
    groups: row_groups.map(({ num_rows, columns }) => [num_rows, columns.map(({ meta_data }) => meta_data?.codec)]),
    metadata: key_value_metadata?.map(({ key }) => key),
  };
}
