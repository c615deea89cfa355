/**
 * Rows as typed columns, one array a column: allocation, growth, copies and Arrow fields follow from one list of the
 * columns, so that a new column needs to be added to the list only.
 *
 * The methods are generated as straight-line code, once for each list: a loop over the columns' names would look up
 * each array by name for every row copied.
 */

const KINDS = {
  f64: Float64Array,
  u32: Uint32Array,
  i32: Int32Array,
  u16: Uint16Array,
  u8: Uint8Array,
} as const;

/** The type of a column's numbers: letter and bits of an array's elements. */
export type ColumnKind = keyof typeof KINDS;
/** A kind, or a kind and how many elements a row has. */
export type ColumnSpec = ColumnKind | readonly [ColumnKind, number];
/** A list of columns, in order. */
export type ColumnSpecs = Readonly<Record<string, ColumnSpec>>;

type KindOf<Spec extends ColumnSpec> = Spec extends readonly [infer Kind extends ColumnKind, number]
  ? Kind
  : Spec & ColumnKind;

/** The arrays of a list of columns, by name. */
export type ColumnArrays<Specs extends ColumnSpecs> = {
  -readonly [Name in keyof Specs]: InstanceType<(typeof KINDS)[KindOf<Specs[Name]>]>;
};

/** What all classes of columns have in common. Rows beyond `length` are stale and never read. */
export interface TypedRows {
  /** Rows in use. */
  length: number;
  /** Rows allocated. */
  capacity: number;
  /** Whether there is no room for another row. */
  readonly full: boolean;
  /** Remove the rows, keep the memory. */
  clear(): void;
  /** Make room for at least `rows` rows in all, keeping the existing ones. Growth is by doubling. */
  reserve(rows: number): void;
  /** Remove the rows [0, first), and move the `count` rows after them to the beginning. */
  keepRows(first: number, count: number): void;
}

/** The arrays of a list of columns, and what can be done with their rows. */
export type TypedColumns<Specs extends ColumnSpecs> = ColumnArrays<Specs> &
  TypedRows & {
    /** Append row `row` of `from`, all columns unchanged, and make room for it. @returns its number */
    pushRow(from: ColumnArrays<Specs>, row: number): number;
    /** Append rows [first, to) of `from`, and make room for them. @returns the number of the first */
    pushRows(from: ColumnArrays<Specs>, first: number, to: number): number;
  };

/** The names of a list of columns, in order. */
export function namesOf<Specs extends ColumnSpecs>(specs: Specs): (keyof Specs & string)[] {
  return Object.keys(specs);
}

/** A class of rows with these columns, to be extended. Names are those of properties: letters and digits. */
export function typedColumns<const Specs extends ColumnSpecs>(
  specs: Specs,
): new (
  capacity: number,
) => TypedColumns<Specs> {
  const columns = Object.entries(specs).map(([name, spec]) => {
    const [kind, width] = typeof spec === 'string' ? [spec, 1] : spec;
    if (!/^[a-z][A-Za-z0-9]*$/.test(name)) throw new RangeError(`'${name}' cannot name a column`);
    return { name, width, type: KINDS[kind].name, times: width === 1 ? '' : ` * ${width}` };
  });
  const each = (line: (column: (typeof columns)[number]) => string): string => columns.map(line).join('\n');
  return new Function(`return class {
    constructor(capacity) {
      this.length = 0;
      this.capacity = capacity;
      ${each(({ name, type, times }) => `this.${name} = new ${type}(capacity${times});`)}
    }
    get full() {
      return this.length === this.capacity;
    }
    clear() {
      this.length = 0;
    }
    reserve(rows) {
      if (rows <= this.capacity) return;
      const capacity = Math.max(rows, this.capacity * 2);
      ${each(
        ({ name, type, times }) => `const ${name} = new ${type}(capacity${times});
        ${name}.set(this.${name});
        this.${name} = ${name};`,
      )}
      this.capacity = capacity;
    }
    keepRows(first, count) {
      ${each(({ name, times }) => `this.${name}.copyWithin(0, first${times}, (first + count)${times});`)}
      this.length = count;
    }
    pushRow(from, row) {
      const at = this.length;
      if (at === this.capacity) this.reserve(at + 1);
      ${each(({ name, width }) =>
        width === 1
          ? `this.${name}[at] = from.${name}[row];`
          : `const ${name} = this.${name}, ${name}From = from.${name};
        for (let i = 0, p = at * ${width}, q = row * ${width}; i < ${width}; i++) ${name}[p + i] = ${name}From[q + i];`,
      )}
      this.length = at + 1;
      return at;
    }
    pushRows(from, first, to) {
      const at = this.length;
      const length = at + to - first;
      if (length > this.capacity) this.reserve(length);
      ${each(
        ({ name, times }) => `const ${name} = this.${name}, ${name}From = from.${name};
        for (let p = at${times}, q = first${times}, end = to${times}; q < end; p++, q++) ${name}[p] = ${name}From[q];`,
      )}
      this.length = length;
      return at;
    }
  }`)();
}
