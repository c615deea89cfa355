/** What the catalog's template promises: tables as the files are, and views, queries and a limit around them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { glueComment } from '../../infra/stacks/athenaview.ts';
import { athenaType } from '../../shared/table/tablecolumn.ts';
import { TABLES } from '../../shared/table/tables.ts';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { ofType, type Resource, synthesized } from './template.ts';

const { catalogTemplate, pipelineTemplate } = synthesized();
const inputs = ofType(catalogTemplate, 'AWS::Glue::Table').map(([, { Properties }]) => Properties.TableInput);
const inputOf = (name: string) => inputs.find((input) => input.Name === name);

/** References of a joined text by what they import. */
const location = (value: { 'Fn::Join': [string, unknown[]] }): string =>
  value['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join('');

describe('tables', () => {
  for (const [name, { columns }] of Object.entries(TABLES))
    test(`${name} has the columns of its files, in their order, with Athena's types`, () => {
      const { StorageDescriptor } = inputOf(name);
      assert.deepEqual(
        StorageDescriptor.Columns.map(({ Name, Type }: { Name: string; Type: string }) => [Name, Type]),
        columns.map((column) => [column.name, athenaType(column.type)]),
      );
      assert.match(StorageDescriptor.SerdeInfo.SerializationLibrary, /ParquetHiveSerDe$/);
    });

  test('are partitioned by data set; those with files by day by day too, sessions among them and captures not', () => {
    const keysOf = (name: string): string =>
      inputOf(name)
        .PartitionKeys.map(({ Name, Type }: { Name: string; Type: string }) => `${Name} ${Type}`)
        .join();
    for (const [name, { byDay }] of Object.entries(TABLES))
      assert.equal(keysOf(name), byDay ? 'dataset string,dt string' : 'dataset string', name);
    assert.equal(keysOf('sessions'), 'dataset string,dt string');
    assert.equal(keysOf('captures'), 'dataset string');
  });

  test('they lie in the bucket of results', () => {
    const [bucket] = ofType(pipelineTemplate, 'AWS::S3::Bucket').filter(([id]) => id.startsWith('BucketResults'));
    for (const name of Object.keys(TABLES)) {
      const place = location(inputOf(name).StorageDescriptor.Location);
      assert.match(place, new RegExp(`^s3://.*${bucket[0]}.*/${name}/$`));
    }
  });

  test('a description that Glue would refuse is refused before', () => {
    assert.throws(() => glueComment('x'.repeat(256)), /longer than Glue's limit of 255 characters/);
  });
});

/** What Presto's JSON in a view's text says. */
function described(input: { ViewOriginalText: string }): {
  originalSql: string;
  schema: string;
  catalog: string;
  columns: { name: string; type: string }[];
} {
  const [, base64] = /^\/\* Presto View: (\S+) \*\/$/.exec(input.ViewOriginalText) ?? assert.fail('not a Presto view');
  return JSON.parse(Buffer.from(base64, 'base64').toString());
}

describe('views', () => {
  for (const view of VIEWS)
    test(`${view.name} is one that Athena reads: its SQL and the names and types of its columns`, () => {
      const input = inputOf(view.name);
      const { originalSql, schema, catalog, columns } = described(input);
      assert.equal(input.TableType, 'VIRTUAL_VIEW');
      assert.equal(input.Parameters.presto_view, 'true');
      assert.equal(originalSql, view.partitionedSql);
      assert.deepEqual([catalog, schema], ['awsdatacatalog', 'flowstitch']);
      const names = [...view.columns.map(({ name }) => name), 'dataset', 'dt'];
      assert.deepEqual(
        columns.map(({ name }) => name),
        names,
      );
      assert.deepEqual(
        input.StorageDescriptor.Columns.map(({ Name }: { Name: string }) => Name),
        names,
      );
      for (const { type } of columns)
        assert.match(type, /^(?:varchar|bigint|integer|double|boolean|timestamp\(3\)|row\(.*\))$/);
      for (const { Type } of input.StorageDescriptor.Columns)
        assert.match(Type, /^(?:string|bigint|int|double|boolean|timestamp|struct<.*>)$/);
    });

  test('nested columns are rows to Trino and structs to Hive, to any depth', () => {
    const input = inputOf('ocsf_network_activity');
    const metadata = described(input).columns.find(({ name }) => name === 'metadata');
    assert.equal(metadata?.type, 'row("version" varchar,"product" row("name" varchar,"vendor_name" varchar))');
    const [column] = input.StorageDescriptor.Columns.filter(({ Name }: { Name: string }) => Name === 'metadata');
    assert.equal(column.Type, 'struct<version:string,product:struct<name:string,vendor_name:string>>');
  });
});

test('every saved query is in the workgroup', () => {
  const [[, group]] = ofType(catalogTemplate, 'AWS::Athena::WorkGroup');
  const queries = ofType(catalogTemplate, 'AWS::Athena::NamedQuery').map(([, { Properties }]) => Properties);
  assert.deepEqual(
    queries.map(({ Name, QueryString }) => [Name, QueryString]),
    SAVED_QUERIES.map(({ name, sql }) => [name, sql]),
  );
  for (const { WorkGroup, Database } of queries) {
    assert.equal(WorkGroup, group.Properties.Name);
    assert.equal(Database, 'flowstitch');
  }
});

describe('the workgroup', () => {
  const workgroup = (context: Record<string, string>): Resource['Properties'] =>
    ofType(synthesized(context).catalogTemplate, 'AWS::Athena::WorkGroup')[0][1].Properties;

  test('limits what a query reads, encrypts its results, and lets nobody around that', () => {
    const { WorkGroupConfiguration: configuration, RecursiveDeleteOption } = workgroup({});
    assert.equal(configuration.BytesScannedCutoffPerQuery, 100e9);
    assert.equal(configuration.EnforceWorkGroupConfiguration, true);
    assert.deepEqual(configuration.ResultConfiguration.EncryptionConfiguration, { EncryptionOption: 'SSE_S3' });
    assert.match(location(configuration.ResultConfiguration.OutputLocation), /\/athena\/$/);
    assert.equal(RecursiveDeleteOption, true, 'a group with a history could not be destroyed');
  });

  test('has the limit that is set', () => {
    assert.equal(workgroup({ scanLimitGB: '7' }).WorkGroupConfiguration.BytesScannedCutoffPerQuery, 7e9);
  });
});

test('two deployments in one account share no name', () => {
  const { catalogTemplate: other } = synthesized({ name: 'second', database: 'second' });
  const names = (template: typeof other): unknown[] => [
    ...ofType(template, 'AWS::Athena::WorkGroup').map(([, { Properties }]) => Properties.Name),
    ...ofType(template, 'AWS::Glue::Database').map(([, { Properties }]) => Properties.DatabaseInput.Name),
  ];
  assert.deepEqual(names(other), ['second', 'second']);
  assert.deepEqual(names(catalogTemplate), ['flowstitch', 'flowstitch']);
});

test('LocalStack, which has neither Glue nor Athena, gets no catalog, and commit is not told of one', () => {
  const local = synthesized({ localstack: 'true' });
  assert.equal(local.catalog, undefined);
  assert.equal(JSON.stringify(local.pipelineTemplate).includes('FLOWSTITCH_CATALOG'), false);
  assert.equal(JSON.stringify(local.pipelineTemplate).includes('glue:'), false);
});
