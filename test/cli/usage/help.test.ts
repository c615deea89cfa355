/** Help: that of each command, the list of them, docs/commands.md, and what is loaded for it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { COMMANDS, loadCommands } from '../../../cli/commands/index.ts';
import { commandHelp, helpWidth, programHelp } from '../../../cli/usage/commandline.ts';
import { commandsText } from '../../../docs/commands.ts';
import { JOB_OPTIONS } from '../../../shared/job/options/options.ts';
import { command, ENTRY, flowstitch, ROOT, runCommand } from '../harness.ts';

const commands = await loadCommands();

test('each command is listed under its own name, and its help has all of its options, defaults and examples', () => {
  assert.deepEqual(
    commands.map(({ name }) => name),
    Object.keys(COMMANDS),
  );
  for (const width of [80, 100])
    for (const described of commands) {
      const help = commandHelp(described, width);
      const flat = help.replaceAll(/\s+/g, ' ');
      assert.match(help, new RegExp(`^Usage: flowstitch ${described.name}\\b`));
      assert.ok(help.endsWith('\n') && !help.includes('undefined'), described.name);
      for (const [name, { meaning, default: without }] of Object.entries(described.options)) {
        assert.match(help, new RegExp(`^  (-\\w, )?--?${name}\\b`, 'm'), `${described.name} ${name}`);
        assert.ok(flat.includes(meaning), `${described.name} ${name}`);
        if (without !== undefined) assert.ok(flat.includes(`default: ${without})`), `${described.name} ${name}`);
      }
      assert.ok(described.examples.length > 0, described.name);
      const prose = help.slice(0, help.indexOf('\nExamples:'));
      for (const line of prose.split('\n'))
        assert.ok(line.length <= width || !line.trim().includes('  '), `${described.name}: ${line}`);
      assert.match(programHelp(commands), new RegExp(`^  ${described.name}\\b.* {2}${described.summary}$`, 'm'));
    }
});

test('examples are commands that there are, with options that they take', async () => {
  const { readCommandLine } = await import('../../../cli/usage/commandline.ts');
  for (const described of commands)
    for (const [line] of described.examples) {
      const { stdout } = command('bash', ['-c', `printf '%s\\n' ${line.replace(/ >>? .*/, '')}`]);
      const [name, ...args] = stdout.trimEnd().split('\n');
      assert.equal(name, described.name, line);
      assert.ok(!readCommandLine(described, args).help, line);
    }
});

test('commands that start jobs take all options of a job, in the same words', () => {
  for (const name of ['run', 'submit', 'watch']) {
    const { options } = commands.find((described) => described.name === name)!;
    for (const [option, { meaning }] of Object.entries(JOB_OPTIONS))
      assert.equal(options[option]?.meaning, meaning, `${name} --${option}`);
  }
});

test('help says what a bare number is, of every option that takes a time or a size', () => {
  const units: Record<string, RegExp> = { TIME: /a bare number is seconds/, SIZE: /a bare number is bytes/ };
  let taken = 0;
  for (const { name: command, options } of commands)
    for (const [name, { value = '', meaning, group }] of Object.entries(options)) {
      if (units[value] === undefined) continue;
      assert.match(`${meaning} ${group}`, units[value], `${command} --${name}`);
      taken++;
    }
  assert.ok(taken > 0);
});

test('help fits the terminal', () => {
  assert.deepEqual([20, 90, 200, 0, undefined].map(helpWidth), [80, 90, 100, 100, helpWidth()]);
  assert.equal(flowstitch(['help', 'run']).stdout, flowstitch(['run', '--help']).stdout);
});

test('docs/commands.md says what the commands say', () => {
  assert.equal(readFileSync(join(ROOT, 'docs/commands.md'), 'utf8'), commandsText(commands), 'run npm run docs');
});

test('an unknown command is refused with those there are, and the one that was meant', () => {
  const { code, stderr } = flowstitch(['statsu']);
  assert.equal(code, 1);
  assert.equal(
    stderr,
    `flowstitch: unknown command 'statsu', did you mean status?; commands are ${Object.keys(COMMANDS).join(', ')}\n`,
  );
  assert.match(flowstitch(['help', 'constructor']).stderr, /^flowstitch: unknown command 'constructor'; commands are/);
});

test("AWS's SDK, DuckDB and Arrow are loaded by what needs them alone, and not for help", () => {
  const loaded = (...args: string[]): string[] => {
    const { stderr } = command(process.execPath, [ENTRY, ...args], { env: { NODE_DEBUG: 'esm' } });
    return ['@aws-sdk/', '@duckdb/', 'apache-arrow', 'commander'].filter((name) => stderr.includes(`/${name}`));
  };
  assert.deepEqual(loaded('--version'), []);
  assert.deepEqual(loaded('--help'), ['commander']);
  assert.deepEqual(loaded('completion', 'bash'), ['commander']);
  assert.deepEqual(loaded('submit', '--help'), ['commander']);
  assert.deepEqual(loaded('submit', 'nothing'), ['commander']);
  // Its workers load DuckDB, when they publish.
  assert.deepEqual(loaded('run', ROOT, '--out', ENTRY), ['commander']);
  assert.ok(!loaded('sql', 'select 1', '--data', '/nothing').includes('@aws-sdk/'));
  assert.ok(loaded('jobs', '--stack', 'none').includes('@aws-sdk/'));
});

test('completion wants a shell that it knows', async () => {
  const completion = commands.find(({ name }) => name === 'completion')!;
  await assert.rejects(runCommand(completion, ['ksh']), /completion: give one shell: bash, zsh, fish, not 'ksh'/);
});
