/** What commit does in Glue's catalog: which calls, in which order, and what becomes of errors; and all of it against moto. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  GlueClient as Client,
  CreateDatabaseCommand,
  CreateTableCommand,
  type GlueClient,
  type Partition,
  paginateGetPartitions,
} from '@aws-sdk/client-glue';
import { GlueCatalog } from '../../functions/glue.ts';
import { TABLES } from '../../shared/table/tables.ts';
import { CREDENTIALS } from '../store/fakes3.ts';
import { CATALOG_TABLES, committed, day, RESULTS } from './catalogjobs.ts';
import { FakeGlue } from './fakeglue.ts';
import { startMoto } from './moto.ts';

const DATABASE = 'flowstitch';

function fakeCatalog(): { glue: FakeGlue; catalog: GlueCatalog } {
  const glue = new FakeGlue(CATALOG_TABLES);
  return { glue, catalog: new GlueCatalog(DATABASE, RESULTS, glue.client) };
}

/** Where the partitions of a job's table should lead. */
function located(table: string, dataset: string, job: string, days: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    days.map((each) => [`${dataset}/${each}`, `s3://${RESULTS}/${table}/dataset=${dataset}/job=${job}/dt=${each}/`]),
  );
}

test('days that the job has not are deleted first, the others pointed at the new files from the newest on, new ones created last', async () => {
  const { glue, catalog } = fakeCatalog();
  await catalog.register(committed('a', 'job1', [day(1), day(2), day(3), day(4)]));
  glue.changes.length = 0;
  await catalog.register(committed('a', 'job2', [day(0), day(2), day(3), day(9)]));
  const names = (...days: number[]): string[] => days.map((each) => `a/${day(each)}`);
  assert.deepEqual(
    glue.changes.filter(({ table }) => table === 'sessions'),
    [
      { kind: 'delete', table: 'sessions', names: names(4, 1) },
      { kind: 'update', table: 'sessions', names: names(3, 2) },
      { kind: 'create', table: 'sessions', names: names(9, 0) },
    ],
  );
  assert.deepEqual(glue.locations('sessions'), located('sessions', 'a', 'job2', [day(0), day(2), day(3), day(9)]));
});

test('a job of 10,000 days: a hundred partitions a call, 25 where they are deleted, and no call too many', async () => {
  const { glue, catalog } = fakeCatalog();
  const days = Array.from({ length: 10_000 }, (_, number) => day(number));
  await catalog.register(committed('a', 'job1', days, true));
  // 100 calls for each of the two tables by day; one for each of the others.
  assert.deepEqual([glue.changes.length, glue.reads], [202, 4]);
  assert.ok(glue.changes.every(({ kind }) => kind === 'create'));
  glue.changes.length = glue.reads = 0;
  await catalog.register(committed('a', 'job2', days));
  // 100 updates of sessions, packets deleted in 400 calls; ten pages of what is there for each.
  assert.deepEqual([glue.changes.length, glue.reads], [502, 22]);
  assert.deepEqual(glue.locations('packets'), {});
  assert.deepEqual(glue.locations('sessions'), located('sessions', 'a', 'job2', days));
  glue.changes.length = 0;
  await catalog.register(committed('a', 'job2', days));
  assert.deepEqual(glue.changes, [], 'doing it again changes nothing');
});

test('an error of one partition is raised with its name, and creating waits until deleting has worked', async () => {
  const { glue, catalog } = fakeCatalog();
  await catalog.register(committed('a', 'job1', [day(1), day(2)]));
  glue.changes.length = 0;
  glue.fails = ({ kind }, name) =>
    kind === 'delete' && name.endsWith(day(1)) ? 'InternalServiceException' : undefined;
  await assert.rejects(catalog.register(committed('a', 'job2', [day(3)])), {
    message:
      `not deleted in table sessions of the catalog's database flowstitch: partitions dataset=a/dt=${day(1)}; ` +
      'InternalServiceException: as the test wants',
  });
  assert.deepEqual(
    glue.changes.map(({ kind }) => kind),
    ['delete'],
  );
  glue.fails = () => undefined;
  await catalog.register(committed('a', 'job2', [day(3)]));
  assert.deepEqual(glue.locations('sessions'), located('sessions', 'a', 'job2', [day(3)]));
});

test('of many errors some are named, and the others counted', async () => {
  const { glue, catalog } = fakeCatalog();
  const days = Array.from({ length: 20 }, (_, number) => day(number));
  for (const kind of ['create', 'update']) {
    glue.fails = (call, name) =>
      call.kind === kind && !name.endsWith(day(7)) ? 'ResourceNumberLimitExceededException' : undefined;
    const done = kind === 'create' ? 'created' : 'updated';
    const named = [19, 18, 17, 16, 15].map((each) => `dataset=a/dt=${day(each)}`).join(', ');
    await assert.rejects(catalog.register(committed('a', kind, days)), (error: Error) => {
      assert.match(error.message, new RegExp(`^not ${done} in table sessions .*${named}, and 14 more; ResourceNumber`));
      return true;
    });
    glue.fails = () => undefined;
    await catalog.register(committed('a', kind, days));
  }
});

test('a partition that somebody else creates, turns or deletes in between is looked at again', async () => {
  const { glue, catalog } = fakeCatalog();
  await catalog.register(committed('a', 'job1', [day(1), day(2), day(3)]));
  const sessions = glue.partitions.get('sessions')!;
  const inFlight = new Set(['delete', 'update', 'create']);
  glue.before = ({ kind, table }) => {
    if (table !== 'sessions' || !inFlight.delete(kind)) return;
    // Each time the very partition that the call is about.
    if (kind === 'delete') sessions.delete(`a/${day(1)}`);
    if (kind === 'update') sessions.delete(`a/${day(2)}`);
    if (kind === 'create') sessions.set(`a/${day(4)}`, { ...sessions.get(`a/${day(3)}`), Values: ['a', day(4)] });
  };
  await catalog.register(committed('a', 'job2', [day(2), day(3), day(4)]));
  assert.equal(inFlight.size, 0, 'there were all three races');
  assert.deepEqual(glue.locations('sessions'), located('sessions', 'a', 'job2', [day(2), day(3), day(4)]));
});

test('somebody who never stops changing the same partitions is an error, not an endless loop', async () => {
  const { glue, catalog } = fakeCatalog();
  glue.fails = ({ kind }) => (kind === 'create' ? 'AlreadyExistsException' : undefined);
  await assert.rejects(
    catalog.register(committed('a', 'job1', [day(1)])),
    /the partitions of table sessions .* keep being changed by another process/,
  );
  assert.equal(glue.changes.length, 4);
});

test('a process that dies before any of its calls leaves what the next one mends', async () => {
  const before = committed('a', 'job1', [day(1), day(2), day(3)], true);
  const after = committed('a', 'job2', [day(2), day(3), day(4)]);
  for (let fatal = 0; ; fatal++) {
    const { glue, catalog } = fakeCatalog();
    await catalog.register(before);
    let calls = 0;
    glue.before = () => {
      if (calls++ === fatal) throw new Error('the process died');
    };
    const died = await catalog.register(after).then(
      () => false,
      () => true,
    );
    glue.before = () => {};
    await catalog.register(after);
    assert.deepEqual(glue.locations('sessions'), located('sessions', 'a', 'job2', [day(2), day(3), day(4)]));
    assert.deepEqual(glue.locations('packets'), {});
    if (died) continue;
    assert.ok(fatal >= 6, `${fatal} calls only`);
    return;
  }
});

test("files that lie in other folders than the table's keys say are refused", async () => {
  const { catalog } = fakeCatalog();
  const odd = committed('a', 'job1', []);
  odd.files.sessions = ['sessions/dataset=a/job=job1/part-0.parquet'];
  await assert.rejects(catalog.register(odd), /part-0\.parquet is in no folder dt=/);
});

/** A table's partitions as an independent reader sees them. */
async function partitionsOf(client: GlueClient, table: string): Promise<Partition[]> {
  const found: Partition[] = [];
  const request = { DatabaseName: DATABASE, TableName: table };
  for await (const { Partitions = [] } of paginateGetPartitions({ client }, request)) found.push(...Partitions);
  return found.sort((a, b) => (String(a.Values) < String(b.Values) ? -1 : 1));
}

const locationsOf = (partitions: readonly Partition[]): Record<string, string | undefined> =>
  Object.fromEntries(
    partitions.map(({ Values = [], StorageDescriptor }) => [Values.join('/'), StorageDescriptor?.Location]),
  );

test('against moto', async (t) => {
  const moto = await startMoto((why) => t.skip(why));
  if (moto === null) return;
  t.after(() => moto.stop());
  const client = new Client({ ...CREDENTIALS, endpoint: moto.endpoint });
  const catalog = new GlueCatalog(DATABASE, RESULTS, client);
  await client.send(new CreateDatabaseCommand({ DatabaseInput: { Name: DATABASE } }));

  await t.test('without the tables: an error that says what to do', async () => {
    await assert.rejects(catalog.register(committed('a', 'job1', [])), {
      message: "there is no table sessions of the catalog's database flowstitch: deploy the catalog stack",
    });
  });
  for (const TableInput of CATALOG_TABLES)
    await client.send(new CreateTableCommand({ DatabaseName: DATABASE, TableInput }));

  await t.test("a first job's partitions hold what their table says, and lead to its files", async () => {
    await catalog.register(committed('a', 'job1', [day(1), day(2)], true));
    for (const table of ['sessions', 'packets'] as const) {
      const partitions = await partitionsOf(client, table);
      assert.deepEqual(locationsOf(partitions), located(table, 'a', 'job1', [day(1), day(2)]));
      const { Columns, SerdeInfo, InputFormat } = partitions[0].StorageDescriptor ?? {};
      assert.deepEqual(
        Columns?.map(({ Name }) => Name),
        TABLES[table].columns.map(({ name }) => name),
      );
      assert.match(String(SerdeInfo?.SerializationLibrary), /ParquetHiveSerDe$/);
      assert.match(String(InputFormat), /MapredParquetInputFormat$/);
    }
    for (const table of ['captures', 'anomalies'])
      assert.deepEqual(locationsOf(await partitionsOf(client, table)), {
        a: `s3://${RESULTS}/${table}/dataset=a/job=job1/`,
      });
  });

  await t.test("the next job's take their place, and other data sets' stay", async () => {
    await catalog.register(committed('b', 'other', [day(1)], true));
    await catalog.register(committed('a', 'job2', [day(2), day(3)]));
    const others = located('sessions', 'b', 'other', [day(1)]);
    const expected = { ...located('sessions', 'a', 'job2', [day(2), day(3)]), ...others };
    assert.deepEqual(locationsOf(await partitionsOf(client, 'sessions')), expected);
    assert.deepEqual(locationsOf(await partitionsOf(client, 'packets')), located('packets', 'b', 'other', [day(1)]));
    assert.deepEqual(Object.keys(locationsOf(await partitionsOf(client, 'captures'))), ['a', 'b']);
    await catalog.register(committed('a', 'job2', [day(2), day(3)]));
    assert.deepEqual(locationsOf(await partitionsOf(client, 'sessions')), expected, 'doing it again changes nothing');
  });

  await t.test("a data set's name is a value, whatever is in it", async () => {
    for (const dataset of ["o'brien", "x' OR dataset <> '", 'a"b'])
      await catalog.register(committed(dataset, 'job1', [day(1)]));
    await catalog.register(committed("o'brien", 'job2', [day(2)]));
    const sessions = locationsOf(await partitionsOf(client, 'sessions'));
    assert.ok(`o'brien/${day(2)}` in sessions && !(`o'brien/${day(1)}` in sessions));
    assert.ok(`x' OR dataset <> '/${day(1)}` in sessions && `a"b/${day(1)}` in sessions && `b/${day(1)}` in sessions);
  });

  await t.test('the same job twice at once', async () => {
    const days = Array.from({ length: 150 }, (_, number) => day(number));
    await catalog.register(committed('twice', 'job1', days.slice(0, 60)));
    const next = committed('twice', 'job2', days.slice(30));
    await Promise.all([catalog.register(next), catalog.register(next), catalog.register(next)]);
    const sessions = (await partitionsOf(client, 'sessions')).filter(({ Values }) => Values?.[0] === 'twice');
    assert.deepEqual(locationsOf(sessions), located('sessions', 'twice', 'job2', days.slice(30)));
  });

  await t.test('a job of 500 days, and then one of a single day', async () => {
    const days = Array.from({ length: 500 }, (_, number) => day(number));
    await catalog.register(committed('long', 'job1', days));
    const ofLong = async (): Promise<Partition[]> =>
      (await partitionsOf(client, 'sessions')).filter(({ Values }) => Values?.[0] === 'long');
    assert.equal((await ofLong()).length, 500);
    await catalog.register(committed('long', 'job2', [day(7)]));
    assert.deepEqual(locationsOf(await ofLong()), located('sessions', 'long', 'job2', [day(7)]));
  });
});
