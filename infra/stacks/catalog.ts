/**
 * The catalog stack: what Athena needs to query the results. Partitions are not
 * created here: commit registers those of each job when everything else is done.
 */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnNamedQuery, CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import { CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue';
import type { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { athenaType } from '../../shared/table/tablecolumn.ts';
import { TABLE_NAMES, TABLES, type TableName } from '../../shared/table/tables.ts';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { PARTITION_COLUMNS } from '../../shared/views/view.ts';
import { ATHENA_PREFIX, catalogStackName, workgroupName } from '../names.ts';
import type { Settings } from '../settings.ts';
import { glueComment, glueView } from './athenaview.ts';
import { analystsPolicy, lakeFormationGrants } from './tableaccess.ts';

const PARQUET = {
  inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
  outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
  serdeInfo: { serializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
};

export interface CatalogProps extends StackProps {
  settings: Settings;
  /** The results bucket. */
  results: IBucket;
  /** ARNs of the roles of functions that change partitions. */
  keepers: readonly string[];
}

export class CatalogStack extends Stack {
  private readonly settings: Settings;
  private readonly results: IBucket;
  private readonly database: CfnDatabase;
  /** What analysts may do. */
  readonly analysts: ManagedPolicy;

  constructor(scope: Construct, id: string, props: CatalogProps) {
    const { settings, results, keepers } = props;
    super(scope, id, {
      ...props,
      stackName: catalogStackName(settings),
      description: "Flowstitch's tables, views and saved queries in Athena",
    });
    this.settings = settings;
    this.results = results;
    this.database = new CfnDatabase(this, 'Database', {
      catalogId: this.account,
      databaseInput: { name: settings.database, description: 'Sessions from packet captures' },
    });
    const tables = TABLE_NAMES.map((name) => this.table(name));
    const views = VIEWS.map((view) => {
      const made = this.glueTable(`View-${view.name}`, glueView(view, settings.database));
      for (const table of tables) made.addResourceDependency(table);
      return made;
    });
    this.savedQueries(this.workgroup());
    if (settings.lakeFormation) lakeFormationGrants(this, settings, keepers, [this.database, ...tables, ...views]);
    this.analysts = analystsPolicy(this, settings, results);
    new CfnOutput(this, 'AnalystsPolicy', { value: this.analysts.managedPolicyArn });
    new CfnOutput(this, 'DatabaseName', { value: settings.database }).overrideLogicalId('Database');
    new CfnOutput(this, 'WorkgroupName', { value: workgroupName(settings) }).overrideLogicalId('Workgroup');
  }

  private table(name: TableName): CfnTable {
    const { byDay, columns } = TABLES[name];
    const partitions = PARTITION_COLUMNS.slice(0, byDay ? 2 : 1);
    return this.glueTable(`Table-${name}`, {
      name,
      tableType: 'EXTERNAL_TABLE',
      parameters: { EXTERNAL: 'TRUE', classification: 'parquet' },
      partitionKeys: partitions.map((column) => ({
        name: column.name,
        type: athenaType(column.type),
        comment: glueComment(column.description),
      })),
      storageDescriptor: {
        ...PARQUET,
        location: this.results.s3UrlForObject(`${name}/`),
        columns: columns.map((column) => ({
          name: column.name,
          type: athenaType(column.type),
          comment: glueComment(column.description),
        })),
      },
    });
  }

  private glueTable(id: string, tableInput: CfnTable.TableInputProperty): CfnTable {
    const table = new CfnTable(this, id, {
      catalogId: this.account,
      databaseName: this.settings.database,
      tableInput,
    });
    table.addResourceDependency(this.database);
    return table;
  }

  /** Its settings are enforced: no query can bypass the limit, or write its results elsewhere. */
  private workgroup(): CfnWorkGroup {
    return new CfnWorkGroup(this, 'QueryGroup', {
      name: workgroupName(this.settings),
      description: 'Queries over sessions, with a limit on the bytes that one query reads',
      recursiveDeleteOption: true,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        publishCloudWatchMetricsEnabled: true,
        bytesScannedCutoffPerQuery: this.settings.scanLimitGB * 1e9,
        engineVersion: { selectedEngineVersion: 'Athena engine version 3' },
        resultConfiguration: {
          outputLocation: this.results.s3UrlForObject(ATHENA_PREFIX),
          encryptionConfiguration:
            this.settings.dataKeyArn === undefined
              ? { encryptionOption: 'SSE_S3' }
              : { encryptionOption: 'SSE_KMS', kmsKey: this.settings.dataKeyArn },
        },
      },
    });
  }

  private savedQueries(workgroup: CfnWorkGroup): void {
    for (const { name, description, sql } of SAVED_QUERIES) {
      const query = new CfnNamedQuery(this, `Query-${name}`, {
        name,
        description,
        database: this.settings.database,
        workGroup: workgroup.name,
        queryString: sql,
      });
      query.addResourceDependency(workgroup);
      query.addResourceDependency(this.database);
    }
  }
}
