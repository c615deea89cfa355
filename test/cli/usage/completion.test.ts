/** flowstitch completion: what a shell that has read its script offers. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { loadCommands } from '../../../cli/commands/index.ts';
import { completionScript } from '../../../cli/usage/completion.ts';
import { command, scratchFolder, writeFiles } from '../harness.ts';

const commands = await loadCommands();

function found(shell: string): boolean {
  return command('sh', ['-c', `command -v ${shell}`]).code === 0;
}

/** What bash offers for the last of the words. */
function offeredByBash(t: TestContext, ...words: string[]): string[] {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'a trace.pcap': '', 'b.pcap': '' });
  writeFileSync(join(folder, 'script'), completionScript('bash', commands));
  const typed = words.map((word) => `'${word}'`).join(' ');
  const { code, stdout, stderr } = command(
    'bash',
    [
      '--norc',
      '-uc',
      `source ./script; COMP_WORDS=(${typed}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _flowstitch; printf '%s\\n' "\${COMPREPLY[@]-}"`,
    ],
    { cwd: folder },
  );
  assert.deepEqual([code, stderr], [0, '']);
  return stdout.split('\n').filter((line) => line !== '');
}

test('bash completes commands, options, values that can be listed, and names of files', (t) => {
  const offered = (...words: string[]): string[] => offeredByBash(t, 'flowstitch', ...words);
  assert.deepEqual(
    offered('').filter((word) => !word.startsWith('-')),
    commands.map(({ name }) => name),
  );
  assert.deepEqual(offered('re'), ['resume']);
  assert.deepEqual(offered('run', '--max'), ['--max-zstd-window', '--max-compression-ratio']);
  assert.deepEqual(offered('run', 'x', '--shard-by', ''), ['5tuple', '4tuple', '2tuple']);
  assert.deepEqual(offered('sql', '--query', 'top'), ['top_talkers']);
  assert.deepEqual(offered('run', 'a').sort(), ['a trace.pcap']);
  assert.deepEqual(offered('inspect', '-n', ''), [], 'a number is not completed');
  assert.deepEqual(offered('status', ''), [], 'nor is the id of a job, with names of files least of all');
  assert.deepEqual(offered('completion', 'z'), ['zsh']);
  assert.deepEqual(offered('nonsense', '--'), []);
});

for (const shell of ['zsh', 'fish'] as const)
  test(`${shell} takes its script`, { skip: !found(shell) && `no ${shell} here` }, (t) => {
    const path = join(scratchFolder(t), 'script');
    writeFileSync(path, completionScript(shell, commands));
    const { code, stderr } = command(shell, ['-n', path]);
    assert.deepEqual([code, stderr], [0, '']);
  });

test('fish completes commands, options and listed values', { skip: !found('fish') && 'no fish here' }, (t) => {
  const path = join(scratchFolder(t), 'script');
  writeFileSync(path, completionScript('fish', commands));
  const offered = (line: string): string[] => {
    const { stdout } = command('fish', ['--no-config', '-c', `source ${path}; complete -C '${line}'`]);
    return stdout.split('\n').flatMap((text) => (text === '' ? [] : [text.split('\t')[0]]));
  };
  assert.deepEqual(offered('flowstitch re'), ['resume']);
  assert.deepEqual(offered('flowstitch run --max').sort(), ['--max-compression-ratio', '--max-zstd-window']);
  assert.deepEqual(offered('flowstitch run --shard-by ').sort(), ['2tuple', '4tuple', '5tuple']);
});
