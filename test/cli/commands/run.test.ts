/** flowstitch run, as a new user meets it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { findCaptures } from '../../../cli/input/findcaptures.ts';
import { runEmbedded } from '../../../shared/engine/embedded.ts';
import { localSizes } from '../../../shared/engine/localrun.ts';
import { DEFAULTS } from '../../../shared/session/sessionconfig.ts';
import { concat, gzip, writePcap, zstd } from '../../capture/build.ts';
import {
  command,
  DEMO,
  ENTRY,
  flowstitch,
  type Outcome,
  START_US,
  scratchFolder,
  startFlowstitch,
  udpCapture,
  writeFiles,
} from '../harness.ts';

const SECOND = 1e6;

interface Summary {
  job: string;
  captures: number;
  packets: number;
  sessions: number;
  spanning: number;
  reusedTasks: number;
  mapTasks: number;
  committedBefore: boolean;
  damaged: { capture: string; offset: number | null; reason: string }[];
  noCaptures: { input: string; detail: string }[];
}

function summaryOf({ stdout }: Outcome): Summary {
  return JSON.parse(stdout) as Summary;
}

test('a session over two captures is one session, and all is said in the summary', (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'in/b.pcap': udpCapture(10), 'in/a.pcap.gz': gzip(udpCapture(10, START_US + SECOND)) });
  const { code, stdout, stderr } = flowstitch(['run', 'in', '--out', 'out'], { cwd: folder });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /captures {6}2, /);
  assert.match(stdout, /packets {7}20\n/);
  assert.match(stdout, /sessions {6}1, 1 spanning several captures, the longest 2 \(uid \w+\)/);
  assert.match(stdout, /20 read = 20 in sessions\n/);
  assert.match(stdout, /next: flowstitch sql --query \w+ --data out\n$/);
  assert.match(
    stderr,
    /^job [0-9a-f]{16}: 2 captures, .*\n2\/7 map {2}0 of 2 captures/,
    'plain lines, as this is no terminal',
  );
  assert.ok(!(stdout + stderr).includes('\x1b'));
  // The command printed works as it stands.
  const next = /next: flowstitch (sql .*)\n/.exec(stdout)?.[1] ?? '';
  const shell = command('sh', ['-c', `"${process.execPath}" "${ENTRY}" ${next}`], { cwd: folder });
  assert.equal(shell.code, 0, shell.stderr);
  const [head, , ...rows] = shell.stdout.split('\n');
  assert.match(head, /^proto .* sessions /);
  assert.match(rows[0], /^udp .* 20 /);
  for (const line of [head, ...rows]) assert.ok(line.length <= 100, line);
});

test('a capture of a link type that is not decoded is no quiet success beside another one', (t) => {
  const folder = scratchFolder(t);
  const frame = Uint8Array.from([0x61, 0x88, 1, 0x42, 0, 0, 0, 0x94, 0x1c, 7, 7, 7]);
  const records = Array.from({ length: 20 }, (_, n) => ({ us: START_US + n, bytes: frame }));
  writeFiles(folder, { 'in/a.pcap': udpCapture(4000), 'in/zigbee.pcap': writePcap(records, { linkType: 230 }) });
  const { code, stdout } = flowstitch(['run', 'in', '--out', 'out'], { cwd: folder });
  assert.equal(code, 0);
  assert.match(stdout, /^not decoded {3}20 link_type_230/m);
  assert.doesNotMatch(stdout, /4,020 packets/, 'half a percent of all');
  assert.match(
    stdout,
    /^warning: most packets of 1 capture are in no session:\n {2}in\/zigbee\.pcap: 20 of 20, link_type_230/m,
  );
});

test('--json prints JSON and nothing else, and --quiet no progress', (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'a.pcap': udpCapture(10) });
  const outcome = flowstitch(['run', 'a.pcap', '--out', 'out', '--json', '--quiet'], { cwd: folder });
  assert.equal(outcome.stderr, '');
  const { captures, packets, sessions, damaged } = summaryOf(outcome);
  assert.deepEqual([captures, packets, sessions, damaged.length], [1, 10, 1, 0]);
});

test('the same command again is done at once; one capture more maps that one only', (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'in/a.pcap': udpCapture(10) });
  const args = ['run', 'in', '--out', 'out', '--json'];
  const first = summaryOf(flowstitch(args, { cwd: folder }));
  const again = flowstitch(args, { cwd: folder });
  assert.deepEqual([summaryOf(again).job, summaryOf(again).committedBefore], [first.job, true]);
  assert.match(again.stderr, /already done\n$/);
  writeFiles(folder, { 'in/b.pcap': udpCapture(10, START_US + SECOND) });
  const more = summaryOf(flowstitch(args, { cwd: folder }));
  assert.notEqual(more.job, first.job);
  assert.deepEqual([more.captures, more.sessions, more.spanning, more.reusedTasks], [2, 1, 1, 1]);
});

test('damaged and foreign files are named with offset and reason, the rest is read, and the exit code is 2', (t) => {
  const folder = scratchFolder(t);
  const whole = udpCapture(10);
  writeFiles(folder, {
    'in/good.pcap': whole,
    'in/cut.pcap': udpCapture(10, START_US + SECOND).subarray(0, whole.length - 5),
    'in/notes.pcap': 'no capture at all',
    'in/other': Uint8Array.of(0, 1, 2, 3),
    'in/empty.pcap': '',
  });
  const { code, stdout } = flowstitch(['run', 'in', '--out', 'out'], { cwd: folder });
  assert.equal(code, 2);
  assert.match(stdout, /packets {7}19\n/);
  assert.match(stdout, /\n3 captures could not be read completely:\n/);
  assert.match(stdout, / {2}in\/cut\.pcap: truncated at byte \d+, truncated_record: /);
  assert.match(stdout, / {2}in\/notes\.pcap: unreadable at byte 0, no_capture: begins with 0x6e6f2063: text\n/);
  assert.match(stdout, / {2}in\/other: unreadable at byte 0, unsupported_format: begins with 0x00010203\n/);
  assert.doesNotMatch(stdout, /empty\.pcap/, 'an empty capture is no damage');
  assert.doesNotMatch(stdout, /good\.pcap/);
});

test('files that are plainly no captures are passed over and listed, unless they are named', (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, {
    'in/good.pcap': udpCapture(10),
    'in/README': 'Captures of the lab, week 48.\n',
    'in/SHA256SUMS': `${'0'.repeat(64)}  good.pcap\n`,
    'in/good.pcap.json': '{"sensor":"a"}',
    'in/syslog.2.gz': gzip(Buffer.from('Nov 30 lab kernel: eth0 entered promiscuous mode\n')),
    'in/Thumbs.db': Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0),
    'texts/a': 'one',
    'texts/b.md': 'two',
  });
  const run = (inputs: string[], ...options: string[]): Outcome =>
    flowstitch(['run', ...inputs, '--out', 'out', ...options], { cwd: folder });
  const { code, stdout } = run(['in']);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /captures {6}1, /);
  assert.match(
    stdout,
    new RegExp(
      '\n5 inputs passed over: no capture:\n' +
        ' {2}in/README: begins with 0x43617074: text\n' +
        ' {2}in/SHA256SUMS: .*: text\n' +
        ' {2}in/Thumbs.db: begins with 0xd0cf11e0: a compound file .*\n' +
        ' {2}in/good.pcap.json: .*: text\n' +
        ' {2}in/syslog.2.gz: begins with 0x4e6f7620: text\n',
    ),
  );
  const query = "select capture || ' ' || status || ' ' || packets from captures order by 1";
  const rows = flowstitch(['sql', query, '--data', 'out', '--csv'], { cwd: folder }).stdout.split('\n').slice(1);
  assert.deepEqual(rows, [
    'in/README no_capture 0',
    'in/SHA256SUMS no_capture 0',
    'in/Thumbs.db no_capture 0',
    'in/good.pcap complete 10',
    'in/good.pcap.json no_capture 0',
    'in/syslog.2.gz no_capture 0',
    '',
  ]);
  // The shards that say what it is are those of the first run: whether that is damage is the job's matter.
  const named = run(['in', 'in/README'], '--json');
  const summary = summaryOf(named);
  assert.equal(named.code, 2);
  assert.deepEqual(
    summary.damaged.map(({ capture, reason }) => `${capture} ${reason}`),
    ['in/README no_capture'],
  );
  assert.deepEqual([summary.captures, summary.noCaptures.length, summary.reusedTasks], [2, 4, summary.mapTasks]);
  const none = run(['texts']);
  assert.deepEqual([none.code, none.stdout], [1, '']);
  assert.match(
    none.stderr,
    /^flowstitch: no captures found in texts: texts\/a begins with 0x6f6e65: text, and others\n/,
  );
});

test('a capture whose compression asks for too much is named with the option that gives it, and read with that option', (t) => {
  const folder = scratchFolder(t);
  // A frame with a window of 2 GiB and an empty block: what zstd --long=31 announces.
  const wide = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0);
  writeFiles(folder, { 'in/wide.pcap.zst': concat([zstd(udpCapture(10)), wide]) });
  const args = ['run', 'in', '--out', 'out', '--json'];
  const refused = flowstitch(args, { cwd: folder });
  const { job, packets, damaged } = summaryOf(refused);
  assert.deepEqual([refused.code, packets, damaged[0].reason], [2, 10, 'zstd_window_too_large']);
  assert.match(flowstitch(['inspect', 'in/wide.pcap.zst'], { cwd: folder }).stdout, /--max-zstd-window gives more/);
  const read = flowstitch([...args, '--max-zstd-window', '2G'], { cwd: folder });
  assert.deepEqual([read.code, summaryOf(read).damaged, summaryOf(read).reusedTasks], [0, [], 0]);
  assert.notEqual(summaryOf(read).job, job);
});

test('a capture that vanished after it was found is named, and the others are read', async (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'in/a.pcap': udpCapture(10), 'in/gone.pcap': udpCapture(10, START_US, 3) });
  const out = join(folder, 'out');
  const captures = await findCaptures([join(folder, 'in')], out);
  rmSync(join(folder, 'in/gone.pcap'));
  const summary = await runEmbedded({
    out,
    captures,
    config: {
      dataset: 'default',
      sharding: { buckets: 16, seed: 1, by: '5tuple' },
      decode: { keyVlan: false },
      sessions: DEFAULTS,
      packets: false,
      sizes: localSizes(1000, 1),
    },
    workers: 1,
  });
  assert.equal(summary.packets, 10);
  assert.deepEqual(
    summary.damaged.map(({ capture, status, reason }) => [capture, status, reason]),
    [[join(folder, 'in/gone.pcap'), 'unreadable', 'capture_gone']],
  );
});

const asRoot = process.getuid?.() === 0 ? 'root may read every file' : false;
test("a capture that may not be read is named with the system's reason", { skip: asRoot }, (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'in/a.pcap': udpCapture(10) });
  writeFileSync(join(folder, 'in/secret.pcap'), udpCapture(10), { mode: 0 });
  const { code, stdout } = flowstitch(['run', 'in', '--out', 'out'], { cwd: folder });
  assert.equal(code, 2);
  assert.match(stdout, /in\/secret\.pcap: unreadable, unreadable_object: EACCES/);
});

test('mistakes get one sentence each, exit code 1 and no stack', (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'a.pcap': udpCapture(2), file: 'x', 'empty/.x': '' });
  const cases: [string[], RegExp][] = [
    [['run'], /run: no captures given: name files, folders or globs/],
    [['run', 'a.pcap'], /run: no folder for the results: name one with --out/],
    [['run', 'a.pcap', '--out', ''], /run: no folder for the results/],
    [['run', 'a.pcap', '--out', 'file'], /--out file is a file: name a folder/],
    [['run', 'none', '--out', 'o'], /'none': no such file or folder, and nothing matches it as a glob/],
    [['run', 'empty', '--out', 'o'], /no captures found in empty/],
    [
      ['run', 'a.pcap', '--out', 'o', '--worker', '2'],
      /run: unknown option --worker, did you mean --workers\?; flowstitch run --help lists/,
    ],
    [['run', 'a.pcap', '--out', 'o', '--workers', 'two'], /--workers takes a whole number from 1 to 256, not 'two'/],
    [['run', 'a.pcap', '--out', 'o', '--buckets', '0'], /--buckets takes a whole number from 1 to 65536, not '0'/],
    [['run', 'a.pcap', '--out', 'o', '--dataset', '../x'], /--dataset takes up to 64 letters, .* not '\.\.\/x'/],
    [['run', 'a.pcap', '--out', 'o', '--shard-by', '3tuple'], /--shard-by takes 5tuple or 4tuple or 2tuple/],
    [['run', 'a.pcap', '--out', 'o', '--key', 'mac'], /--key takes vlan and vni, not 'mac'/],
    [['run', 'a.pcap', '--out', 'o', '--tcp-timeout', '5 min'], /--tcp-timeout takes a duration such as/],
    [['play'], /unknown command 'play'; commands are run, sql, inspect/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = flowstitch(args, { cwd: folder });
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
    assert.match(stderr, /^flowstitch: [^\n]+\n$/, args.join(' '));
    assert.match(stderr, message);
  }
  assert.equal(existsSync(join(folder, 'o')), false, 'nothing was written');
});

test('help and version', () => {
  const version = flowstitch(['--version']);
  assert.deepEqual([version.code, version.stderr], [0, '']);
  assert.match(version.stdout, /^flowstitch \d+\.\d+\.\d+\n$/);
  for (const args of [['--help'], ['help'], ['run', '--help'], ['sql', '-h'], ['inspect', '--help'], ['watch', '-h']]) {
    const { code, stdout, stderr } = flowstitch(args);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    assert.match(stdout, /^(flowstitch: |Usage: flowstitch )/, args.join(' '));
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line);
  }
  const none = flowstitch([]);
  assert.deepEqual([none.code, none.stdout], [1, '']);
  assert.match(none.stderr, /\n {2}run FILE/);
});

test('Ctrl-C stops with a sentence, and the same command goes on to the same result', async (t) => {
  const folder = scratchFolder(t);
  const args = ['run', DEMO, '--json', '--workers', '1'];
  let killed = false;
  const stopped = await startFlowstitch([...args, '--out', join(folder, 'out')], (stderr, kill) => {
    if (killed || !stderr.includes('\n')) return;
    killed = true;
    kill('SIGINT');
  });
  assert.deepEqual([stopped.code, stopped.stdout], [130, '']);
  assert.match(stopped.stderr, /\nstopped\. Run the same command again to resume\.\n$/);
  const resumed = flowstitch([...args, '--out', join(folder, 'out')]);
  assert.equal(resumed.code, 0);
  assert.match(resumed.stderr, /, resumed at \d\/7 \w+\n/);
  const whole = summaryOf(flowstitch([...args, '--out', join(folder, 'other')]));
  const { packets, sessions, spanning } = summaryOf(resumed);
  assert.deepEqual([packets, sessions, spanning], [whole.packets, whole.sessions, whole.spanning]);
});

test('a reader that closes early is no error', (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'a.pcap': udpCapture(10) });
  const program = `"${process.execPath}" "${ENTRY}"`;
  const { code, stdout, stderr } = command(
    'bash',
    [
      '-c',
      `set -o pipefail; ${program} run a.pcap --out out 2>&1 | head -1; ${program} inspect a.pcap -n 10 | head -1`,
    ],
    { cwd: folder },
  );
  assert.equal(code, 0, stderr);
  assert.equal(stdout.split('\n').length, 3, stdout);
  assert.equal(stderr, '');
});

const noScript = command('sh', ['-c', 'command -v script']).code === 0 ? false : 'no script(1) here';
test('on a terminal there is one line that renews itself and is gone at the end', { skip: noScript }, (t) => {
  const folder = scratchFolder(t);
  const { stdout } = command('script', [
    '-qec',
    `"${process.execPath}" "${ENTRY}" run "${DEMO}" --out "${folder}/out"`,
    '/dev/null',
  ]);
  const renewed = stdout.split('\r\x1b[K');
  assert.ok(renewed.length > 4, stdout);
  assert.ok(
    renewed.some((line) => /^\d\/7 \w+ .*packets/.test(line)),
    stdout,
  );
  assert.match(renewed[renewed.length - 1], /^captures {6}12/);
});

test('bytes behind the last gzip member are damage: what they held is not known', (t) => {
  const folder = scratchFolder(t);
  const whole = gzip(udpCapture(10));
  writeFiles(folder, { 'in/a.pcap.gz': concat([whole, zstd(udpCapture(10))]) });
  const { code, stdout } = flowstitch(['run', 'in', '--out', 'out', '--json'], { cwd: folder });
  assert.equal(code, 2);
  const { packets, damaged } = JSON.parse(stdout) as Summary;
  assert.deepEqual([packets, damaged.map(({ reason }) => reason)], [10, ['bytes_after_compression']]);
});

test('output that cannot be written is an error that says so', { skip: !existsSync('/dev/full') }, () => {
  for (const args of [['--help'], ['run', '--help'], ['sql', '--queries']]) {
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `exec "$@" > /dev/full`, 'sh', process.execPath, ENTRY, ...args],
      {
        encoding: 'utf8',
      },
    );
    assert.deepEqual(
      [status, stderr.includes('cannot write the output: the disk is full')],
      [1, true],
      `${args}: ${stderr}`,
    );
  }
});

test('a table that was cut off is named with what makes it anew, and the same run does so', (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'in/a.pcap': udpCapture(10) });
  const args = ['run', 'in', '--out', 'out'];
  assert.equal(flowstitch(args, { cwd: folder }).code, 0);
  const query = ['sql', 'select count(*) as n from sessions', '--data', 'out', '--csv'];
  assert.equal(flowstitch(query, { cwd: folder }).stdout, 'n\n1\n');
  const [file] = readdirSync(join(folder, 'out/sessions'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.parquet'),
  );
  truncateSync(join(folder, 'out/sessions', file), 7);
  const refused = flowstitch(query, { cwd: folder });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /-0\.parquet has 7 bytes, not the \d+ that were written: repeat the same run to make/);
  assert.equal(flowstitch(args, { cwd: folder }).code, 0);
  assert.equal(flowstitch(query, { cwd: folder }).stdout, 'n\n1\n');
});
