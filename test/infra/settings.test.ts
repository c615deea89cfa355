/** Settings of a deployment: what is taken, and what is refused with which words. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readSettings, SETTING_NAMES } from '../../infra/settings.ts';

const refusal = (context: Record<string, unknown>): string => {
  try {
    readSettings(context);
  } catch (error) {
    assert.equal((error as Error).name, 'SettingsError');
    return (error as Error).message;
  }
  return assert.fail(`${JSON.stringify(context)} was taken`);
};

test('nothing needs to be set', () => {
  const settings = readSettings({});
  assert.equal(settings.architecture, 'arm64');
  assert.equal(settings.dataOnDestroy, 'retain');
  assert.equal(settings.existingCaptures, undefined);
  assert.deepEqual(Object.keys(settings), SETTING_NAMES);
});

test("the CDK's own context is none of our settings", () => {
  assert.deepEqual(readSettings({ '@aws-cdk/core:x': true, 'aws:cdk:enable-path-metadata': true }), readSettings({}));
});

test('numbers may come as numbers, from cdk.json', () => {
  assert.equal(readSettings({ mapConcurrency: 7 }).mapConcurrency, 7);
});

test('a name that is no setting is refused, with those there are', () => {
  assert.match(refusal({ dataOndestroy: 'delete' }), /no setting 'dataOndestroy'; there are name, architecture/);
});

test('a value that cannot be is refused, with what it may be', () => {
  assert.match(refusal({ dataOnDestroy: 'remove' }), /dataOnDestroy=remove .* one of retain, delete/);
  assert.match(refusal({ architecture: 'x64' }), /architecture=x64 .* one of arm64, x86_64/);
  assert.match(refusal({ mapConcurrency: '1' }), /a number from 2 to 1000/);
  assert.match(refusal({ mapConcurrency: 'many' }), /mapConcurrency=many .* a number/);
  assert.match(refusal({ logDays: '8' }), /one of 1, 3, 5, 7/);
  assert.match(refusal({ existingCaptures: 's3://bucket/prefix' }), /the name of a bucket, without s3:/);
  assert.match(
    refusal({ capturesKeyArn: 'arn:aws:kms:eu-west-1:123456789012:alias/captures' }),
    /not that of an alias/,
  );
});

test('only for an existing bucket can upload events be turned off', () => {
  assert.match(refusal({ uploadEvents: 'false' }), /-c existingCaptures=BUCKET/);
  assert.equal(readSettings({ uploadEvents: 'false', existingCaptures: 'theirs' }).uploadEvents, false);
});

test("the infrastructure's README has every setting, and no other", () => {
  const readme = readFileSync(new URL('../../infra/README.md', import.meta.url), 'utf8');
  const [, section] = /## Settings\n(.*?)\n## /s.exec(readme) ?? assert.fail('no section Settings');
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  const named = rows.flatMap((row) => [...row.split('|')[1].matchAll(/`(\w+)`/g)].map(([, name]) => name));
  assert.deepEqual(named.sort(), [...SETTING_NAMES].sort());
});
