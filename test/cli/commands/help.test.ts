/** The commands for the cloud: their help, and that none of them is loaded before it is needed. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { CLOUD_COMMANDS } from '../../../cli/cloud/cloudcommands.ts';
import { HELP } from '../../../cli/usage/usage.ts';
import { command, ENTRY, flowstitch } from '../harness.ts';

test('each command has a help of its own that fits a terminal, and a line in the general one', () => {
  for (const [name, { help }] of Object.entries(CLOUD_COMMANDS)) {
    assert.ok(help.startsWith(`flowstitch ${name}`), name);
    assert.ok(help.endsWith('\n') && !help.includes('undefined'), name);
    for (const line of help.split('\n')) assert.ok(line.length <= 120, line);
    assert.match(HELP, new RegExp(`\\b${name}\\b`), name);
  }
});

test('an unknown command is refused with those there are', () => {
  const { code, stderr } = flowstitch(['deploy']);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^flowstitch: 'deploy' is no command; there are run, sql, inspect, submit, jobs, status, cancel, resume, watch\n$/,
  );
});

test("AWS's SDK is loaded by commands for the cloud alone, and not for their help", () => {
  const loaded = (args: string[]): boolean => {
    const { stderr } = command(process.execPath, [ENTRY, ...args], { env: { NODE_DEBUG: 'esm' } });
    return stderr.includes('@aws-sdk/');
  };
  assert.equal(loaded(['submit', '--help']), false);
  assert.equal(loaded(['run', '/nothing', '--out', '/nowhere']), false);
  assert.equal(loaded(['sql', 'select 1', '--data', '/nothing']), false);
  assert.equal(loaded(['status', 'no id']), true);
});
