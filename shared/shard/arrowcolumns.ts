/** Typed columns as Arrow columns. */
import { type Data, type DataType, Float64, Int32, makeData, Uint8, Uint16, Uint32 } from 'apache-arrow';

type NumberArray = Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array;

/** The Arrow type of a column's numbers. */
export function arrowTypeOf(column: NumberArray): DataType {
  if (column instanceof Float64Array) return new Float64();
  if (column instanceof Uint32Array) return new Uint32();
  if (column instanceof Int32Array) return new Int32();
  return column instanceof Uint16Array ? new Uint16() : new Uint8();
}

/** An Arrow child of `rows` rows around a column of numbers, none of them null. */
export function numberChild(type: DataType, values: NumberArray, rows: number): Data {
  return makeData({ type, length: rows, nullCount: 0, data: values } as Parameters<typeof makeData>[0]);
}
