/** Settings of a deployment: what is taken, and what is refused with which words. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { readSettings, SETTING_NAMES } from '../../infra/settings.ts';

const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/0a1b';

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
    refusal({ capturesKeyArns: `${KEY},arn:aws:kms:eu-west-1:123456789012:alias/captures` }),
    /capturesKeyArns=arn:\S+alias\/captures .*not that of an alias/,
  );
  assert.match(refusal({ dataKeyArn: 'alias/data' }), /not that of an alias/);
  assert.match(refusal({ uploadEvents: 'sns', existingCaptures: 'theirs' }), /one of true, false, eventbridge/);
  assert.match(refusal({ alarmEmail: 'somebody' }), /an e-mail address, or none/);
  assert.match(refusal({ lakeFormation: 'true', analystArns: 'arn:aws:s3:::x' }), /ARNs of roles or users/);
});

test('several keys of captures are given with commas, or as a list in cdk.json', () => {
  const other = KEY.replace('0a1b', '2c3d');
  for (const capturesKeyArns of [`${KEY},${other}`, `${KEY}, ${other}`, [KEY, other]])
    assert.deepEqual(readSettings({ capturesKeyArns }).capturesKeyArns, [KEY, other]);
  assert.deepEqual(readSettings({}).capturesKeyArns, []);
});

test('analysts are named where Lake Formation asks for them, and nowhere else', () => {
  const analystArns = 'arn:aws:iam::123456789012:role/team/Analysts';
  assert.match(refusal({ analystArns }), /add '-c lakeFormation=true', or attach the policy/);
  assert.deepEqual(readSettings({ analystArns, lakeFormation: 'true' }).analystArns, [analystArns]);
});

test('only for an existing bucket can upload events be turned off, or come over EventBridge', () => {
  for (const uploadEvents of ['false', 'eventbridge'])
    assert.match(refusal({ uploadEvents }), new RegExp(`uploadEvents=${uploadEvents} .*'-c existingCaptures=BUCKET`));
  assert.equal(readSettings({ uploadEvents: 'false', existingCaptures: 'theirs' }).uploadEvents, false);
});

describe('concurrencies', () => {
  const bounds = (context: Record<string, unknown>): number[] => {
    const { mapConcurrency, mergeConcurrency, reduceConcurrency, publishConcurrency } = readSettings(context);
    return [mapConcurrency, mergeConcurrency, reduceConcurrency, publishConcurrency];
  };
  /** Plan, balance, commit, uploads and two kinds of dead letters with two each, the watchdog and cleaning. */
  const BESIDE = 14;
  const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);

  test('are the usual ones where the account allows them, or is not known', () => {
    assert.deepEqual(bounds({}), bounds({ accountConcurrency: '1000' }));
    assert.deepEqual(bounds({ accountConcurrency: 1000, mapConcurrency: '500' }), [500, ...bounds({}).slice(1)]);
  });

  test('of a new account that allows 10 are the least that Lambda takes: one job uses 9 at once at most', () => {
    assert.deepEqual(bounds({ accountConcurrency: '10' }), [2, 2, 2, 2]);
  });

  test('fit into the account together with all other functions, and use nearly all that is left, in proportion', () => {
    for (let account = 22; account <= 400; account += 3) {
      const fitting = bounds({ accountConcurrency: account });
      const [map, merge, reduce, publish] = fitting;
      assert.ok(sum(fitting) + BESIDE <= account, `${account}: ${fitting}`);
      assert.ok(map >= reduce && reduce >= merge && merge >= publish && publish >= 2, `${account}: ${fitting}`);
      const most = Math.min(account - BESIDE, sum(bounds({})));
      // Each of the four is rounded down.
      assert.ok(sum(fitting) > most - 4, `${account}: ${fitting}`);
    }
  });

  test('that are given stay as they are, and the others share the rest', () => {
    const given = bounds({ accountConcurrency: '100', reduceConcurrency: '60' });
    const [map, , reduce, publish] = given;
    assert.equal(reduce, 60);
    assert.ok(map > publish && publish >= 2 && sum(given) + BESIDE <= 100, `${given}`);
    assert.deepEqual(bounds({ accountConcurrency: '10', mapConcurrency: '2' }), [2, 2, 2, 2]);
  });

  test('that are given and too high are refused with what the account allows, what would fit and how to get more', () => {
    const [map, merge, reduce, publish] = bounds({ accountConcurrency: '100' });
    const words = refusal({ accountConcurrency: '100', mapConcurrency: '500' });
    assert.match(words, /^mapConcurrency=500 cannot be used: all functions together would need 520 .* allows 100 /);
    assert.ok(words.includes(`they are map ${map}, merge ${merge}, reduce ${reduce}, publish ${publish})`), words);
    assert.match(words, /aws service-quotas request-service-quota-increase/);
    assert.match(refusal({ accountConcurrency: '10', publishConcurrency: '3' }), /publishConcurrency=3 .* allows 10 /);
  });
});

test("the infrastructure's README has every setting, and no other", () => {
  const readme = readFileSync(new URL('../../infra/README.md', import.meta.url), 'utf8');
  const [, section] = /## Settings\n(.*?)\n## /s.exec(readme) ?? assert.fail('no section Settings');
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  const named = rows.flatMap((row) => [...row.split('|')[1].matchAll(/`(\w+)`/g)].map(([, name]) => name));
  assert.deepEqual(named.sort(), [...SETTING_NAMES].sort());
});
