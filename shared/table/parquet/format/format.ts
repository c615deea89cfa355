/** Numbers of Parquet's format (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift). */
import type { ColumnType } from '../../tablecolumn.ts';

export const MAGIC = new TextEncoder().encode('PAR1');

export const REQUIRED = 0;
export const OPTIONAL = 1;

export const PLAIN = 0;
/** The name that dictionary pages and their data pages have in version 1: all readers know it. */
export const PLAIN_DICTIONARY = 2;
export const RLE = 3;

export const UNCOMPRESSED = 0;
export const ZSTD = 6;

export const DATA_PAGE = 0;
export const DICTIONARY_PAGE = 2;

/** BOUNDARY_ORDER of a column index. */
export const UNORDERED = 0;
export const ASCENDING = 1;
export const DESCENDING = 2;

const TYPES: Record<ColumnType, number> = {
  BOOLEAN: 0,
  INTEGER: 1,
  BIGINT: 2,
  TIMESTAMP: 2,
  DOUBLE: 5,
  VARCHAR: 6,
};

/** Number of the physical type. */
export function physicalType(type: ColumnType): number {
  return TYPES[type];
}

/** Version 1's logical types. */
export const CONVERTED_TYPES: Partial<Record<ColumnType, number>> = {
  VARCHAR: 0,
  TIMESTAMP: 10,
  INTEGER: 17,
  BIGINT: 18,
};
