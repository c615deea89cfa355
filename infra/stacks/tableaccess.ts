/**
 * Who may read the tables: a policy for analysts, which an administrator attaches to their roles, and grants in Lake
 * Formation where that governs the catalog.
 */
import { type CfnResource, Stack } from 'aws-cdk-lib';
import { ManagedPolicy, type PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnPrincipalPermissions } from 'aws-cdk-lib/aws-lakeformation';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { LOG_FOLDER } from '../../shared/catalog/log.ts';
import { TABLE_NAMES } from '../../shared/table/tables.ts';
import { RESULTS_TABLE } from '../../shared/views/athena.ts';
import { VIEWS } from '../../shared/views/index.ts';
import { ATHENA_PREFIX, workgroupName } from '../names.ts';
import type { Settings } from '../settings.ts';
import { allow, DATA_KEY_ACTIONS } from './roles.ts';

/** Calls to Athena: queries, their results, and what is saved in the workgroup. */
const QUERYING = [
  'athena:GetWorkGroup',
  'athena:StartQueryExecution',
  'athena:StopQueryExecution',
  'athena:GetQueryExecution',
  'athena:BatchGetQueryExecution',
  'athena:ListQueryExecutions',
  'athena:GetQueryResults',
  'athena:GetQueryResultsStream',
  'athena:GetQueryRuntimeStatistics',
  'athena:ListNamedQueries',
  'athena:GetNamedQuery',
  'athena:BatchGetNamedQuery',
];
const READING_CATALOG = [
  'glue:GetDatabase',
  'glue:GetDatabases',
  'glue:GetTable',
  'glue:GetTables',
  'glue:GetPartition',
  'glue:GetPartitions',
  'glue:BatchGetPartition',
];

/** Folders of the results bucket that analysts read; below the last Athena writes what their queries found. */
export const READ_FOLDERS = [`${LOG_FOLDER}/`, ...TABLE_NAMES.map((name) => `${name}/`), 'datasets/', ATHENA_PREFIX];

/** All tables and views of the database. */
const READABLE = [RESULTS_TABLE, ...TABLE_NAMES, ...VIEWS.map(({ name }) => name)];
/** What analysts may do to a table or view in Lake Formation. */
const LOOKING = ['DESCRIBE', 'SELECT'];

/** The policy: queries in the workgroup over our tables, which are read; nothing is written but the queries' results. */
export function analystsPolicy(scope: Construct, settings: Settings, results: IBucket): ManagedPolicy {
  const { database, dataKeyArn } = settings;
  const arn = (service: string, resource: string, resourceName?: string): string =>
    Stack.of(scope).formatArn({ service, resource, resourceName });
  const tables = READABLE.map((name) => arn('glue', 'table', `${database}/${name}`));
  const statements: PolicyStatement[] = [
    allow(QUERYING, [arn('athena', 'workgroup', workgroupName(settings))]),
    allow(['athena:GetDataCatalog'], [arn('athena', 'datacatalog', 'AwsDataCatalog')]),
    allow(READING_CATALOG, [arn('glue', 'catalog'), arn('glue', 'database', database), ...tables]),
    allow(['s3:ListBucket', 's3:GetBucketLocation'], [results.bucketArn]),
    allow(
      ['s3:GetObject'],
      READ_FOLDERS.map((folder) => results.arnForObjects(`${folder}*`)),
    ),
    allow(['s3:PutObject', 's3:AbortMultipartUpload'], [results.arnForObjects(`${ATHENA_PREFIX}*`)]),
    ...(dataKeyArn === undefined ? [] : [allow(DATA_KEY_ACTIONS, [dataKeyArn])]),
    // Lake Formation hands out credentials for what it has granted; the call has no resource.
    ...(settings.lakeFormation ? [allow(['lakeformation:GetDataAccess'], ['*'])] : []),
  ];
  return new ManagedPolicy(scope, 'Analysts', {
    description: `Queries over the tables of ${database}, and reading them; no captures and nothing of the pipeline`,
    statements,
  });
}

/**
 * Grants in Lake Formation, where permissions of IAM alone do not open tables.
 * @param after what must be there before: the database, tables and views
 */
export function lakeFormationGrants(scope: Construct, settings: Settings, after: readonly CfnResource[]): void {
  const { database, analystArns } = settings;
  const catalogId = Stack.of(scope).account;
  const grant = (
    id: string,
    dataLakePrincipalIdentifier: string,
    resource: CfnPrincipalPermissions.ResourceProperty,
    permissions: readonly string[],
  ): void => {
    const granted = new CfnPrincipalPermissions(scope, `Grant-${id}`, {
      principal: { dataLakePrincipalIdentifier },
      resource,
      permissions: [...permissions],
      permissionsWithGrantOption: [],
    });
    for (const each of after) granted.addResourceDependency(each);
  };
  for (const [number, analyst] of analystArns.entries()) {
    grant(`analyst${number}-database`, analyst, { database: { catalogId, name: database } }, ['DESCRIBE']);
    for (const name of READABLE)
      grant(`analyst${number}-${name}`, analyst, { table: { catalogId, databaseName: database, name } }, LOOKING);
  }
}
