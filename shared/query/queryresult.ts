/** The result of a query, in values of JavaScript. */

/**
 * A value in a row. Integers of 64 and more bits are bigint, as is a DECIMAL without places after the point; narrower
 * numbers are number; times are text, in UTC.
 */
export type QueryValue = string | number | bigint | boolean | null | Decimal | NestedValue;

/** A DECIMAL with places after the point, all of which are in its text. */
export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** A nested value. */
export interface NestedValue {
  /** As DuckDB writes it. */
  readonly text: string;
  /** Those of a ROW by the names of its fields, of a MAP by the text of its keys, of a list or an array in order. */
  readonly parts: Readonly<Record<string, QueryValue>> | readonly QueryValue[];
}

/** The result of a query. */
export interface QueryResult {
  columns: { name: string; type: string }[];
  rows: QueryValue[][];
  /** Whether rows beyond `maxRows` were left out. */
  truncated: boolean;
}
