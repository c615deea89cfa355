/** The summary of a run as text. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { type RunSummary, summaryText } from '../../../cli/text/summarytext.ts';
import { perTable } from '../../../shared/table/tables.ts';

// How the tests themselves were started must not show.
delete process.env.npm_command;

const SUMMARY: RunSummary = {
  job: '0123456789abcdef',
  dataset: 'default',
  captures: 12,
  captureBytes: 1_500_000,
  packets: 2215,
  sessions: 57,
  spanning: 17,
  longest: { captures: 12, uid: 'e7uzkq7QBNjC' },
  conservation: {
    read: 2215,
    inSessions: 1904,
    fragmentsCompleted: 302,
    fragmentsIncomplete: 0,
    notIp: 8,
    undecodable: { truncated_IP: 1 },
  },
  shuffleBytes: 26_580,
  reusedTasks: 0,
  mapTasks: 1,
  partitions: 1,
  damaged: [],
  files: perTable(() => []),
  fileBytes: {},
  out: 'results',
  storedBytes: 1_250_000,
  committedBefore: false,
  seconds: 2,
  cpuSeconds: 3,
  peakMemoryBytes: 250e6,
};

test('a summary says what was read, what became of it, and what to type next', () => {
  assert.equal(
    summaryText(SUMMARY),
    `captures      12, 1.50 MB uncompressed
packets       2,215
sessions      57, 17 spanning several captures, the longest 12 (uid e7uzkq7QBNjC)
conservation  2,215 read = 1,904 in sessions + 302 fragments of complete datagrams + 8 not IP + 1 truncated_IP
shuffle       26.6 KB, 12.0 bytes per packet, 1.8 % of the input
time          2.0 s, 1,108 packets/s, peak memory 250.0 MB

next: flowstitch sql "select * from sessions order by capture_count desc limit 10" --data results
`,
  );
});

test('sides of the equation that differ are pointed out', () => {
  const conservation = { ...SUMMARY.conservation, read: 2216 };
  assert.match(
    summaryText({ ...SUMMARY, conservation }),
    /truncated_IP {2}\(the sides differ: please report this as a bug\)/,
  );
});

test('a job that was done before has no speed, and map tasks that were are told', () => {
  assert.match(summaryText({ ...SUMMARY, committedBefore: true }), /time {10}none: this job was already done/);
  assert.match(summaryText({ ...SUMMARY, mapTasks: 9, reusedTasks: 8 }), /uncompressed, 8 of 9 map tasks reused/);
});

test('a job without packets divides by nothing', () => {
  const text = summaryText({
    ...SUMMARY,
    packets: 0,
    sessions: 0,
    spanning: 0,
    longest: null,
    captureBytes: 0,
    shuffleBytes: 0,
    conservation: { read: 0, inSessions: 0, fragmentsCompleted: 0, fragmentsIncomplete: 0, notIp: 0, undecodable: {} },
  });
  assert.match(text, /0 read = 0 in sessions\n/);
  assert.doesNotMatch(text, /NaN|Infinity/);
});

test('damaged captures are named with offset and reason, at most twenty, and their names are only printed', () => {
  const damage = (n: number) => ({
    capture: `c${n}\x1b[2J.pcap`,
    status: 'truncated',
    offset: n === 0 ? null : 24,
    reason: 'truncated_record',
    detail: '3 of 60 bytes',
  });
  const text = summaryText({ ...SUMMARY, damaged: Array.from({ length: 23 }, (_, n) => damage(n)) });
  assert.match(
    text,
    /\n23 captures could not be read completely:\n {2}c0\\x1b\[2J.pcap: truncated, truncated_record: 3 of/,
  );
  assert.match(text, / {2}c1\\x1b\[2J.pcap: truncated at byte 24, truncated_record: 3 of 60 bytes\n/);
  assert.match(text, / {2}and 3 more: see the captures table\n/);
  assert.doesNotMatch(text, /c20/);
});

test('what to type next is a command that works: quoted, and through npx where npx was used', (t) => {
  assert.match(summaryText({ ...SUMMARY, out: 'my results' }), /--data 'my results'\n$/);
  t.after(() => delete process.env.npm_command);
  process.env.npm_command = 'exec';
  assert.match(summaryText(SUMMARY), /\nnext: npx flowstitch sql /);
});
