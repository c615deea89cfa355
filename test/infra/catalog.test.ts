/** What the catalog's template promises: tables as the files are, and views, queries and a limit around them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { glueComment } from '../../infra/stacks/athenaview.ts';
import { athenaType } from '../../shared/table/tablecolumn.ts';
import { TABLES } from '../../shared/table/tables.ts';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { allows, resolved, type Statement } from './policy.ts';
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
    for (const name of [...Object.keys(TABLES), ...VIEWS.map((view) => view.name)])
      for (const action of ['glue:GetTable', 'glue:GetPartitions'])
        assert.ok(may(action, `arn:aws:glue:eu-west-1:123456789012:table/flowstitch/${name}`), `${action} ${name}`);
    for (const name of Object.keys(TABLES))
      assert.ok(may('s3:GetObject', `${RESULTS}/${name}/dataset=a/x.parquet`), name);
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

  test('lets the functions that keep the catalog change partitions of every table, and analysts read tables and views', () => {
    const all = grants({ lakeFormation: 'true', analystArns: ANALYST });
    const who = (principal: unknown): string => (principal === ANALYST ? 'analyst' : JSON.stringify(principal));
    const permissionsOf = (wanted: (text: string) => boolean, table: string): string[] =>
      all
        .filter(({ Principal, Resource }) => {
          const { DataLakePrincipalIdentifier } = Principal;
          return wanted(who(DataLakePrincipalIdentifier)) && Resource.Table?.Name === table;
        })
        .flatMap(({ Permissions }) => Permissions);
    for (const table of Object.keys(TABLES)) {
      const keeps = permissionsOf((text) => text.includes('Functioncommit'), table);
      for (const permission of ['DESCRIBE', 'ALTER', 'INSERT', 'DELETE']) assert.ok(keeps.includes(permission), table);
    }
    for (const table of [...Object.keys(TABLES), ...VIEWS.map(({ name }) => name)])
      assert.deepEqual(
        permissionsOf((text) => text === 'analyst', table),
        ['DESCRIBE', 'SELECT'],
        table,
      );
    for (const { PermissionsWithGrantOption } of all) assert.deepEqual(PermissionsWithGrantOption, []);
    assert.ok(
      all.some(
        ({ Resource, Principal }) =>
          Resource.Database?.Name === 'flowstitch' && who(Principal.DataLakePrincipalIdentifier) === 'analyst',
      ),
    );
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
