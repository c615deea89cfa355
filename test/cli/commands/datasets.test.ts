/** flowstitch datasets, clean and forget, and run --add, as a person uses them. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { flowstitch, START_US, scratchFolder, udpCapture, writeFiles } from '../harness.ts';

const HOUR_US = 3_600_000_000;

test('a data set grows, is listed, and is cleaned', (t) => {
  const cwd = scratchFolder(t);
  writeFiles(cwd, { 'old/a.pcap': udpCapture(10), 'new/b.pcap': udpCapture(10, START_US + HOUR_US, 3) });
  const done = (...args: string[]): { stdout: string; stderr: string } => {
    const { code, ...said } = flowstitch(args, { cwd });
    assert.equal(code, 0, said.stderr);
    return said;
  };
  done('run', 'old', '--out', 'out');
  rmSync(join(cwd, 'old'), { recursive: true });
  const added = done('run', 'new', '--add', '--out', 'out');
  assert.match(added.stdout, /captures {6}2, /);
  assert.doesNotMatch(added.stderr, /holds sessions/);
  const replacing = done('run', 'new', '--out', 'out', '--quiet');
  assert.match(
    replacing.stderr,
    /^\S+out holds sessions of 2 captures; this run keeps 1 of them and replaces the rest\. --add keeps all\n$/,
  );
  const listed = done('datasets', '--data', 'out');
  assert.match(listed.stdout, /^default +2023-11-14T23:13:20 +2023-11-14T23:13:20 +1 .* 3 *$/m);
  const [, removable] = /flowstitch clean would remove (\S+ [KMG]?B)\n$/.exec(listed.stdout) ?? [];
  assert.match(
    done('clean', '--data', 'out', '--dry-run').stdout,
    new RegExp(`^would remove ${removable}\ntables +0 files`),
  );
  assert.match(done('clean', '--data', 'out').stdout, new RegExp(`^removed ${removable}\n`));
  assert.equal(done('clean', '--data', 'out').stdout, 'nothing to remove\n');
  const query = done('sql', 'select count(*) as n from sessions', '--data', 'out', '--csv');
  assert.equal(query.stdout, 'n\n1\n');
  const { datasets, removable: left } = JSON.parse(done('datasets', '--data', 'out', '--json').stdout);
  assert.deepEqual([datasets.length, datasets[0].captures, left], [1, 1, 0]);
  rmSync(join(cwd, 'out/_flowstitch'), { recursive: true });
  assert.match(
    done('datasets', '--data', 'out').stdout,
    /^default +\? .*\n\nthe files of job \w+.* are gone: .* Run it again first\n$/m,
  );
});

test('forget says what it would do, and does it with --yes', (t) => {
  const cwd = scratchFolder(t);
  writeFiles(cwd, { 'in/a.pcap': udpCapture(10), 'in/b.pcap': udpCapture(10, START_US + HOUR_US, 3) });
  const does = (...args: string[]): string => {
    const { code, stdout, stderr } = flowstitch(args, { cwd });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  does('run', 'in', '--out', 'out');
  const statuses = ['sql', 'select status from captures order by capture', '--data', 'out', '--csv'];
  const choice = ['forget', '--data', 'out', '--before', '2023-11-14T23:00'];
  const what =
    "data set 'default': 1 capture to forget, 10 packets\n  in/a.pcap\n1 capture of the others will be read again\n";
  assert.equal(does(...choice), `${what}nothing has been changed: --yes does it\n`);
  assert.equal(does(...statuses), 'status\ncomplete\ncomplete\n');
  const done = does(...choice, '--yes');
  assert.ok(done.startsWith(`${what}done: `), done);
  assert.equal(does(...statuses), 'status\nforgotten\ncomplete\n');
  const told = JSON.parse(does('forget', '--data', 'out', '--capture', 'in/b.pcap', '--json'));
  assert.deepEqual([told.done, told.captures, told.packets, told.readAgain], [false, ['in/b.pcap'], 10, []]);
  const wrong: [string[], RegExp][] = [
    [[], /say what: one of --before DATE, --capture NAME and --host ADDRESS/],
    [['--before', '2023-01-01', '--capture', 'x'], /say what: one of/],
    [['--before', 'yesterday'], /--before takes a date such as .*, not 'yesterday'/],
    [['--before', '2023-02-30x'], /--before takes a date/],
    [['--capture', 'in/c.pcap'], /the data set holds no capture 'in\/c\.pcap'/],
    [['--capture', 'in/b.pcap', '--dataset', 'x'], /no finished results of a data set 'x'/],
  ];
  for (const [args, message] of wrong)
    assert.match(flowstitch(['forget', '--data', 'out', ...args], { cwd }).stderr, message);
});

test('folders that are no results are named, and results in a bucket are looked for in a pipeline', (t) => {
  const cwd = scratchFolder(t);
  for (const [command, ...more] of [['datasets'], ['clean'], ['forget', '--capture', 'a']]) {
    assert.match(flowstitch([command, ...more, '--data', 'nowhere'], { cwd }).stderr, /there is no folder nowhere/);
    assert.match(
      flowstitch([command, ...more, '--data', 's3://b/'], { cwd }).stderr,
      /cannot look up stack flowstitch-pipeline/,
    );
    assert.match(
      flowstitch([command, ...more], { cwd }).stderr,
      /no results given: name their folder or bucket with --data/,
    );
  }
});
