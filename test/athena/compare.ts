/** One spelling for the values of both engines. */
import { Decimal, type QueryValue } from '../../shared/query/queryresult.ts';
import { sqlName } from '../../shared/table/parquet/sqltext.ts';
import type { ViewColumn } from '../../shared/views/view.ts';
import type { TrinoAnswer, TrinoValue } from './trinoprocess.ts';

type Plain = string | number | boolean | null;

/** Rows as both engines spell them: whole numbers of 64 bits and decimals as text, times to the millisecond. */
export function plainRows(
  columns: TrinoAnswer['columns'],
  rows: readonly (readonly (QueryValue | TrinoValue)[])[],
): Plain[][] {
  return rows.map((row) => row.map((value, i) => plain(value, columns[i].type)));
}

function plain(value: QueryValue | TrinoValue, type: string): Plain {
  if (value === null || typeof value === 'boolean') return value;
  if (value instanceof Decimal) return value.text;
  if (typeof value === 'object') throw new TypeError('ask for the fields of a ROW, not for the whole of it');
  if (type.startsWith('timestamp')) return milliseconds(String(value));
  if (type === 'bigint' || type.startsWith('decimal')) return String(value);
  return typeof value === 'bigint' ? Number(value) : value;
}

/** '2023-11-14 22:13:20', with 'T' and with a fraction or without, to '2023-11-14 22:13:20.000'. */
function milliseconds(text: string): string {
  const [whole, fraction = ''] = text.replace('T', ' ').split('.');
  return `${whole.length === 16 ? `${whole}:00` : whole}.${fraction.padEnd(3, '0')}`;
}

/** Rows in an order of their own, where a query gives none. */
export function sorted(rows: readonly Plain[][]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** Expressions for the columns of a view and, where they have fields, for each field. */
export function leaves(columns: readonly ViewColumn[], prefix = ''): string[] {
  return columns.flatMap((column) => {
    const name = `${prefix}${sqlName(column.name)}`;
    return 'fields' in column ? leaves(column.fields, `${name}.`) : [name];
  });
}
