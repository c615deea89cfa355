/**
 * The tables in Glue's catalog: after a job's commit the partitions of its data set are the job's, and lead to its files.
 *
 * There is no call that changes many partitions at once, so a reader may come in between. Partitions that the job
 * has not are deleted first, those that lead to an earlier job's files are pointed at its own next, the newest
 * day first, and new ones are created last. So a session that begins earlier now that there are more captures, or
 * lies in a day that was not there, is missing for a moment and never there twice; one that begins on a
 * later day than before, since captures were taken away, may be there twice for as long as the updates take. All else of a
 * day changes in one step.
 */
import {
  BatchCreatePartitionCommand,
  BatchDeletePartitionCommand,
  BatchUpdatePartitionCommand,
  type ErrorDetail,
  GetTableCommand,
  GlueClient,
  type PartitionInput,
  paginateGetPartitions,
  type Table,
} from '@aws-sdk/client-glue';
import type { Catalog } from '../shared/job/context.ts';
import type { JobSummary } from '../shared/job/summary.ts';
import { clientSettings } from '../shared/store/aws/awsclient.ts';

/** Partitions of one call, as Glue takes them. */
const MOST_WRITTEN = 100;
const MOST_DELETED = 25;
/** Times that a table's partitions are looked at when others change them meanwhile. */
const MOST_ROUNDS = 4;
/** Partitions that an error names. */
const MOST_NAMED = 5;

/** One partition: its values in the order of the table's keys, and where its files are. */
interface Place {
  values: string[];
  location: string;
}

/** A partition that Glue did not change, and why. */
interface Failure {
  values: readonly string[];
  detail: ErrorDetail | undefined;
}

export class GlueCatalog implements Catalog {
  private readonly database: string;
  private readonly bucket: string;
  private readonly client: GlueClient;

  /** @param database Glue's name of it. @param resultsBucket bucket in which the files of `register`'s summaries are */
  constructor(database: string, resultsBucket: string, client: GlueClient = new GlueClient(clientSettings({}))) {
    this.database = database;
    this.bucket = resultsBucket;
    this.client = client;
  }

  /**
   * Makes the data set's partitions those of the job. Doing it again, or twice at once, changes nothing.
   * @throws Error that names the partitions which Glue did not change, and its reason; doing it again goes on from there
   */
  async register(summary: JobSummary): Promise<void> {
    for (const [name, files] of Object.entries(summary.files)) {
      const table = await this.table(name);
      const wanted = this.placesOf(table, files);
      let round = 1;
      while (!(await this.reconcile(table, summary.dataset, wanted)))
        if (round++ === MOST_ROUNDS)
          throw new Error(
            `others keep changing the partitions of ${this.called(name)}: does the data set have one job?`,
          );
    }
  }

  /** @returns false when somebody else was changing the same partitions, so that they must be looked at again */
  private async reconcile(table: Table, dataset: string, wanted: ReadonlyMap<string, Place>): Promise<boolean> {
    const there = await this.existing(table, dataset);
    const gone = [...there].filter(([key]) => !wanted.has(key)).map(([, place]) => place);
    const ours = [...wanted].sort(([a], [b]) => (a < b ? 1 : -1));
    const moved = ours.filter(([key, { location }]) => (there.get(key)?.location ?? location) !== location);
    const created = ours.filter(([key]) => !there.has(key));
    await this.remove(table, gone);
    // One after the other, and both in any case: what one of them met does not undo the other.
    const movedAll = await this.repoint(
      table,
      moved.map(([, place]) => place),
    );
    const createdAll = await this.create(
      table,
      created.map(([, place]) => place),
    );
    return movedAll && createdAll;
  }

  private async remove(table: Table, places: readonly Place[]): Promise<void> {
    for (const some of batches(places, MOST_DELETED)) {
      const PartitionsToDelete = some.map(({ values }) => ({ Values: values }));
      const { Errors = [] } = await this.client.send(
        new BatchDeletePartitionCommand({ ...this.at(table), PartitionsToDelete }),
      );
      const failures = Errors.map((error) => ({ values: error.PartitionValues ?? [], detail: error.ErrorDetail }));
      this.settle(table, 'deleted', failures, 'EntityNotFoundException');
    }
  }

  private async repoint(table: Table, places: readonly Place[]): Promise<boolean> {
    let all = true;
    for (const some of batches(places, MOST_WRITTEN)) {
      const Entries = some.map((place) => ({
        PartitionValueList: place.values,
        PartitionInput: inputOf(table, place),
      }));
      const { Errors = [] } = await this.client.send(new BatchUpdatePartitionCommand({ ...this.at(table), Entries }));
      const failures = Errors.map((error) => ({ values: error.PartitionValueList ?? [], detail: error.ErrorDetail }));
      if (!this.settle(table, 'updated', failures, 'EntityNotFoundException')) all = false;
    }
    return all;
  }

  private async create(table: Table, places: readonly Place[]): Promise<boolean> {
    let all = true;
    for (const some of batches(places, MOST_WRITTEN)) {
      const PartitionInputList = some.map((place) => inputOf(table, place));
      const { Errors = [] } = await this.client.send(
        new BatchCreatePartitionCommand({ ...this.at(table), PartitionInputList }),
      );
      const failures = Errors.map((error) => ({ values: error.PartitionValues ?? [], detail: error.ErrorDetail }));
      if (!this.settle(table, 'created', failures, 'AlreadyExistsException')) all = false;
    }
    return all;
  }

  /**
   * Looks at what a call could not do.
   * @param race what Glue says when somebody else was quicker
   * @returns whether there was nothing
   */
  private settle(table: Table, done: string, failures: readonly Failure[], race: string): boolean {
    const lost = failures.filter(({ detail }) => detail?.ErrorCode !== race);
    if (lost.length === 0) return failures.length === 0;
    const { ErrorCode, ErrorMessage } = lost[0].detail ?? {};
    const names = lost.slice(0, MOST_NAMED).map(({ values }) => partitionName(table, values));
    if (lost.length > MOST_NAMED) names.push(`and ${lost.length - MOST_NAMED} more`);
    const reason = `${ErrorCode}: ${ErrorMessage ?? 'Glue gives no reason'}`;
    throw new Error(`not ${done} in ${this.called(table.Name ?? '')}: partitions ${names.join(', ')}; ${reason}`);
  }

  /** @throws Error with the remedy when there is no such table */
  private async table(name: string): Promise<Table> {
    try {
      const { Table } = await this.client.send(new GetTableCommand({ DatabaseName: this.database, Name: name }));
      return Table as Table;
    } catch (error) {
      if ((error as Error).name !== 'EntityNotFoundException') throw error;
      throw new Error(`there is no ${this.called(name)}: deploy the catalog's stack`, { cause: error });
    }
  }

  /** Partitions of a job's files, by their name. */
  private placesOf(table: Table, files: readonly string[]): Map<string, Place> {
    const places = new Map<string, Place>();
    for (const file of files) {
      const folders = file.split('/').slice(0, -1);
      const values = keysOf(table).map((key) => {
        const folder = folders.find((each) => each.startsWith(`${key}=`));
        if (folder === undefined)
          throw new Error(`${file} lies in no folder ${key}=...: deploy the catalog's stack of this version anew`);
        return folder.slice(key.length + 1);
      });
      places.set(partitionName(table, values), { values, location: `s3://${this.bucket}/${folders.join('/')}/` });
    }
    return places;
  }

  /** The data set's partitions as they are in the catalog, by their name. */
  private async existing(table: Table, dataset: string): Promise<Map<string, Place>> {
    const places = new Map<string, Place>();
    const request = {
      ...this.at(table),
      Expression: `dataset = '${dataset.replaceAll("'", "''")}'`,
      ExcludeColumnSchema: true,
    };
    for await (const { Partitions = [] } of paginateGetPartitions({ client: this.client }, request))
      for (const { Values = [], StorageDescriptor } of Partitions)
        places.set(partitionName(table, Values), { values: Values, location: StorageDescriptor?.Location ?? '' });
    return places;
  }

  private at(table: Table): { DatabaseName: string; TableName: string | undefined } {
    return { DatabaseName: this.database, TableName: table.Name };
  }

  private called(table: string): string {
    return `table ${table} of the catalog's database ${this.database}`;
  }
}

const keysOf = ({ PartitionKeys = [] }: Table): string[] => PartitionKeys.map(({ Name }) => Name ?? '');

/** As Hive writes it, and people read it: dataset=a/dt=2024-05-06. */
function partitionName(table: Table, values: readonly string[]): string {
  return keysOf(table)
    .map((key, at) => `${key}=${values[at]}`)
    .join('/');
}

/** What is true of the table is true of each partition; the columns' comments, which are most of its bytes, are left to the table. */
function inputOf({ StorageDescriptor }: Table, { values, location }: Place): PartitionInput {
  const Columns = StorageDescriptor?.Columns?.map(({ Name, Type }) => ({ Name, Type }));
  return { Values: [...values], StorageDescriptor: { ...StorageDescriptor, Columns, Location: location } };
}

function* batches<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}
