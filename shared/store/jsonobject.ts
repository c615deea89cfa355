/**
 * Objects that hold a JSON value: the value on one line, and on the next its CRC-32 as a JSON string, so that programs
 * which read JSON values one after another read these objects too. Long lists are compressed with zstd. Changes by a power cut, a bad disk or a manual edit
 * are detected when the object is read.
 */
import { crc32, zstdDecompressSync } from 'node:zlib';
import { isZstdFrame, zstdFrame } from '../algorithm/zstd.ts';
import { type ObjectStore, StoreError } from './objectstore.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const NEWLINE = 10;
const BRACE = 0x7b;
const BRACKET = 0x5b;

function checkLine(crc: number): string {
  return `"crc32:${crc.toString(16).padStart(8, '0')}"\n`;
}

const CHECK_BYTES = checkLine(0).length;

/** A value as the bytes of a JSON object: two lines, each with its newline. */
export function jsonBytes(value: unknown): Uint8Array {
  const text = encoder.encode(`${JSON.stringify(value)}\n`);
  const bytes = new Uint8Array(text.length + CHECK_BYTES);
  bytes.set(text);
  encoder.encodeInto(checkLine(crc32(text)), bytes.subarray(text.length));
  return bytes;
}

/** Bytes from which a list is compressed: shorter ones are read by people. */
const LONG_BYTES = 16 << 10;

/**
 * As jsonBytes, compressed where it is long: for what grows with captures. A job of a growing data set reads and writes
 * such lists anew; they are a sixth as long then.
 */
export function listBytes(value: unknown): Uint8Array {
  const bytes = jsonBytes(value);
  return bytes.length < LONG_BYTES ? bytes : zstdFrame(bytes);
}

/**
 * The value that `jsonBytes` or `listBytes` wrote.
 * @param key the object's name in errors
 * @throws StoreError 'damaged' for any other bytes
 */
export function parseJson<T>(key: string, bytes: Uint8Array): T {
  return parsePlain(key, isZstdFrame(bytes) ? decompressed(key, bytes) : bytes);
}

function decompressed(key: string, bytes: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(bytes);
  } catch (cause) {
    throw new StoreError('damaged', key, `${key} is damaged: its ${bytes.length} bytes are no zstd frame`, cause);
  }
}

function parsePlain<T>(key: string, bytes: Uint8Array): T {
  const text = bytes.subarray(0, Math.max(0, bytes.length - CHECK_BYTES));
  if (text.at(-1) === NEWLINE && decoder.decode(bytes.subarray(text.length)) === checkLine(crc32(text)))
    return JSON.parse(decoder.decode(text)) as T;
  const unchecked = wholeValue(bytes);
  if (unchecked === undefined)
    throw new StoreError('damaged', key, `${key} is damaged: its ${bytes.length} bytes do not match their checksum`);
  return unchecked as T;
}

/**
 * The JSON object or array in these bytes, undefined if there is no valid one. Objects of the first version had no
 * checksum: valid JSON is taken as undamaged.
 */
function wholeValue(bytes: Uint8Array): unknown {
  if (bytes[0] !== BRACE && bytes[0] !== BRACKET) return undefined;
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

/**
 * An object's JSON value, undefined when there is no such object.
 * @throws StoreError 'damaged' when the object does not hold what was written
 */
export async function getJson<T>(store: Pick<ObjectStore, 'get'>, key: string): Promise<T | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await store.get(key);
  } catch (error) {
    if (error instanceof StoreError && error.reason === 'missing') return undefined;
    throw error;
  }
  return parseJson<T>(key, bytes);
}
