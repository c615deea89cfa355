/** What the Glue catalog gets of a view. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { catalogView, prestoView, VIEW_EXPANDED_TEXT } from '../../shared/views/athena.ts';
import { VIEWS } from '../../shared/views/index.ts';

interface Definition {
  originalSql: string;
  catalog: string;
  schema: string;
  columns: { name: string; type: string }[];
}

function decoded(name: string, catalog?: string): { definition: Definition; columns: readonly object[] } {
  const view = VIEWS.find((candidate) => candidate.name === name)!;
  const { originalText, columns } = prestoView(catalogView(view), { database: 'flows', catalog });
  const [, base64] = /^\/\* Presto View: ([A-Za-z0-9+/]+={0,2}) \*\/$/.exec(originalText)!;
  return { definition: JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as Definition, columns };
}

describe('a view for Athena', () => {
  test('is JSON in Base64 in a comment, over the tables of a database', () => {
    for (const { name } of VIEWS) {
      const { definition } = decoded(name);
      assert.deepEqual(Object.keys(definition), ['originalSql', 'catalog', 'schema', 'columns']);
      assert.deepEqual([definition.catalog, definition.schema], ['awsdatacatalog', 'flows']);
    }
    assert.equal(decoded('ecs', 'other').definition.catalog, 'other');
    assert.equal(VIEW_EXPANDED_TEXT, '/* Presto View */');
  });

  test('is the SELECT with the data set before the day, and nothing else changed', () => {
    for (const { name, sql } of VIEWS) {
      const { definition } = decoded(name);
      const added = ',\n  dataset AS "dataset",\n  dt AS "dt"\nFROM ';
      assert.equal(definition.originalSql.split(added).length, 2, name);
      assert.equal(definition.originalSql.replace(added, ',\n  dt AS "dt"\nFROM '), sql, name);
    }
  });

  test('names its columns with the types of Trino in the JSON and those of Hive in Glue', () => {
    const { definition, columns } = decoded('ocsf_network_activity');
    const of = (list: readonly object[], name: string) =>
      list.find((column) => (column as { name: string }).name === name);
    assert.deepEqual(of(definition.columns, 'src_endpoint'), {
      name: 'src_endpoint',
      type: 'row("ip" varchar,"port" integer)',
    });
    assert.deepEqual(of(columns, 'src_endpoint'), { name: 'src_endpoint', type: 'struct<ip:string,port:int>' });
    assert.deepEqual(of(columns, 'metadata'), {
      name: 'metadata',
      type: 'struct<version:string,product:struct<name:string,vendor_name:string>>',
    });
    const ecs = decoded('ecs');
    assert.deepEqual(ecs.definition.columns[0], { name: 'timestamp', type: 'timestamp(6)' });
    assert.deepEqual(ecs.columns[0], { name: 'timestamp', type: 'timestamp' });
    assert.match((of(ecs.definition.columns, 'event') as { type: string }).type, /,"end" timestamp\(6\),/);
    assert.match((of(ecs.columns, 'network') as { type: string }).type, /,inner:struct<vlan:struct<id:string>>>$/);
    const zeek = decoded('zeek_conn');
    assert.deepEqual(zeek.definition.columns.slice(-2), [
      { name: 'dataset', type: 'varchar' },
      { name: 'dt', type: 'varchar' },
    ]);
    assert.deepEqual(zeek.columns.slice(-2), [
      { name: 'dataset', type: 'string' },
      { name: 'dt', type: 'string' },
    ]);
    for (const { name } of VIEWS) {
      const both = decoded(name);
      const names = (list: readonly object[]) => list.map((column) => (column as { name: string }).name);
      assert.deepEqual(names(both.definition.columns), names(both.columns));
      assert.equal(new Set(names(both.columns)).size, both.columns.length);
    }
  });
});
