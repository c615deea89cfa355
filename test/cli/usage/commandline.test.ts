/** Arguments of commands: what they are read as, and what is said of wrong ones. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { defineCommand } from '../../../cli/usage/command.ts';
import { readCommandLine } from '../../../cli/usage/commandline.ts';
import { UsageError } from '../../../cli/usage/usage.ts';

const COMMAND = defineCommand({
  name: 'try',
  group: 'local',
  operands: { usage: 'FILE ...', least: 1, most: 2, wanted: 'name one file or two' },
  summary: '',
  description: [],
  options: {
    out: { value: 'FOLDER', meaning: '' },
    'requester-pays': { meaning: '' },
    json: { meaning: '' },
    n: { value: 'N', meaning: '' },
    port: { value: 'N', meaning: '', repeatable: true },
    data: { short: 'd', value: 'FOLDER', meaning: '' },
  },
  examples: [],
  run: async () => 0,
});

function messageFor(...args: string[]): string {
  try {
    readCommandLine(COMMAND, args);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  return 'taken';
}

test('options and operands may stand in any order; names keep their dashes; the last of two values counts', () => {
  assert.deepEqual(readCommandLine(COMMAND, ['a', '--out=x', '-n', '3', '--requester-pays', 'b', '--out', 'y=z']), {
    help: false,
    values: { out: 'y=z', n: '3', 'requester-pays': true },
    operands: ['a', 'b'],
  });
  assert.deepEqual(readCommandLine(COMMAND, ['--json', '--', '--file']), {
    help: false,
    values: { json: true },
    operands: ['--file'],
  });
});

test('a comment of SQL is no option, wherever it stands', () => {
  for (const comment of ['-- all', '--\nselect 1', '--all of them\nselect 1', '-- a=b'])
    assert.deepEqual(
      readCommandLine(COMMAND, ['--out', 'x', comment, '--json']),
      { help: false, values: { out: 'x', json: true }, operands: [comment] },
      comment,
    );
  assert.deepEqual(readCommandLine(COMMAND, ['a', '--out=two words']), {
    help: false,
    values: { out: 'two words' },
    operands: ['a'],
  });
});

test('an option that may be given again has all its values, with commas between', () => {
  const { values } = readCommandLine(COMMAND, ['a', '--port', '7', '-n', '3', '--port=9,8']) as { values: unknown };
  assert.deepEqual(values, { port: '7,9,8', n: '3' });
});

test('help is asked for anywhere, whatever else is missing or wrong before it', () => {
  for (const args of [['--help'], ['-h'], ['a', 'b', 'c', '--json', '-h'], ['--out', 'x', '--help']])
    assert.deepEqual(readCommandLine(COMMAND, args), { help: true }, args.join(' '));
  assert.equal(readCommandLine(COMMAND, ['--', '--help']).help, false);
});

test('wrong options are named in one sentence, with the one that was meant', () => {
  const lists = 'flowstitch try --help lists the options';
  assert.equal(messageFor('a', '--nope'), `try: unknown option --nope; ${lists}`);
  assert.equal(messageFor('a', '--nope=3'), `try: unknown option --nope; ${lists}`);
  assert.equal(messageFor('a', '--jsn'), `try: unknown option --jsn, did you mean --json?; ${lists}`);
  assert.equal(messageFor('a', '-z'), `try: unknown option -z; ${lists}`);
  assert.equal(messageFor('a', '--json=yes'), 'try: --json takes no value');
});

test('a value that was forgotten is asked for, and no option is taken for it', () => {
  for (const args of [['--out'], ['--out', '--json'], ['--out', '-n'], ['--out', '-h'], ['--out', '--nope']])
    assert.equal(messageFor('a', ...args), 'try: --out needs a value; see flowstitch try --help', args.join(' '));
  assert.equal(messageFor('a', '-n'), 'try: -n needs a value; see flowstitch try --help');
  assert.equal(messageFor('a', '-n', '-3'), 'taken', 'what is wrong with the number is for whoever reads it');
});

test('a short flag is its option, alone, with its value behind it, and where the value is forgotten', () => {
  for (const args of [['-d', 'x'], ['-dx'], ['--data', 'x'], ['--data=x']])
    assert.deepEqual(readCommandLine(COMMAND, ['a', ...args]), { help: false, values: { data: 'x' }, operands: ['a'] });
  for (const args of [['-d'], ['-d', '--json'], ['-d', '-n']])
    assert.equal(messageFor('a', ...args), 'try: --data needs a value; see flowstitch try --help', args.join(' '));
});

test('operands are counted', () => {
  assert.equal(messageFor(), 'try: name one file or two');
  assert.equal(messageFor('a', 'b', 'c'), 'try: name one file or two');
});
