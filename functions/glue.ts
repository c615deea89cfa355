/**
 * The tables in Glue's catalog: after a job's commit the partitions of its data set point to the job's files.
 *
 * No call changes many partitions atomically, so a reader may see a state in between. Partitions that the job
 * does not have are deleted first, those that point to an earlier job's files are updated next, the newest
 * day first, and new ones are created last. So a session that now begins on an earlier day, since captures were added, or
 * on a day that had no partition, is missing for a moment but never duplicated; one that now begins on a
 * later day, since captures were removed, may be seen twice while the updates run. Everything else of a
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
import type { Catalog, CatalogJob } from '../shared/job/context.ts';
import { clientSettings } from '../shared/store/aws/awsclient.ts';

/** Partitions per call: Glue's limits. */
const MOST_WRITTEN = 100;
const MOST_DELETED = 25;
/** Rounds of listing and changing a table's partitions when other processes change them meanwhile. */
const MOST_ROUNDS = 4;
/** Most partitions that an error names. */
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

/** The catalog that the stack has made; undefined where there is none, as on LocalStack. */
export function ownCatalog(): GlueCatalog | undefined {
  const database = process.env.FLOWSTITCH_CATALOG;
  return database === undefined ? undefined : new GlueCatalog(database, process.env.FLOWSTITCH_RESULTS ?? '');
}

export class GlueCatalog implements Catalog {
  private readonly database: string;
  private readonly bucket: string;
  private readonly client: GlueClient;

  /** @param database name of the Glue database. @param resultsBucket bucket that holds the files of the summaries given to `register` */
  constructor(database: string, resultsBucket: string, client: GlueClient = new GlueClient(clientSettings({}))) {
    this.database = database;
    this.bucket = resultsBucket;
    this.client = client;
  }

  /**
   * Makes the data set's partitions those of the job. Idempotent, also when called twice at the same time.
   * @throws Error that names the partitions which Glue did not change, and its reason; calling it again resumes from there
   */
  async register(job: CatalogJob): Promise<void> {
    for (const [name, files] of Object.entries(job.files)) {
      const table = await this.table(name);
      const wanted = this.placesOf(table, files);
      let round = 1;
      while (!(await this.reconcile(table, job.dataset, wanted)))
        if (round++ === MOST_ROUNDS)
          throw new Error(
            `the partitions of ${this.called(name)} keep being changed by another process: does more than one job of this data set run?`,
          );
    }
  }

  /** @returns false when another process was changing the same partitions, so that they must be listed again */
  private async reconcile(table: Table, dataset: string, wanted: ReadonlyMap<string, Place>): Promise<boolean> {
    const there = await this.existing(table, dataset);
    const gone = [...there].filter(([key]) => !wanted.has(key)).map(([, place]) => place);
    const ours = [...wanted].sort(([a], [b]) => (a < b ? 1 : -1));
    const moved = ours.filter(([key, { location }]) => (there.get(key)?.location ?? location) !== location);
    const created = ours.filter(([key]) => !there.has(key));
    await this.remove(table, gone);
    // One after the other, and always both: a conflict in one does not affect the other.
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
   * Checks the failures of a call.
   * @param race Glue's error code when another process was faster
   * @returns whether there were none
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

  /** @throws Error that says what to do when there is no such table */
  private async table(name: string): Promise<Table> {
    try {
      const { Table } = await this.client.send(new GetTableCommand({ DatabaseName: this.database, Name: name }));
      return Table as Table;
    } catch (error) {
      if ((error as Error).name !== 'EntityNotFoundException') throw error;
      throw new Error(`there is no ${this.called(name)}: deploy the catalog stack`, { cause: error });
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
          throw new Error(`${file} is in no folder ${key}=...: deploy this version of the catalog stack`);
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

/** In Hive's notation: dataset=a/dt=2024-05-06. */
function partitionName(table: Table, values: readonly string[]): string {
  return keysOf(table)
    .map((key, at) => `${key}=${values[at]}`)
    .join('/');
}

/** A partition has the table's storage descriptor, without the columns' comments: they are most of its bytes. */
function inputOf({ StorageDescriptor }: Table, { values, location }: Place): PartitionInput {
  const Columns = StorageDescriptor?.Columns?.map(({ Name, Type }) => ({ Name, Type }));
  return { Values: [...values], StorageDescriptor: { ...StorageDescriptor, Columns, Location: location } };
}

function* batches<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}
