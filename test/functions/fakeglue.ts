/** A small Glue in memory behind the SDK's own client: it keeps partitions, holds to Glue's limits, and can be told to fail. */
import {
  type BatchCreatePartitionRequest,
  type BatchDeletePartitionRequest,
  type BatchUpdatePartitionRequest,
  type GetPartitionsRequest,
  GlueClient,
  type PartitionInput,
  type Table,
} from '@aws-sdk/client-glue';
import { CREDENTIALS } from '../store/fakes3.ts';

/** Partitions of one answer. */
const PAGE = 1000;
const LIMITS: Record<string, number> = { create: 100, update: 100, delete: 25 };

/** A call that changes partitions: the values of each, joined by '/'. */
export interface Call {
  kind: 'create' | 'update' | 'delete';
  table: string;
  names: string[];
}

export class FakeGlue {
  readonly client = new GlueClient(CREDENTIALS);
  /** By table, and by their values joined by '/'. */
  readonly partitions = new Map<string, Map<string, PartitionInput>>();
  /** Calls that change partitions, in order. */
  readonly changes: Call[] = [];
  /** Calls that read partitions. */
  reads = 0;
  /** Runs before a call that changes partitions. */
  before: (call: Call) => void = () => {};
  /** Error code for a partition, or undefined where it is done. */
  fails: (call: Call, name: string) => string | undefined = () => undefined;

  constructor(tables: readonly Table[]) {
    for (const { Name = '' } of tables) this.partitions.set(Name, new Map());
    const answer = (command: string, input: unknown): object => {
      if (command === 'GetTableCommand')
        return { Table: tables.find(({ Name }) => Name === (input as { Name: string }).Name) };
      if (command === 'GetPartitionsCommand') return this.page(input as GetPartitionsRequest);
      if (command === 'BatchCreatePartitionCommand') return this.create(input as BatchCreatePartitionRequest);
      if (command === 'BatchUpdatePartitionCommand') return this.update(input as BatchUpdatePartitionRequest);
      if (command === 'BatchDeletePartitionCommand') return this.remove(input as BatchDeletePartitionRequest);
      throw new Error(`${command} is no call of the catalog`);
    };
    this.client.middlewareStack.add(
      (_next, { commandName = '' }) =>
        async ({ input }) => ({ output: { $metadata: {}, ...answer(commandName, input) }, response: {} }),
      { step: 'initialize', priority: 'high' },
    );
  }

  /** Where a table's partitions lead, by their values joined by '/'. */
  locations(table: string): Record<string, string | undefined> {
    const all = [...(this.partitions.get(table) ?? [])].sort();
    return Object.fromEntries(all.map(([name, { StorageDescriptor }]) => [name, StorageDescriptor?.Location]));
  }

  private page({ TableName = '', Expression, NextToken = '0', ExcludeColumnSchema }: GetPartitionsRequest): object {
    this.reads++;
    const dataset = /^dataset = '((?:[^']|'')*)'$/.exec(Expression ?? '')?.[1].replaceAll("''", "'");
    const found = [...this.partitions.get(TableName)!.values()].filter(({ Values }) => Values?.[0] === dataset);
    const from = Number(NextToken);
    const Partitions = found.slice(from, from + PAGE).map(({ Values, StorageDescriptor }) => {
      const { Columns, ...rest } = StorageDescriptor ?? {};
      return { Values, StorageDescriptor: ExcludeColumnSchema ? rest : { ...rest, Columns } };
    });
    return { Partitions, ...(from + PAGE < found.length ? { NextToken: String(from + PAGE) } : {}) };
  }

  private create({ TableName = '', PartitionInputList = [] }: BatchCreatePartitionRequest): object {
    const inputs = new Map(PartitionInputList.map((input) => [nameOf(input.Values), input]));
    const failed = this.change('create', TableName, inputs, (there, name) =>
      there.has(name) ? 'AlreadyExistsException' : undefined,
    );
    for (const [name, input] of inputs) if (!failed.has(name)) this.partitions.get(TableName)!.set(name, input);
    return { Errors: errors(failed).map(({ values, ErrorDetail }) => ({ PartitionValues: values, ErrorDetail })) };
  }

  private update({ TableName = '', Entries = [] }: BatchUpdatePartitionRequest): object {
    const inputs = new Map(Entries.map((entry) => [nameOf(entry.PartitionValueList), entry.PartitionInput ?? {}]));
    const failed = this.change('update', TableName, inputs, isMissing);
    for (const [name, input] of inputs) if (!failed.has(name)) this.partitions.get(TableName)!.set(name, input);
    return { Errors: errors(failed).map(({ values, ErrorDetail }) => ({ PartitionValueList: values, ErrorDetail })) };
  }

  private remove({ TableName = '', PartitionsToDelete = [] }: BatchDeletePartitionRequest): object {
    const names = new Map(PartitionsToDelete.map(({ Values }) => [nameOf(Values), null]));
    const failed = this.change('delete', TableName, names, isMissing);
    for (const name of names.keys()) if (!failed.has(name)) this.partitions.get(TableName)!.delete(name);
    return { Errors: errors(failed).map(({ values, ErrorDetail }) => ({ PartitionValues: values, ErrorDetail })) };
  }

  /** @returns codes of the partitions that are not changed, by their names */
  private change(
    kind: Call['kind'],
    table: string,
    entries: ReadonlyMap<string, unknown>,
    refuses: (there: ReadonlyMap<string, PartitionInput>, name: string) => string | undefined,
  ): Map<string, string> {
    const call = { kind, table, names: [...entries.keys()] };
    if (call.names.length === 0 || call.names.length > LIMITS[kind])
      throw new Error(`ValidationException: ${call.names.length} partitions to ${kind}`);
    this.before(call);
    this.changes.push(call);
    const failed = new Map<string, string>();
    for (const name of call.names) {
      const code = this.fails(call, name) ?? refuses(this.partitions.get(table)!, name);
      if (code !== undefined) failed.set(name, code);
    }
    return failed;
  }
}

const nameOf = (values: readonly string[] = []): string => values.join('/');

const isMissing = (there: ReadonlyMap<string, PartitionInput>, name: string): string | undefined =>
  there.has(name) ? undefined : 'EntityNotFoundException';

function errors(failed: ReadonlyMap<string, string>): { values: string[]; ErrorDetail: object }[] {
  return [...failed].map(([name, ErrorCode]) => ({
    values: name.split('/'),
    ErrorDetail: { ErrorCode, ErrorMessage: 'as the test wants' },
  }));
}
