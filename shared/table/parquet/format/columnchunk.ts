/**
 * Writes a column chunk: the values of a column in a row group, in pages of the same rows for all columns, so that a
 * reader which knows the rows it needs (from the column index) reads the pages that hold them (by the offset index).
 */
import { crc32 } from 'node:zlib';
import { zstdFrame } from '../../../algorithm/zstd.ts';
import type { TableColumn } from '../../tablecolumn.ts';
import { BloomFilter } from './bloomfilter.ts';
import type { FileSink } from './filesink.ts';
import {
  ASCENDING,
  DATA_PAGE,
  DESCENDING,
  DICTIONARY_PAGE,
  PLAIN,
  PLAIN_DICTIONARY,
  RLE,
  UNCOMPRESSED,
  UNORDERED,
  ZSTD,
} from './format.ts';
import type { Bound, Dictionary, Extremes, GroupColumn } from './groupcolumn.ts';
import { mostHybridBytes, writeHybrid } from './hybrid.ts';
import { ThriftWriter } from './thrift.ts';

/** Smaller chunks are not compressed: a frame of zstd would take more time than it saves bytes. */
const LEAST_COMPRESSED = 128;

/** A page, as the page index describes it. */
export interface Page {
  offset: number;
  /** With its header. */
  bytes: number;
  firstRow: number;
  nulls: number;
  /** Undefined for a page of NULLs, and where there is no short bound. */
  least: Bound | undefined;
  most: Bound | undefined;
}

export interface WrittenChunk {
  codec: number;
  dictionaryOffset: number | undefined;
  pages: Page[];
  rows: number;
  nulls: number;
  compressedBytes: number;
  uncompressedBytes: number;
  least: Bound | undefined;
  most: Bound | undefined;
  order: number;
  /** Whether every page with values has bounds, so that the chunk can have a column index. */
  indexed: boolean;
  filter: Uint8Array | undefined;
}

/** A page before it is compressed. */
let scratch = new Uint8Array(1 << 16);
/** A number for each row of a page. */
let wordScratch = new Uint32Array(0);
const thrift = new ThriftWriter();

/**
 * Write what a column has gathered.
 *
 * @param pageRows rows of a page
 * @throws the system's error when the file cannot be written
 */
export function writeColumnChunk(
  sink: FileSink,
  column: Pick<TableColumn, 'nullable' | 'lookedUp'>,
  values: GroupColumn,
  pageRows: number,
): WrittenChunk {
  const dictionary = values.count > 0 ? values.dictionary() : undefined;
  const written: WrittenChunk = {
    codec: ZSTD,
    dictionaryOffset: undefined,
    pages: [],
    rows: values.rows,
    nulls: values.nulls,
    compressedBytes: 0,
    uncompressedBytes: 0,
    least: undefined,
    most: undefined,
    order: UNORDERED,
    indexed: true,
    filter: column.lookedUp ? filterOf(values, dictionary) : undefined,
  };
  const begin = sink.position;
  const bounds = new Bounds(values, dictionary);
  if (dictionary === undefined ? values.plain(0, values.count).length < LEAST_COMPRESSED : isTiny(dictionary))
    written.codec = UNCOMPRESSED;
  if (dictionary !== undefined) {
    written.dictionaryOffset = sink.position;
    writePage(
      sink,
      written,
      dictionary.bytes,
      () => {
        thrift.inner(7, () => {
          thrift.i32(1, dictionary.size);
          thrift.i32(2, PLAIN_DICTIONARY);
        });
      },
      DICTIONARY_PAGE,
    );
  }
  for (let row = 0, from = 0; row < values.rows; row += pageRows) {
    const rows = Math.min(pageRows, values.rows - row);
    const to = from + presentIn(values, row, rows);
    const offset = sink.position;
    const body = pageBody(column, values, dictionary, row, rows, from, to);
    writePage(
      sink,
      written,
      body,
      () => {
        thrift.inner(5, () => {
          thrift.i32(1, rows);
          thrift.i32(2, dictionary === undefined ? PLAIN : PLAIN_DICTIONARY);
          thrift.i32(3, RLE);
          thrift.i32(4, RLE);
        });
      },
      DATA_PAGE,
    );
    const { least, most } = bounds.ofPage(from, to);
    if (to > from && (least === undefined || most === undefined)) written.indexed = false;
    written.pages.push({
      offset,
      bytes: sink.position - offset,
      firstRow: row,
      nulls: rows - (to - from),
      least,
      most,
    });
    from = to;
  }
  written.compressedBytes = sink.position - begin;
  ({ least: written.least, most: written.most, order: written.order } = bounds.ofChunk());
  return written;
}

/** Whether dictionary and places are so few bytes that they are not worth a frame. */
function isTiny({ size, bytes, places }: Dictionary): boolean {
  return bytes.length + (size === 1 ? 0 : places.length) < LEAST_COMPRESSED;
}

function filterOf(values: GroupColumn, dictionary: Dictionary | undefined): Uint8Array | undefined {
  if (values.count === 0) return undefined;
  const filter = new BloomFilter(dictionary?.size ?? values.count);
  values.addTo(filter, dictionary);
  return filter.bytes();
}

function presentIn(values: GroupColumn, row: number, rows: number): number {
  return values.nulls === 0 ? rows : sumOf(values.levels, row, row + rows);
}

function sumOf(levels: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += levels[i];
  return sum;
}

/** Levels where the column may have NULLs, then values [from, to) or their places in the dictionary; valid until the next page. */
function pageBody(
  column: Pick<TableColumn, 'nullable'>,
  values: GroupColumn,
  dictionary: Dictionary | undefined,
  row: number,
  rows: number,
  from: number,
  to: number,
): Uint8Array {
  if (!column.nullable && dictionary === undefined) return values.plain(from, to);
  const width = dictionary === undefined ? 0 : Math.max(1, Math.ceil(Math.log2(dictionary.size)));
  const plain = dictionary === undefined ? values.plain(from, to) : undefined;
  room(4 + mostHybridBytes(rows, 1) + (plain === undefined ? 1 + mostHybridBytes(to - from, width) : plain.length));
  let at = 0;
  if (column.nullable) {
    at = values.nulls === 0 ? allPresent(rows) : writeLevels(values.levels, row, rows);
    new DataView(scratch.buffer).setUint32(0, at - 4, true);
  }
  if (dictionary !== undefined) {
    scratch[at++] = width;
    at = writeHybrid(dictionary.places, from, to, width, scratch, at);
  } else if (plain !== undefined) {
    scratch.set(plain, at);
    at += plain.length;
  }
  return scratch.subarray(0, at);
}

/** @returns the place behind them */
function writeLevels(levels: Uint8Array, row: number, rows: number): number {
  const words = someWords(rows);
  words.set(levels.subarray(row, row + rows));
  return writeHybrid(words, 0, rows, 1, scratch, 4);
}

/** Words for the moment, as many at least. */
function someWords(count: number): Uint32Array {
  if (wordScratch.length < count) wordScratch = new Uint32Array(count);
  return wordScratch;
}

const ONE = Uint8Array.of(1);

/** Levels of a page without NULLs. @returns the place behind them */
function allPresent(rows: number): number {
  let at = 4;
  let run = rows * 2;
  for (; run >= 128; run = Math.floor(run / 128)) scratch[at++] = (run % 128) | 128;
  scratch[at++] = run;
  scratch.set(ONE, at);
  return at + 1;
}

function room(bytes: number): void {
  if (scratch.length < bytes) scratch = new Uint8Array(bytes * 2);
}

function writePage(sink: FileSink, chunk: WrittenChunk, body: Uint8Array, header: () => void, type: number): void {
  const stored = chunk.codec === ZSTD ? zstdFrame(body) : body;
  thrift.struct(() => {
    thrift.i32(1, type);
    thrift.i32(2, body.length);
    thrift.i32(3, stored.length);
    thrift.i32(4, crc32(stored) | 0);
    header();
  });
  const head = thrift.take();
  sink.write(head);
  sink.write(stored);
  chunk.uncompressedBytes += head.length + body.length;
}

/** Least and greatest values of pages and of the chunk. */
class Bounds {
  private readonly values: GroupColumn;
  private readonly dictionary: Dictionary | undefined;
  /** For each place of the dictionary the last page, counted from 1, that has it: values are compared once a page. */
  private readonly seen: Uint32Array;
  private readonly found: Extremes = { least: -1, most: -1 };
  private pages = 0;
  private least = -1;
  private most = -1;
  private lastLeast = -1;
  private lastMost = -1;
  private rising = true;
  private falling = true;

  constructor(values: GroupColumn, dictionary: Dictionary | undefined) {
    this.values = values;
    this.dictionary = dictionary;
    this.seen = new Uint32Array(dictionary?.size ?? 0);
  }

  ofPage(from: number, to: number): { least: Bound | undefined; most: Bound | undefined } {
    const { values, seen } = this;
    const places = this.dictionary?.places;
    const page = ++this.pages;
    if (from === to) return { least: undefined, most: undefined };
    const which = someWords(to - from);
    const count = places === undefined ? countUp(which, from, to) : findNew(which, places, seen, page, from, to);
    values.extremes(which, count, this.found);
    const { least, most } = this.found;
    if (least < 0) return { least: undefined, most: undefined };
    if (this.least < 0 || values.compare(least, this.least) < 0) this.least = least;
    if (this.most < 0 || values.compare(most, this.most) > 0) this.most = most;
    if (this.lastLeast >= 0) {
      const lows = values.compare(least, this.lastLeast);
      const highs = values.compare(most, this.lastMost);
      if (lows < 0 || highs < 0) this.rising = false;
      if (lows > 0 || highs > 0) this.falling = false;
    }
    this.lastLeast = least;
    this.lastMost = most;
    return { least: values.bound(least, false), most: values.bound(most, true) };
  }

  ofChunk(): { least: Bound | undefined; most: Bound | undefined; order: number } {
    const { values } = this;
    const order = this.rising ? ASCENDING : this.falling ? DESCENDING : UNORDERED;
    if (this.least < 0) return { least: undefined, most: undefined, order };
    return { least: values.bound(this.least, false), most: values.bound(this.most, true), order };
  }
}

/** Numbers [from, to). @returns how many */
function countUp(which: Uint32Array, from: number, to: number): number {
  for (let i = from; i < to; i++) which[i - from] = i;
  return to - from;
}

/** Of values [from, to) the first of each place that this page has not had. @returns how many */
function findNew(
  which: Uint32Array,
  places: Uint32Array,
  seen: Uint32Array,
  page: number,
  from: number,
  to: number,
): number {
  let count = 0;
  for (let i = from; i < to; i++) {
    if (seen[places[i]] === page) continue;
    seen[places[i]] = page;
    which[count++] = i;
  }
  return count;
}
