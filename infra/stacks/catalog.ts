/**
 * The catalog stack: what Athena needs to query the results. It has one table, over the log of the results
 * (docs/catalog.md), and views of it: nothing of a job is ever written to the catalog.
 */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnNamedQuery, CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import { CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue';
import type { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { allColumns, LOG_PARTITIONS } from '../../shared/catalog/actions.ts';
import { athenaType } from '../../shared/table/tablecolumn.ts';
import { TABLE_NAMES } from '../../shared/table/tables.ts';
import { type CatalogView, catalogView, RESULTS_TABLE, tableView } from '../../shared/views/athena.ts';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { ATHENA_PREFIX, catalogStackName, workgroupName } from '../names.ts';
import type { Settings } from '../settings.ts';
import { glueView } from './athenaview.ts';
import { analystsPolicy, lakeFormationGrants } from './tableaccess.ts';

/** Formats that a table of Delta Lake has in the catalog; nothing is read by them. */
const SEQUENCE_FILES = {
  inputFormat: 'org.apache.hadoop.mapred.SequenceFileInputFormat',
  outputFormat: 'org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat',
};

export interface CatalogProps extends StackProps {
  settings: Settings;
  /** The results bucket. */
  results: IBucket;
}

export class CatalogStack extends Stack {
  private readonly settings: Settings;
  private readonly results: IBucket;
  private readonly database: CfnDatabase;
  /** What analysts may do. */
  readonly analysts: ManagedPolicy;

  constructor(scope: Construct, id: string, props: CatalogProps) {
    const { settings, results } = props;
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
    const all = this.resultsTable();
    const tables = TABLE_NAMES.map((name) => this.view(tableView(name), [all]));
    const views = VIEWS.map((view) => this.view(catalogView(view), tables));
    this.savedQueries(this.workgroup());
    if (settings.lakeFormation) lakeFormationGrants(this, settings, [this.database, all, ...tables, ...views]);
    this.analysts = analystsPolicy(this, settings, results);
    new CfnOutput(this, 'AnalystsPolicy', { value: this.analysts.managedPolicyArn });
    new CfnOutput(this, 'DatabaseName', { value: settings.database }).overrideLogicalId('Database');
    new CfnOutput(this, 'WorkgroupName', { value: workgroupName(settings) }).overrideLogicalId('Workgroup');
  }

  /** The table of the log: Athena reads its columns and files from there, and only the location from here. */
  private resultsTable(): CfnTable {
    const location = this.results.s3UrlForObject('');
    return this.glueTable('Results', {
      name: RESULTS_TABLE,
      description: 'The rows of all tables, as the log of the results has them: query the views',
      tableType: 'EXTERNAL_TABLE',
      // Athena looks at the first, Trino and Spark at the second.
      parameters: { EXTERNAL: 'TRUE', table_type: 'DELTA', 'spark.sql.sources.provider': 'delta' },
      partitionKeys: LOG_PARTITIONS.map((name) => ({ name, type: 'string' })),
      storageDescriptor: {
        ...SEQUENCE_FILES,
        location,
        columns: [...allColumns()].map(([name, type]) => ({ name, type: athenaType(type) })),
        serdeInfo: {
          serializationLibrary: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
          parameters: { path: location, 'serialization.format': '1' },
        },
      },
    });
  }

  /** @param over what it reads */
  private view(view: CatalogView, over: readonly CfnTable[]): CfnTable {
    const made = this.glueTable(`View-${view.name}`, glueView(view, this.settings.database));
    for (const table of over) made.addResourceDependency(table);
    return made;
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
