/** The CDK app that cdk.json names: run by `cdk`, which passes settings on as context. */
import { SettingsError } from './settingserror.ts';
import { synthesize } from './stacks/stacks.ts';

try {
  await synthesize();
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
