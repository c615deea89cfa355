/**
 * Counts in how many rows, fields and captures two tables of sessions agree.
 *
 * Rows are matched by start time in microseconds and 5-tuple, whichever end is
 * the originator. A row that only one side has differs in every field.
 */
import { type ConnRow, FIELDS } from '../fidelity.ts';

export type Field = (typeof FIELDS)[number];

/** A session as both sides have it; one side may be missing. */
export interface Pair {
  ours: ConnRow | undefined;
  zeek: ConnRow | undefined;
}

/** One pair that differs. */
export interface Difference extends Pair {
  capture: string;
  fields: Field[];
  kind: string;
}

/** Time and 5-tuple without direction: what a row is found by. */
function identity(row: ConnRow): string {
  const ends = [`${row.orig_h} ${row.orig_p}`, `${row.resp_h} ${row.resp_p}`].sort();
  return `${row.ts} ${row.proto} ${row.ip_proto} ${ends.join(' ')}`;
}

function differingFields({ ours, zeek }: Pair): Field[] {
  if (ours === undefined || zeek === undefined) return [...FIELDS];
  return FIELDS.filter((field) => ours[field] !== zeek[field]);
}

/** The kind of a difference, to count by. */
function protocolKind(pair: Pair, fields: readonly Field[]): string {
  const row = pair.zeek ?? pair.ours;
  const proto = row?.proto === 'unknown_transport' ? `IP protocol ${row.ip_proto}` : row?.proto;
  if (pair.ours === undefined) return `${proto}: only Zeek has the row`;
  if (pair.zeek === undefined) return `${proto}: only we have the row`;
  return `${proto}: ${fields.join(', ')}`;
}

/** The rows of two tables side by side, in order of time; rows of the same identity in their original order. */
export function pairRows(ours: readonly ConnRow[], zeek: readonly ConnRow[]): Pair[] {
  const waiting = new Map<string, ConnRow[]>();
  for (const row of ours) {
    const id = identity(row);
    const same = waiting.get(id);
    if (same === undefined) waiting.set(id, [row]);
    else same.push(row);
  }
  const pairs: Pair[] = zeek.map((row) => ({ ours: waiting.get(identity(row))?.shift(), zeek: row }));
  for (const rest of waiting.values()) for (const row of rest) pairs.push({ ours: row, zeek: undefined });
  return pairs.sort((a, b) => ((a.zeek ?? a.ours)?.ts ?? 0) - ((b.zeek ?? b.ours)?.ts ?? 0));
}

/** The comparison of some captures, of each the first `limit` rows. */
export class Part {
  readonly name: string;
  rows = 0;
  /** Rows equal in every field, and by field. */
  equal = 0;
  readonly equalBy = Object.fromEntries(FIELDS.map((f) => [f, 0])) as Record<Field, number>;
  captures = 0;
  /** Captures all of whose rows are equal. */
  capturesEqual = 0;
  readonly differences: Difference[] = [];
  private readonly limit: number;

  constructor(name: string, limit = Number.POSITIVE_INFINITY) {
    this.name = name;
    this.limit = limit;
  }

  add(capture: string, pairs: readonly Pair[]): void {
    this.captures++;
    let whole = true;
    for (const pair of pairs.slice(0, this.limit)) {
      const fields = differingFields(pair);
      this.rows++;
      for (const field of FIELDS) if (!fields.includes(field)) this.equalBy[field]++;
      if (fields.length === 0) {
        this.equal++;
        continue;
      }
      whole = false;
      this.differences.push({ capture, fields, kind: protocolKind(pair, fields), ...pair });
    }
    if (whole) this.capturesEqual++;
  }
}
