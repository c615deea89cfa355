/**
 * The synthesized templates as they were looked at last. After a change that is meant:
 * `node test/infra/snapshot.test.ts --update`, and read the difference before it is committed.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RELEASE } from '../../shared/job/revisions.ts';
import { SOFTWARE } from '../../shared/text/software.ts';
import { synthesized, type Template } from './template.ts';

const UPDATE = process.argv.includes('--update') || process.env.UPDATE_SNAPSHOTS === '1';

/** A template without what changes with every line of code: digests of assets, the version, the base64 of views. */
function normalised(template: Template): unknown {
  const text = JSON.stringify(template)
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'DIGEST')
    .replaceAll(RELEASE, 'VERSION')
    .replaceAll(SOFTWARE, 'VERSION')
    .replaceAll(/\/\* Presto View: (\S+) \*\//g, (_, base64: string) =>
      JSON.stringify(`Presto View: ${Buffer.from(base64, 'base64')}`).slice(1, -1),
    );
  return JSON.parse(text);
}

/** Compares with a file beside this one, or writes it. */
function compare(name: string, template: Template): void {
  const file = join(import.meta.dirname, 'snapshots', `${name}.json`);
  const actual = normalised(template);
  if (UPDATE) writeFileSync(file, `${JSON.stringify(actual, null, 1)}\n`);
  const expected: unknown = JSON.parse(readFileSync(file, 'utf8'));
  assert.deepEqual(actual, expected, 'meant? Then node test/infra/snapshot.test.ts --update');
}

test('the template of the pipeline is the one that was looked at', () => {
  compare('pipeline', synthesized().pipelineTemplate);
});

test('the template of the catalog is the one that was looked at', () => {
  compare('catalog', synthesized().catalogTemplate);
});

test('the template of a pipeline over an existing bucket is the one that was looked at', () => {
  const context = { existingCaptures: 'their-captures', alarmEmail: 'somebody@example.org' };
  compare('existing', synthesized(context).pipelineTemplate);
});
