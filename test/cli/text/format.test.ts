/** Numbers, times, durations and foreign text as they are printed and read. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { bytesText, count, counted, durationText, fieldLines } from '../../../cli/text/format.ts';
import { localSizes } from '../../../shared/engine/localrun.ts';
import { durationOption, OptionError, parseDuration, wholeNumber } from '../../../shared/job/options/optionvalues.ts';
import { printable, printableJson } from '../../../shared/text/printable.ts';
import { shellWord } from '../../../shared/text/shellword.ts';
import { timeText } from '../../../shared/text/timetext.ts';
import { command } from '../harness.ts';

test('counts have commas, and nouns their number', () => {
  assert.equal(count(1_234_567.4), '1,234,567');
  assert.deepEqual(
    [counted(0, 'task'), counted(1, 'task'), counted(1200, 'task')],
    ['0 tasks', '1 task', '1,200 tasks'],
  );
});

test('bytes stand in the unit that leaves three digits before the point at most', () => {
  const texts = [0, 999, 1000, 9_990, 9_996, 999_940, 999_950, 1_500_000, 12_345_678_901, 5e15].map(bytesText);
  assert.deepEqual(texts, [
    '0 B',
    '999 B',
    '1.00 KB',
    '9.99 KB',
    '10.0 KB',
    '999.9 KB',
    '1.00 MB',
    '1.50 MB',
    '12.3 GB',
    '5000.0 TB',
  ]);
});

test('seconds never read as 60', () => {
  const texts = [0, 59.94, 59.96, 119.6, 3599.4, 3599.6, 7260, 172_740, 9e6].map(durationText);
  assert.deepEqual(texts, [
    '0.0 s',
    '59.9 s',
    '1 min 0 s',
    '2 min 0 s',
    '59 min 59 s',
    '1 h 0 min',
    '2 h 1 min',
    '47 h 59 min',
    '104 days 4 h',
  ]);
});

test('times are exact to the nanosecond, from 1970 to beyond 2^52 microseconds', () => {
  assert.equal(timeText(0, 0), '1970-01-01T00:00:00.000000000Z');
  assert.equal(timeText(1_700_000_000_123_456, 7), '2023-11-14T22:13:20.123456007Z');
  assert.equal(timeText(2 ** 52 + 1, 999), '2112-09-17T23:53:47.370497999Z');
});

test('what steers a terminal is shown, not sent', () => {
  assert.equal(
    printable('a\x1b[31mred\x07\r\n\x9b2J\u202egpj.exe é 漢'),
    'a\\x1b[31mred\\x07\\x0d\\x0a\\x9b2J\\x202egpj.exe é 漢',
  );
});

test('nothing invisible is sent to a terminal: marks of direction, joiners, fillers, tags, halves of characters', () => {
  const invisible = [
    0x61c, 0x200b, 0x200e, 0x200f, 0x202a, 0x202c, 0x202e, 0x2060, 0x2066, 0x2069, 0xfeff, 0xad, 0x3164,
  ];
  for (const code of [...invisible, 0x7f, 0x85, 0x9f, 0x2028, 0xfe0f, 0xe0041, 0x1d173]) {
    const text = `a${String.fromCodePoint(code)}b`;
    assert.equal(printable(text), `a\\x${code.toString(16)}b`);
    assert.ok(!printableJson({ [text]: text }).includes(String.fromCodePoint(code)));
    assert.deepEqual(JSON.parse(printableJson({ [text]: text })), { [text]: text });
  }
  assert.equal(printable('\ud800x'), '\\xd800x');
  assert.equal(printable('é漢😀 ا'), 'é漢😀 ا');
});

test('a name that would steer the terminal is a word that the shell reads as the name', () => {
  const name = "o'ut\x1b[2J\\ \u202e1";
  assert.equal(shellWord(name), "$'o\\'ut\\033[2J\\\\ \\342\\200\\2561'");
  const { stdout } = command('bash', ['-c', `printf %s ${shellWord(name)}`]);
  assert.equal(stdout, name);
});

test('fields are aligned', () => {
  assert.equal(
    fieldLines([
      ['a', '1'],
      ['longer', '2'],
    ]),
    'a       1\nlonger  2\n',
  );
});

test('words for a shell are quoted where they must be', () => {
  assert.deepEqual(['results/x-1', 'my results', "it's", '$(rm)', ''].map(shellWord), [
    'results/x-1',
    "'my results'",
    "'it'\\''s'",
    "'$(rm)'",
    "''",
  ]);
});

test('durations are read in every unit, and written in the largest that fits', () => {
  const read = ['500ms', '90s', '5m', '1h', '2d', '7', '0.5s', '250us'].map((text) => parseDuration(text, '-x'));
  assert.deepEqual(read, [500_000, 90e6, 300e6, 3600e6, 172_800e6, 7e6, 500_000, 250]);
  for (const us of read) assert.equal(parseDuration(durationOption(us), '-x'), us);
  assert.deepEqual([durationOption(300e6), durationOption(90e6), durationOption(0)], ['5m', '90s', 'never']);
  assert.equal(parseDuration('never', '-x', true), 0);
});

test('what is no duration is refused by the name of its option', () => {
  for (const text of ['', '0', '-5s', '5 m', '5x', 'm', '1e3s', 'never', '99999999999d'])
    assert.throws(() => parseDuration(text, '--tcp-timeout'), {
      name: 'OptionError',
      message: /^--tcp-timeout takes a duration/,
    });
});

test('whole numbers are taken within their range and as digits only', () => {
  assert.equal(wholeNumber(undefined, '-n', 0, 9), undefined);
  assert.equal(wholeNumber('0', '-n', 0, 9), 0);
  for (const text of ['10', '-1', '1.5', '0x1', '1e0', '', ' 1', 'one'])
    assert.throws(() => wholeNumber(text, '-n', 0, 9), OptionError, text);
});

test('every worker gets several map tasks, unless they would be tiny or huge', () => {
  assert.equal(localSizes(800 << 20, 4).taskBytes, 50 << 20);
  assert.equal(localSizes(1 << 20, 4).taskBytes, 8 << 20);
  assert.equal(localSizes(2 ** 40, 4).taskBytes, 256 << 20);
  assert.equal(localSizes(1, 5).partitions, 15);
});
