/** flowstitch inspect: what it says of captures, sound and damaged, and of everything that a run writes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test, { after, before } from 'node:test';
import { tcpFlagsText } from '../../../cli/inspect/packetline.ts';
import { gzip, writePcap, writePcapng, zstd } from '../../capture/build.ts';
import { ethernet, ipv4, text, udp } from '../../packet/harness.ts';
import {
  command,
  DEMO,
  ENTRY,
  flowstitch,
  type Outcome,
  START_US,
  udpCapture,
  udpRecords,
  writeFiles,
} from '../harness.ts';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowstitch-inspect-'));
  const args = ['run', DEMO, '--out', join(folder, 'demo'), '--packets', '--quiet'];
  assert.equal(flowstitch(args).code, 0);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function inspect(...args: string[]): Outcome {
  return flowstitch(['inspect', ...args], { cwd: folder });
}

/** The one file that a run wrote whose path matches. */
function written(pattern: string): string {
  const found = globSync(pattern, { cwd: folder });
  assert.equal(found.length, 1, `${pattern}: ${found.join()}`);
  return found[0];
}

test('a pcap: what it is, and its first packets as lines', () => {
  writeFiles(folder, { 'a.pcap': udpCapture(12) });
  const { code, stdout, stderr } = inspect('a.pcap', '-n', '2');
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(
    stdout,
    `      24  2023-11-14T22:13:20.000000000Z 10.0.0.1.5000 > 10.0.0.2.9000: UDP, length 20
     102  2023-11-14T22:13:20.100000000Z 10.0.0.2.9000 > 10.0.0.1.5000: UDP, length 30

capture     a.pcap, pcap 2.4, little-endian, times in us
interfaces  1: ETHERNET; snaplen 262,144
first       2023-11-14T22:13:20.000000000Z
last        2023-11-14T22:13:21.100000000Z, 1.1 s later
packets     12, in time order
fates       12 session
bytes       1,020 uncompressed
status      complete
`,
  );
});

test('VXLAN on a port of its own is unpacked with --vxlan-port, as in a run', () => {
  const inner = ethernet('0800', ipv4(udp(1, 2, text('inside')), { proto: 17 }));
  const outer = udp(1000, 7777, Uint8Array.from([8, 0, 0, 0, 0, 0, 42, 0, ...inner]));
  const frame = ethernet('0800', ipv4(outer, { proto: 17 }));
  writeFiles(folder, { 'vxlan.pcap': writePcap([{ us: START_US, bytes: frame }], {}) });
  assert.match(inspect('vxlan.pcap', '-n', '1').stdout, /\.1000 > .*\.7777: UDP/);
  assert.match(inspect('vxlan.pcap', '-n', '1', '--vxlan-port', '7777').stdout, /\.1 > .*\.2: UDP, length 6/);
  const refused = inspect('vxlan.pcap', '--vxlan-port', '53');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /--vxlan-port 53: this port is that of a service/);
});

test('formats, byte orders, resolutions and compressions are told', () => {
  const records = udpRecords(3);
  const cases: [string, Uint8Array, RegExp][] = [
    ['big.pcap', writePcap(records, { bigEndian: true, nano: true }), /, pcap 2\.4, big-endian, times in ns\n/],
    [
      'x.pcapng',
      writePcapng(records, { tsresol: 9, snaplen: 0 }),
      /, pcapng 1\.0, little-endian, times in ns\n.*no limit/,
    ],
    ['x.gz', gzip(writePcap(records)), /, pcap 2\.4, in gzip, little-endian/],
    ['x.zst', zstd(writePcapng(records)), /, pcapng 1\.0, in zstd, little-endian/],
    [
      'several.pcapng',
      writePcapng(records, { interfaces: [{ linkType: 1 }, { linkType: 101 }] }),
      /interfaces {2}2: ETHERNET, RAW/,
    ],
  ];
  for (const [name, bytes, expected] of cases) {
    writeFiles(folder, { [name]: bytes });
    const { code, stdout } = inspect(name);
    assert.equal(code, 0, name);
    assert.match(stdout, expected);
    assert.match(stdout, /packets {5}3, in time order/);
  }
});

test('packets that are earlier than the one before are counted, and the span is right all the same', () => {
  const [a, b, c] = udpRecords(3);
  writeFiles(folder, { 'mixed.pcap': writePcap([b, a, c]) });
  const { stdout } = inspect('mixed.pcap');
  assert.match(stdout, /first +2023-11-14T22:13:20\.000000000Z\n/);
  assert.match(stdout, /packets +3, 1 out of order\n/);
});

test('a damaged capture: where and why, exit code 2, and what could be read', () => {
  const whole = udpCapture(5);
  writeFiles(folder, { 'cut.pcap': whole.subarray(0, whole.length - 7) });
  const { code, stdout } = inspect('cut.pcap');
  assert.equal(code, 2);
  assert.match(stdout, /packets +4,/);
  assert.match(stdout, /status +truncated, \d+ B lost\ndamage\n {2}at byte \d+: truncated_record, \d+ of \d+ bytes\n/);
});

test('of a gzip that breaks off everything before the break is read', () => {
  const packed = gzip(udpCapture(2000));
  writeFiles(folder, { 'cut.gz': packed.subarray(0, packed.length - 20) });
  const { code, stdout } = inspect('cut.gz', '--json');
  const seen = JSON.parse(stdout) as { packets: number; status: string; damage: { reason: string }[] };
  assert.equal(code, 2);
  assert.ok(seen.packets > 1900, `${seen.packets} packets`);
  assert.ok(seen.damage.some(({ reason }) => reason === 'truncated_compression'));
});

test('records are counted by fate, and those that are no packets of sessions have their line too', () => {
  const arp = new Uint8Array(60);
  arp.set([0x08, 0x06], 12);
  const short = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45, 0, 0, 0, 0, 0]);
  const records = [arp, short].map((bytes, i) => ({ us: START_US + i, bytes }));
  writeFiles(folder, { 'odd.pcap': writePcap(records) });
  const { code, stdout } = inspect('odd.pcap', '-n', '9');
  assert.equal(code, 0);
  assert.match(stdout, /^ +24 {2}2023-11-14T22:13:20\.000000000Z not_ip, ETHERNET, length 60\n/);
  assert.match(stdout, /\n +100 {2}2023-11-14T22:13:20\.000001000Z truncated_IP, ETHERNET, length 20\n/);
  assert.match(stdout, /fates +1 not_ip, 1 truncated_IP\n/);
});

test('--json is one object with the facts, the fates and the lines', () => {
  const { code, stdout } = inspect(join(DEMO, 'trace-986511.pcap'), '-n', '3', '--json');
  const seen = JSON.parse(stdout) as Record<string, unknown> & { lines: string[]; fates: Record<string, number> };
  assert.equal(code, 0);
  assert.deepEqual(
    [seen.kind, seen.format, seen.packets, seen.outOfOrder, seen.status, seen.linkTypes, seen.storedBytes, seen.first],
    ['capture', 'pcap', 221, 1, 'complete', ['ETHERNET'], 143_084, '2026-11-21T03:15:37.273069554Z'],
  );
  assert.deepEqual(seen.fates, { session: 191, fragment: 28, not_ip: 2 });
  assert.equal(seen.lines.length, 3);
});

test('lines of TCP, ICMP, IPv6 and fragments, on real packets', () => {
  const { stdout } = inspect(join(DEMO, 'trace-986511.pcap'), '-n', '1000');
  assert.match(stdout, /Z 10\.77\.0\.\d+\.\d+ > 10\.77\.0\.\d+\.\d+: TCP \[S\], seq \d+, win \d+, length 0\n/);
  assert.match(stdout, /: TCP \[P\.\], seq \d+, ack \d+, win \d+, length [1-9]\d*\n/);
  assert.match(stdout, / 10\.77\.0\.10 > 10\.77\.0\.2: ICMP type 8, length \d+\n/);
  assert.match(stdout, / fd00:77::10 > fd00:77::2: ICMPv6 type 128, length \d+\n/);
  assert.match(stdout, /: ICMP fragment id 0x[0-9a-f]+, offset 1480, length \d+\n/);
  assert.match(stdout, /: ICMP fragment id 0x[0-9a-f]+, offset \d+, length \d+, last\n/);
});

test('TCP flags read as tcpdump writes them', () => {
  const texts = [0, 0x02, 0x12, 0x18, 0x11, 0x04, 0xc2, 0x1ff].map(tcpFlagsText);
  assert.deepEqual(texts, ['[none]', '[S]', '[S.]', '[P.]', '[F.]', '[R]', '[SEW]', '[FSRP.UEWe]']);
});

test('a shard: its packets with their captures and exact times', () => {
  const path = written('demo/_flowstitch/shards/*/*/*/0*.arrow');
  const { code, stdout } = inspect(path, '-n', '5000');
  assert.equal(code, 0);
  assert.match(stdout, /\npackets +1,904 in \d+ batch(es)?, sorted by bucket and time\nflows +53\n/);
  assert.match(stdout, /\nfirst +2026-11-21T03:15:34\.105091101Z\nlast +2026-11-21T03:16:07\.\d{9}Z\n/);
  // One packet of it, and the same packet in its capture.
  const [, name, offset, line] = /(trace-986511\.pcap) +(\d+) {2}(\S+ 10\.77.* TCP .*)\n/.exec(stdout) ?? [];
  const inCapture = inspect(join(DEMO, name), '-n', '1000').stdout;
  assert.ok(inCapture.includes(`${offset.padStart(8)}  ${line}\n`), line);
});

test('a shard of joined datagrams knows its captures, and its fragments keep their own times', () => {
  const { stdout } = inspect(written('demo/_flowstitch/jobs/*/balance/*/datagrams-0.arrow'), '-n', '5000');
  const [, name, offset, time] = /(trace-986511\.pcap) +(\d+) {2}(\S+) .* fragment\n/.exec(stdout) ?? [];
  const inCapture = inspect(join(DEMO, name), '-n', '1000').stdout;
  assert.ok(inCapture.includes(`${offset.padStart(8)}  ${time} `), `${name} ${offset} ${time}`);
});

test('a shard without what tells its base time says so', () => {
  const path = written('demo/_flowstitch/shards/*/*/*/0*.arrow');
  command('cp', [path, 'alone.arrow'], { cwd: folder });
  assert.match(
    inspect('alone.arrow').stdout,
    /times +relative to the shard's base, which is in .*summary\.json; none was found near it\n/,
  );
});

test('fragment files and runs are shown as they stand', () => {
  const cases: [string, RegExp][] = [
    [
      'demo/_flowstitch/shards/*/*/*/fragments-*.arrow',
      /^fragments +\S+, Arrow IPC\nrows +302 in 1 batch\ncolumns +keyProto Uint16/m,
    ],
    ['demo/_flowstitch/jobs/*/reduce/*/sessions-0.arrow', /^run of sessions +\S+, Arrow IPC\nrows +36 in /m],
    ['demo/_flowstitch/jobs/*/reduce/*/packets-0.arrow', /^run of packets +\S+, Arrow IPC\nrows +2,206 in /m],
  ];
  for (const [pattern, expected] of cases) {
    const { code, stdout } = inspect(written(pattern), '-n', '2');
    assert.equal(code, 0, pattern);
    assert.match(stdout, expected);
    assert.equal(stdout.split('\n').indexOf(''), 4, 'head, rule and two rows stand before it');
  }
});

test('a result file: its table, rows, times and columns, and its first rows', () => {
  // Those that have ended, and not those left open at the end, which are in a file of the job's name.
  const job = basename(written('demo/_flowstitch/jobs/*'));
  const [path] = globSync('demo/sessions/dataset=default/dt=*/*-0.parquet', { cwd: folder }).filter(
    (name) => !name.includes(job),
  );
  const { code, stdout } = inspect(path, '-n', '1');
  assert.equal(code, 0);
  assert.match(
    stdout,
    /\nParquet +\S+, the table sessions\nwritten by +flowstitch .*\nrows +36 in 1 row group\nbytes +.* \(UNCOMPRESSED, ZSTD\) of /,
  );
  assert.match(stdout, /\nfirst +2026-11-21T03:15:34\.395321701Z\n/);
  const seen = JSON.parse(inspect(path, '-n', '1', '--json').stdout) as {
    rows: Record<string, unknown>[];
    rowCount: number;
  };
  assert.deepEqual([seen.rowCount, seen.rows.length, seen.rows[0].ts_ns], [36, 1, '1795230934395321701']);
});

test('what is no such file gets a sentence and exit code 1', () => {
  const parquet = written('demo/captures/dataset=default/*-0.parquet');
  const shard = written('demo/_flowstitch/shards/*/*/*/0*.arrow');
  writeFiles(folder, { 'notes.txt': 'just text\x1b[2J', 'notes.gz': gzip(Buffer.from('just text')), tiny: '\x01\x02' });
  command('sh', ['-c', `head -c 300 "${parquet}" > cut.parquet; head -c 3000 "${shard}" > cut.arrow`], { cwd: folder });
  command('mkfifo', [join(folder, 'pipe')]);
  const cases: [string[], RegExp][] = [
    [[], /inspect: name one file/],
    [['a', 'b'], /inspect: name one file/],
    [['none'], /there is no file none/],
    [['demo'], /demo is a folder: inspect takes one file/],
    [['pipe'], /pipe is not a regular file/],
    [['notes.txt'], /notes\.txt is not a capture, shard or result file: no_capture, begins with 0x6a757374: text/],
    [['notes.gz'], /notes\.gz is not a capture, shard or result file inside its gzip: no_capture, .*: text/],
    [['tiny'], /tiny is not a capture, shard or result file: truncated_file_header, 2 of 4 bytes/],
    [['cut.parquet'], /cut\.parquet cannot be read as Parquet: /],
    [['cut.arrow'], /cut\.arrow cannot be read as Arrow: /],
    [['notes.txt', '-n', '-1'], /-n/],
    [['notes.txt', '-n', 'x'], /-n takes a whole number from 0 to 1000000, not 'x'/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = inspect(...args);
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
    assert.match(stderr, /^flowstitch: [^\n]+\n$/);
    assert.match(stderr, message);
  }
});

test('an empty file is an empty capture', () => {
  writeFiles(folder, { empty: '' });
  const { code, stdout } = inspect('empty');
  assert.equal(code, 0);
  assert.match(stdout, /^capture +empty, empty\npackets +0\nbytes +0 uncompressed\nstatus +empty\n$/);
});

test('a name does not steer the terminal', () => {
  writeFiles(folder, { '\x1b[2Jx.pcap': udpCapture(1) });
  const { stdout } = inspect('\x1b[2Jx.pcap');
  assert.ok(!stdout.includes('\x1b'));
  assert.match(stdout, /^capture +\\x1b\[2Jx\.pcap, pcap/);
});

test('a file whose name is not UTF-8 is inspected, and its name reads as \\xNN', () => {
  const name = Buffer.concat([Buffer.from(join(folder, 'caf')), Buffer.from([0xe9]), Buffer.from('.pcap')]);
  writeFileSync(name, udpCapture(3));
  const { stdout, stderr } = spawnSync('sh', ['-c', 'exec "$@" caf*', 'sh', process.execPath, ENTRY, 'inspect'], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.match(stdout, /^capture {5}caf\\xe9\.pcap, pcap 2\.4/, stderr);
});
