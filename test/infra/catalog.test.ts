/** What the catalog's template promises: tables as the files are, and views, queries and a limit around them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { glueComment } from '../../infra/stacks/athenaview.ts';
import { schemaString } from '../../shared/catalog/actions.ts';
import { athenaType } from '../../shared/table/tablecolumn.ts';
import { TABLE_NAMES, TABLES } from '../../shared/table/tables.ts';
import { catalogView, tableView } from '../../shared/views/athena.ts';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { allows, resolved, type Statement } from './policy.ts';
import { ofType, type Resource, synthesized } from './template.ts';

const { catalogTemplate, pipelineTemplate } = synthesized();
const inputs = ofType(catalogTemplate, 'AWS::Glue::Table').map(([, { Properties }]) => Properties.TableInput);
const inputOf = (name: string) => inputs.find((input) => input.Name === name);

/** References of a joined text by what they import. */
const location = (value: { 'Fn::Join': [string, unknown[]] }): string =>
  value['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join('');

describe('the table of the log', () => {
  const { Parameters, PartitionKeys, StorageDescriptor, TableType } = inputOf('results');
  const names = (columns: { Name: string }[]): string[] => columns.map(({ Name }) => Name);

  test('is one of Delta Lake, to Athena and to Trino', () => {
    assert.equal(TableType, 'EXTERNAL_TABLE');
    assert.equal(Parameters.table_type, 'DELTA');
    assert.equal(Parameters['spark.sql.sources.provider'], 'delta');
    assert.deepEqual(StorageDescriptor.SerdeInfo.Parameters.path, StorageDescriptor.Location);
  });

  test("has the columns of all tables with Athena's types, as the log says them", () => {
    for (const { columns } of Object.values(TABLES))
      for (const { name, type } of columns)
        assert.equal(
          StorageDescriptor.Columns.find(({ Name }: { Name: string }) => Name === name)?.Type,
          athenaType(type),
        );
    const { fields } = JSON.parse(schemaString()) as { fields: { name: string }[] };
    assert.deepEqual(
      [...names(StorageDescriptor.Columns), ...names(PartitionKeys)],
      fields.map(({ name }) => name),
    );
    assert.deepEqual(names(PartitionKeys), ['table_name', 'dataset', 'dt']);
  });

  test('lies in the bucket of results, where the log is', () => {
    const [bucket] = ofType(pipelineTemplate, 'AWS::S3::Bucket').filter(([id]) => id.startsWith('BucketResults'));
    assert.match(location(StorageDescriptor.Location), new RegExp(`^s3://.*${bucket[0]}[^/]*/$`));
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
  for (const view of [...TABLE_NAMES.map(tableView), ...VIEWS.map(catalogView)])
    test(`${view.name} is one that Athena reads: its SQL and the names and types of its columns`, () => {
      const input = inputOf(view.name);
      const { originalSql, schema, catalog, columns } = described(input);
      assert.equal(input.TableType, 'VIRTUAL_VIEW');
      assert.equal(input.Parameters.presto_view, 'true');
      assert.equal(originalSql, view.text);
      assert.deepEqual([catalog, schema], ['awsdatacatalog', 'flowstitch']);
      const names = view.columns.map(({ name }) => name);
      assert.deepEqual(
        columns.map(({ name }) => name),
        names,
      );
      assert.deepEqual(
        input.StorageDescriptor.Columns.map(({ Name }: { Name: string }) => Name),
        names,
      );
      for (const { type } of columns)
        assert.match(type, /^(?:varchar|bigint|integer|double|boolean|timestamp\(6\)|row\(.*\))$/);
      for (const { Type } of input.StorageDescriptor.Columns)
        assert.match(Type, /^(?:string|bigint|int|double|boolean|timestamp|struct<.*>)$/);
    });

  test('tables are views of the rows that are theirs, by data set and, those with files by day, by day', () => {
    for (const [name, { byDay, columns }] of Object.entries(TABLES)) {
      const { originalSql, columns: shown } = described(inputOf(name));
      assert.match(originalSql, new RegExp(`FROM results\\nWHERE table_name = '${name}'$`));
      assert.deepEqual(
        shown.map((column) => column.name),
        [...columns.map((column) => column.name), 'dataset', ...(byDay ? ['dt'] : [])],
      );
    }
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

describe('analysts', () => {
  const RESULTS = 'arn:aws:s3:::results';
  /** The statements of their policy, with imported references as a fixed bucket. */
  function statements(context: Record<string, string> = {}): Statement[] {
    const { catalogTemplate: template } = synthesized(context);
    const [[id, { Properties }]] = ofType(template, 'AWS::IAM::ManagedPolicy');
    assert.deepEqual(template.Outputs.AnalystsPolicy.Value, { Ref: id });
    const text = JSON.stringify(Properties.PolicyDocument.Statement)
      .replaceAll(/\{"Fn::ImportValue":"[^"]*BucketResults[^"]*"\}/g, JSON.stringify(RESULTS))
      .replaceAll('{"Ref":"AWS::Partition"}', '"aws"')
      .replaceAll('{"Ref":"AWS::Region"}', '"eu-west-1"')
      .replaceAll('{"Ref":"AWS::AccountId"}', '"123456789012"');
    return JSON.parse(text) as Statement[];
  }
  const may = (action: string, resource: string, context?: Record<string, string>): boolean =>
    allows(statements(context), action, resource);

  test('may query all tables and views in the workgroup, and read their files', () => {
    const group = 'arn:aws:athena:eu-west-1:123456789012:workgroup/flowstitch';
    for (const action of ['athena:StartQueryExecution', 'athena:GetQueryExecution', 'athena:GetQueryResults'])
      assert.ok(may(action, group), action);
    for (const name of ['results', ...Object.keys(TABLES), ...VIEWS.map((view) => view.name)])
      for (const action of ['glue:GetTable', 'glue:GetPartitions'])
        assert.ok(may(action, `arn:aws:glue:eu-west-1:123456789012:table/flowstitch/${name}`), `${action} ${name}`);
    for (const name of Object.keys(TABLES))
      assert.ok(may('s3:GetObject', `${RESULTS}/${name}/dataset=a/x.parquet`), name);
    assert.ok(may('s3:GetObject', `${RESULTS}/_delta_log/00000000000000000000.json`));
    assert.ok(may('s3:PutObject', `${RESULTS}/athena/x.csv`));
    assert.ok(may('s3:ListBucket', RESULTS));
  });

  test('may write nothing but results of queries, change nothing in the catalog, and know nothing of other buckets', () => {
    const all = statements();
    for (const { Effect, Action } of all) {
      assert.equal(Effect, 'Allow');
      for (const action of [Action].flat())
        assert.match(
          action,
          /^(?:athena:(?:Get|BatchGet|List|StartQuery|StopQuery)|glue:(?:Get|BatchGet)|s3:(?:Get|ListBucket|PutObject|Abort))/,
        );
    }
    assert.equal(may('s3:PutObject', `${RESULTS}/sessions/x.parquet`), false);
    for (const { Resource } of all)
      for (const resource of [Resource].flat().map(resolved)) {
        assert.notEqual(resource, '*');
        if (resource.startsWith('arn:aws:s3'))
          assert.ok(resource === RESULTS || resource.startsWith(`${RESULTS}/`), resource);
      }
  });

  test('may use the key that results are encrypted with, which Athena uses too', () => {
    const dataKeyArn = 'arn:aws:kms:eu-west-1:123456789012:key/0a1b';
    assert.ok(may('kms:Decrypt', dataKeyArn, { dataKeyArn }));
    assert.equal(may('kms:Decrypt', dataKeyArn), false);
    const [[, group]] = ofType(synthesized({ dataKeyArn }).catalogTemplate, 'AWS::Athena::WorkGroup');
    assert.deepEqual(group.Properties.WorkGroupConfiguration.ResultConfiguration.EncryptionConfiguration, {
      EncryptionOption: 'SSE_KMS',
      KmsKey: dataKeyArn,
    });
  });
});

describe('Lake Formation', () => {
  const ANALYST = 'arn:aws:iam::123456789012:role/Analysts';
  const grants = (context: Record<string, string>): Resource['Properties'][] =>
    ofType(synthesized(context).catalogTemplate, 'AWS::LakeFormation::PrincipalPermissions').map(
      ([, { Properties }]) => Properties,
    );

  test('is left alone unless it governs the catalog', () => {
    assert.deepEqual(grants({}), []);
  });

  test('lets analysts read tables and views, and nobody else do anything: no function touches the catalog', () => {
    const all = grants({ lakeFormation: 'true', analystArns: ANALYST });
    const permissionsOf = (table: string): string[] =>
      all.filter(({ Resource }) => Resource.Table?.Name === table).flatMap(({ Permissions }) => Permissions);
    for (const { Principal } of all) assert.equal(Principal.DataLakePrincipalIdentifier, ANALYST);
    for (const table of ['results', ...Object.keys(TABLES), ...VIEWS.map(({ name }) => name)])
      assert.deepEqual(permissionsOf(table), ['DESCRIBE', 'SELECT'], table);
    for (const { PermissionsWithGrantOption } of all) assert.deepEqual(PermissionsWithGrantOption, []);
    assert.ok(all.some(({ Resource }) => Resource.Database?.Name === 'flowstitch'));
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

test('LocalStack, which has neither Glue nor Athena, gets no catalog, and no function anywhere calls one', () => {
  const local = synthesized({ localstack: 'true' });
  assert.equal(local.catalog, undefined);
  for (const template of [local.pipelineTemplate, pipelineTemplate])
    assert.equal(JSON.stringify(template).includes('glue:'), false);
});
