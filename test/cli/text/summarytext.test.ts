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
  firstPacket: '2023-11-14T22:13:20.000000001Z',
  lastPacket: '2023-11-14T23:43:20.000000000Z',
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
    inCopies: 0,
  },
  shuffleBytes: 26_580,
  reusedTasks: 0,
  mapTasks: 1,
  partitions: 1,
  damaged: [],
  noCaptures: [],
  open: [],
  outside: { packets: 1, reasons: [{ reason: 'truncated_IP', packets: 1, remedy: 'do this' }], captures: [] },
  clocksApart: [],
  undecoded: [{ name: 'ethertype_0x0806_ARP', count: 8 }],
  copies: [],
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
first packet  2023-11-14T22:13:20.000000001Z
last packet   2023-11-14T23:43:20.000000000Z, 1 h 30 min later
sessions      57, 17 spanning several captures, the longest 12 (uid e7uzkq7QBNjC)
conservation  2,215 read = 1,904 in sessions + 302 fragments of complete datagrams + 8 not IP + 1 truncated_IP
not decoded   8 ethertype_0x0806_ARP
shuffle       26.6 KB, 12.0 bytes per packet, 1.8 % of the input
time          2.0 s, 1,108 packets/s, peak memory 250.0 MB

next: flowstitch sql --query by_protocol --data results
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
    firstPacket: null,
    lastPacket: null,
    outside: { packets: 0, reasons: [], captures: [] },
    sessions: 0,
    spanning: 0,
    longest: null,
    captureBytes: 0,
    shuffleBytes: 0,
    conservation: {
      read: 0,
      inSessions: 0,
      fragmentsCompleted: 0,
      fragmentsIncomplete: 0,
      notIp: 0,
      undecodable: {},
      inCopies: 0,
    },
  });
  assert.match(text, /0 read = 0 in sessions\n/);
  assert.doesNotMatch(text, /NaN|Infinity/);
});

test('captures that were passed over are named with those used instead, at most twenty', () => {
  const copies = Array.from({ length: 22 }, (_, n) => ({ capture: `c${n}\x1b.pcap.gz`, of: `c${n}.pcap` }));
  const conservation = { ...SUMMARY.conservation, read: 2315, inCopies: 100 };
  const text = summaryText({ ...SUMMARY, conservation, copies });
  assert.match(text, /= 1,904 in sessions .* \+ 100 in copies\n/);
  assert.match(text, /\n22 captures passed over, as others hold the same packets \(--keep-copies uses them too\):\n/);
  assert.match(text, /\n {2}c0\S*\.pcap\.gz holds the same packets as c0\.pcap\n/);
  assert.ok(!text.includes('\x1b'));
  assert.match(text, /c19\.pcap\n {2}and 2 more: see the captures table\n/);
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

test('packets outside sessions are told from one in a hundred on, with the three largest reasons and what to do', () => {
  const reasons = ['first', 'second', 'third', 'fourth'].map((reason, n) => ({
    reason,
    packets: 10 - n,
    remedy: `${reason} aid`,
  }));
  const outside = { packets: 34, reasons, captures: [] };
  assert.match(
    summaryText({ ...SUMMARY, outside }),
    /\n\nwarning: 34 of 2,215 packets \(1\.5 %\) are in no session:\n {2}10 first: first aid\n {2}9 second: second aid\n {2}8 third: third aid\n\nnext/,
  );
  assert.match(summaryText({ ...SUMMARY, packets: 3399, outside }), /warning: 34 of 3,399 packets/);
  assert.doesNotMatch(summaryText({ ...SUMMARY, packets: 3400, outside }), /warning/);
});

test('a capture with most of its packets outside sessions is named although the others hide it', () => {
  const capture = { capture: 'a\x1b.pcap', packets: 20, outside: 19, reason: 'unknown_link_type' };
  const text = summaryText({ ...SUMMARY, packets: 1e6, outside: { packets: 19, reasons: [], captures: [capture] } });
  assert.match(
    text,
    /\n\nwarning: most packets of 1 capture are in no session:\n {2}a\\x1b\.pcap: 19 of 20, unknown_link_type\n\nnext/,
  );
});

test('a capture whose clock stands apart is named with its times', () => {
  const { firstPacket, lastPacket } = SUMMARY;
  const text = summaryText({
    ...SUMMARY,
    clocksApart: [{ capture: 'x.pcap', firstPacket: firstPacket!, lastPacket: lastPacket! }],
  });
  assert.match(
    text,
    /\nwarning: the packets of 1 capture are .*year.*:\n {2}x\.pcap: from 2023-11-14T22:13:20\.000000001Z to 2023/,
  );
});

test('what to type next fits 100 columns', (t) => {
  t.after(() => delete process.env.npm_command);
  process.env.npm_command = 'exec';
  const next = /^next: .*$/m.exec(summaryText({ ...SUMMARY, dataset: 'site-a', out: 'r'.repeat(20) }))?.[0] ?? '';
  assert.ok(next.length > 0 && next.length <= 100, next);
});

test('what to type next is a command that works: quoted, and through npx where npx was used', (t) => {
  assert.match(summaryText({ ...SUMMARY, out: 'my results' }), /--data 'my results'\n$/);
  t.after(() => delete process.env.npm_command);
  process.env.npm_command = 'exec';
  assert.match(summaryText(SUMMARY), /\nnext: npx flowstitch sql /);
});
