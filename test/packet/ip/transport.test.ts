/** TCP, UDP, ICMP, SCTP and the rest: fields, lengths, minimum headers, hints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  HINT_FTP_COMMAND,
  HINT_FTP_REPLY,
  HINT_NONE,
  HINT_SSH_BANNER,
  META_BROKEN,
  META_TRUNCATED,
} from '../../../shared/packet/columns.ts';
import {
  KEY_FLAG_ONE_WAY,
  KEY_FLAG_ONE_WAY_FROM_B,
  KEY_PROTO,
  KEY_WORDS,
} from '../../../shared/packet/flow/flowtable.ts';
import { bytes, hex, ipv4, ipv6, tcp, text, udp, V6_ONE, V6_TWO, Workbench } from '../harness.ts';

const RAW = 101;

test('all fields of a TCP segment are decoded', () => {
  const bench = new Workbench();
  const segment = tcp(443, 50000, text('hello'), {
    seq: 0xfffffff0,
    ack: 0x80000001,
    flags: 0x1ff,
    window: 65535,
    options: '01010101',
  });
  assert.equal(bench.decode(ipv4(segment, { proto: 6 }), RAW), 'session');
  const c = bench.columns;
  assert.equal(bench.flow(), '6 10.0.0.1:443 10.0.0.2:50000');
  assert.deepEqual(
    [c.seq[0], c.ack[0], c.window[0], c.tcpFlags[0], c.payloadLen[0], c.ipLen[0]],
    [0xfffffff0, 0x80000001, 65535, 0x1ff, 5, 49],
  );
});

test('a row has nothing of the packet before it', () => {
  const bench = new Workbench();
  bench.decode(ipv4(tcp(443, 50000, text('SSH-2.0-x'), { seq: 1, ack: 2, window: 3, flags: 0x18 }), { proto: 6 }), RAW);
  bench.decode(ipv4(hex('0011223344'), { proto: 103 }), RAW);
  const c = bench.columns;
  assert.deepEqual([c.seq[1], c.ack[1], c.window[1], c.tcpFlags[1], c.hint[1], c.payloadLen[1]], [0, 0, 0, 0, 0, 5]);
  assert.equal(bench.flow(), '103 10.0.0.1:0 10.0.0.2:0');
});

test('a TCP header that was cut between its ports and its flags makes a row of its flow, with the numbers that are there', () => {
  const segment = tcp(443, 50000, text('abcdef'), { seq: 7, ack: 9, flags: 0x18, window: 5 });
  for (let there = 0; there < 14; there++) {
    const bench = new Workbench();
    const fate = bench.decode(ipv4(segment, { proto: 6 }), RAW, 20 + there);
    assert.deepEqual(bench.odd, ['internally_truncated_header'], `${there} bytes`);
    assert.equal(fate, there < 4 ? 'internally_truncated_header' : 'session');
    if (fate !== 'session') continue;
    const c = bench.columns;
    assert.equal(bench.flow(), '6 10.0.0.1:443 10.0.0.2:50000');
    assert.deepEqual([c.seq[0], c.ack[0], c.tcpFlags[0], c.window[0]], [there < 8 ? 0 : 7, there < 12 ? 0 : 9, 0, 0]);
    assert.deepEqual([c.payloadLen[0], c.ipLen[0], c.meta[0]], [0, 46, META_BROKEN | META_TRUNCATED]);
  }
});

test('a TCP header that was cut behind its flags is like any other, with a window that is not closed', () => {
  const packet = ipv4(tcp(443, 50000, text('abcdef'), { seq: 7, ack: 9, flags: 0x18, window: 5 }), { proto: 6 });
  for (let there = 14; there < 20; there++) {
    const bench = new Workbench();
    assert.equal(bench.decode(packet, RAW, 20 + there), 'session');
    const c = bench.columns;
    assert.deepEqual([c.seq[0], c.ack[0], c.tcpFlags[0], c.payloadLen[0]], [7, 9, 0x18, 6]);
    assert.deepEqual([c.window[0], c.meta[0], bench.odd], [there < 16 ? 65_535 : 5, META_TRUNCATED, []]);
  }
});

test('a TCP segment that is shorter than its header makes a row of its flow, if it has ports', () => {
  for (let length = 0; length < 20; length++) {
    const bench = new Workbench();
    // With the frame's padding behind it, which is not the segment's.
    const packet = ipv4(tcp(443, 50000, text('abcdef'), { flags: 2 }), { proto: 6, total: 20 + length });
    assert.equal(bench.decode(packet, RAW), length < 4 ? 'truncated_header' : 'session');
    assert.deepEqual(bench.odd, ['truncated_header']);
    assert.equal(bench.columns.length, length < 4 ? 0 : 1);
    if (length >= 4) assert.deepEqual([bench.columns.meta[0], bench.columns.tcpFlags[0]], [META_BROKEN, 0]);
  }
});

test('TCP options that the capture cut off change nothing', () => {
  const packet = ipv4(tcp(1, 2, text('abcdef'), { options: '01'.repeat(12), flags: 0x18, seq: 3 }), { proto: 6 });
  for (let capLen = 40; capLen < packet.length; capLen++) {
    const bench = new Workbench();
    assert.equal(bench.decode(packet, RAW, capLen), 'session');
    const c = bench.columns;
    assert.deepEqual([c.meta[0], c.payloadLen[0], c.tcpFlags[0], c.seq[0]], [META_TRUNCATED, 6, 0x18, 3]);
    assert.deepEqual(bench.odd, []);
  }
});

test('a TCP header that says it is longer than its segment has no payload; one below 20 bytes has no flags either', () => {
  const decoded = (header: number): Workbench => {
    const bench = new Workbench();
    assert.equal(bench.decode(ipv4(tcp(1, 2, text('abcdef'), { header, flags: 2 }), { proto: 6 }), RAW), 'session');
    return bench;
  };
  const long = decoded(60);
  assert.deepEqual([long.columns.meta[0], long.payload(), long.columns.tcpFlags[0]], [0, 0, 2]);
  assert.deepEqual(long.odd, ['truncated_header']);
  const short = decoded(16);
  assert.deepEqual([short.columns.meta[0], short.payload(), short.columns.tcpFlags[0]], [META_BROKEN, 0, 0]);
  assert.deepEqual(short.odd, ['bad_TCP_header_len']);
});

test('the first payload bytes determine the hint', () => {
  const hints: [string, number][] = [
    ['SSH-2.0-OpenSSH_9.6\r\n', HINT_SSH_BANNER],
    ['SSH-', HINT_SSH_BANNER],
    ['ssh-', HINT_NONE],
    ['220 ready\r\n', HINT_FTP_REPLY],
    ['220-ready\r\n', HINT_FTP_REPLY],
    ['220', HINT_NONE],
    ['2200 ', HINT_NONE],
    ['330 no', HINT_NONE],
    ['USER anonymous\r\n', HINT_FTP_COMMAND],
    ['pass x\r\n', HINT_FTP_COMMAND],
    ['PASV\r\n', HINT_FTP_COMMAND],
    ['ACCT x\r\n', HINT_FTP_COMMAND],
    ['acct x\r\n', HINT_FTP_COMMAND],
    ['TYPE I\r\n', HINT_FTP_COMMAND],
    ['USERS', HINT_NONE],
    ['USER', HINT_NONE],
    ['GET / HTTP/1.1\r\n', HINT_NONE],
    ['\x16\x03\x01', HINT_NONE],
  ];
  for (const [payload, hint] of hints) {
    const bench = new Workbench();
    bench.decode(ipv4(tcp(1, 2, text(payload)), { proto: 6 }), RAW);
    assert.equal(bench.columns.hint[0], hint, JSON.stringify(payload));
  }
});

test('hints are not read from bytes that were not captured', () => {
  const bench = new Workbench();
  bench.decode(ipv4(tcp(1, 2, text('SSH-2.0')), { proto: 6 }), RAW, 43);
  assert.deepEqual([bench.columns.hint[0], bench.payload()], [HINT_NONE, 7]);
});

test('UDP payload length is that of its own length field', () => {
  const bench = new Workbench();
  bench.decode(ipv4(udp(1, 2, text('abcdefgh'), 12)), RAW);
  bench.decode(ipv4(udp(1, 2, text('abcdefgh'), 3)), RAW);
  bench.decode(ipv4(udp(1, 2, text('abcdefgh'))), RAW);
  assert.deepEqual([...bench.columns.payloadLen.subarray(0, 3)], [4, 0, 8]);
  assert.deepEqual(bench.odd, ['UDP_datagram_length_mismatch', 'UDP_datagram_length_mismatch']);
});

test('ICMP and ICMPv6 requests and replies are one flow under their types', () => {
  const pairs4 = [
    [8, 0],
    [13, 14],
    [15, 16],
    [10, 9],
    [17, 18],
  ];
  const pairs6 = [
    [128, 129],
    [130, 131],
    [133, 134],
    [135, 136],
    [139, 140],
    [144, 145],
  ];
  for (const v6 of [false, true]) {
    for (const [request, reply] of v6 ? pairs6 : pairs4) {
      const bench = new Workbench();
      const there = bytes([request, 0], new Uint8Array(14));
      const back = bytes([reply, 0], new Uint8Array(14));
      bench.decode(v6 ? ipv6(there, 58) : ipv4(there, { proto: 1 }), RAW);
      bench.decode(
        v6 ? ipv6(back, 58, V6_TWO, V6_ONE) : ipv4(back, { proto: 1, src: '10.0.0.2', dst: '10.0.0.1' }),
        RAW,
      );
      assert.equal(bench.flows.count, 1);
      assert.deepEqual([bench.fromB(0), bench.fromB(1)], [false, true]);
      assert.equal(
        bench.flow(),
        v6 ? `58 2001:db8::1:${request} 2001:db8::2:${reply}` : `1 10.0.0.1:${request} 10.0.0.2:${reply}`,
      );
      assert.equal(bench.payload(), 8, 'the bytes after the eight of the header');
    }
  }
});

test('a one-way ICMP message is a flow of its own direction, even if type and code mirror each other', () => {
  const bench = new Workbench();
  const message = (type: number, code: number) => bytes([type, code], new Uint8Array(6));
  bench.decode(ipv6(message(1, 3), 58, V6_ONE, V6_TWO), RAW);
  bench.decode(ipv6(message(1, 3), 58, V6_TWO, V6_ONE), RAW);
  bench.decode(ipv6(message(3, 1), 58, V6_TWO, V6_ONE), RAW);
  bench.decode(ipv6(message(3, 1), 58, V6_ONE, V6_TWO), RAW);
  bench.decode(ipv6(message(1, 3), 58, V6_ONE, V6_TWO), RAW);
  assert.deepEqual([...bench.columns.flow.subarray(0, 5)], [0, 1, 2, 3, 0]);
  assert.equal(bench.flow(1), '58 2001:db8::1:3 2001:db8::2:1', 'the port of the sender is the type');
  const proto = (flow: number) => bench.flows.words[flow * KEY_WORDS + KEY_PROTO];
  assert.equal(proto(0) & (KEY_FLAG_ONE_WAY | KEY_FLAG_ONE_WAY_FROM_B), KEY_FLAG_ONE_WAY);
  assert.equal(proto(1) & (KEY_FLAG_ONE_WAY | KEY_FLAG_ONE_WAY_FROM_B), KEY_FLAG_ONE_WAY | KEY_FLAG_ONE_WAY_FROM_B);
});

test('a UDP header that was cut behind its ports has the length of its IP packet', () => {
  const packet = ipv4(udp(1000, 53, text('query')));
  for (let there = 0; there < 8; there++) {
    const bench = new Workbench();
    assert.equal(bench.decode(packet, RAW, 20 + there), there < 4 ? 'internally_truncated_header' : 'session');
    assert.deepEqual(bench.odd, ['internally_truncated_header']);
    if (there < 4) continue;
    assert.deepEqual([bench.flow(), bench.payload()], ['17 10.0.0.1:1000 10.0.0.2:53', 5]);
    assert.equal(bench.columns.meta[0], META_TRUNCATED);
  }
});

test('a UDP datagram that is shorter than its header has sent nothing, if it has ports', () => {
  for (let length = 0; length < 8; length++) {
    const bench = new Workbench();
    const packet = ipv4(udp(1000, 53, text('query')), { total: 20 + length });
    assert.equal(bench.decode(packet, RAW), length < 4 ? 'truncated_header' : 'session');
    assert.deepEqual(bench.odd, ['truncated_header']);
    if (length >= 4) assert.deepEqual([bench.payload(), bench.columns.meta[0]], [0, META_BROKEN]);
  }
});

test('an ICMP header that was cut, or is short, makes a row if it has type and code', () => {
  const message = bytes('0301', new Uint8Array(14));
  for (let there = 0; there < 8; there++) {
    const cut = new Workbench();
    assert.equal(
      cut.decode(ipv4(message, { proto: 1 }), RAW, 20 + there),
      there < 2 ? 'internally_truncated_header' : 'session',
    );
    const short = new Workbench();
    const packet = ipv4(message, { proto: 1, total: 20 + there });
    assert.equal(short.decode(packet, RAW), there < 2 ? 'truncated_header' : 'session');
    assert.deepEqual([cut.odd, short.odd], [['internally_truncated_header'], ['truncated_header']]);
    if (there < 2) continue;
    assert.deepEqual([cut.flow(), short.flow()], ['1 10.0.0.1:3 10.0.0.2:1', '1 10.0.0.1:3 10.0.0.2:1']);
    assert.deepEqual([cut.payload(), short.payload()], [8, 0]);
  }
});

test('SCTP has no ports in its flow, as in Zeek; they are kept with the packet', () => {
  const bench = new Workbench();
  bench.decode(ipv4(bytes('0b59 0b5a 00000001 00000000', new Uint8Array(16)), { proto: 132 }), RAW);
  assert.equal(bench.flow(), '132 10.0.0.1:0 10.0.0.2:0');
  assert.equal(bench.columns.sctpPorts[0], 2905 * 2 ** 16 + 2906);
  assert.equal(bench.payload(), 16);
  assert.equal(bench.decode(ipv4(hex('0b59 0b5a 00000001'), { proto: 132 }), RAW), 'session');
  assert.equal(bench.flow(), '132 10.0.0.1:0 10.0.0.2:0');
  assert.deepEqual([bench.columns.sctpPorts[1], bench.payload()], [2905 * 2 ** 16 + 2906, 0], 'a short header');
  assert.equal(bench.decode(ipv4(hex('0b59 0b'), { proto: 132 }), RAW), 'session');
  assert.equal(bench.columns.sctpPorts[2], 0);
});
