/** cdk-nag's AwsSolutions rules find nothing that has not a reason beside it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { App } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks } from 'cdk-nag';
import { synthesized } from './template.ts';

const VARIANTS: Record<string, Record<string, string>> = {
  'the usual deployment': {},
  'a deployment with alarms sent and an existing bucket': {
    alarmEmail: 'somebody@example.org',
    existingCaptures: 'their-captures',
    capturesKeyArns: 'arn:aws:kms:eu-west-1:123456789012:key/0a1b,arn:aws:kms:eu-west-1:123456789012:key/2c3d',
    uploadEvents: 'eventbridge',
  },
  'a deployment with a key of its own under Lake Formation': {
    dataKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/0a1b',
    lakeFormation: 'true',
    analystArns: 'arn:aws:iam::123456789012:role/Analysts',
  },
  'a deployment on LocalStack': { localstack: 'true', architecture: 'x86_64', dataOnDestroy: 'delete' },
};

function findings(app: App): string[] {
  const { violations } = new AwsSolutionsChecks(app).validateScope(app);
  return violations.flatMap(({ ruleName, description, violatingResources }) =>
    violatingResources.map(({ constructPath }) => `${ruleName} at ${constructPath}: ${description}`),
  );
}

for (const [name, context] of Object.entries(VARIANTS))
  test(`${name} has no finding without a reason`, () => {
    assert.deepEqual(findings(synthesized(context).app), []);
  });

test('a finding without a reason is found', () => {
  const { app, pipeline } = synthesized();
  pipeline.compute.functions.reduce.addToRolePolicy(new PolicyStatement({ actions: ['s3:*'], resources: ['*'] }));
  const found = findings(app);
  assert.equal(found.length, 2);
  for (const each of found)
    assert.match(each, /^AwsSolutions-IAM5\[(?:Action::s3:\*|Resource::\*)\] at Pipeline\/Function\/reduce/);
});
