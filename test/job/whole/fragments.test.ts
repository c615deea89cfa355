/** Datagrams whose fragments lie in several captures, each read by a map task of its own, last piece first. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type BuiltRecord, writePcap } from '../../capture/build.ts';
import { be16, be32, bytes, ethernet, ipv4, ipv6, udp, V6_ONE, V6_TWO } from '../../packet/harness.ts';
import {
  captureRefs,
  type Ended,
  plainConfig,
  type Row,
  random,
  runJob,
  SEED,
  shuffled,
  temporaryFolder,
} from '../harness.ts';

const START_US = 1_700_000_000_000_000;
const TAKES_US = 250_000;
const PAYLOAD = 3000;

interface Datagram {
  orig: string;
  resp: string;
  /** IP bytes of the joined datagram. */
  ipBytes: number;
  /** Its three fragments, the last piece first. */
  pieces: Uint8Array[];
  /** A whole packet of the same flow, the other way. */
  answer: Uint8Array;
}

const whole = udp(
  4000,
  53,
  Uint8Array.from({ length: PAYLOAD }, (_, i) => i & 255),
);
const RANGES: [from: number, to: number][] = [
  [2048, whole.length],
  [1024, 2048],
  [0, 1024],
];

const DATAGRAMS: Record<string, Datagram> = {
  IPv4: {
    orig: '10.0.0.1',
    resp: '10.0.0.2',
    ipBytes: 20 + whole.length,
    pieces: RANGES.map(([from, to]) =>
      ethernet('0800', ipv4(whole.subarray(from, to), { id: 77, offset: from, more: to < whole.length })),
    ),
    answer: ethernet('0800', ipv4(udp(53, 4000, new Uint8Array(9)), { src: '10.0.0.2', dst: '10.0.0.1' })),
  },
  IPv6: {
    orig: '2001:db8::1',
    resp: '2001:db8::2',
    ipBytes: 40 + whole.length,
    pieces: RANGES.map(([from, to]) => {
      const header = bytes([17, 0], be16(from | (to < whole.length ? 1 : 0)), be32(0xabcdef01));
      return ethernet('86dd', ipv6(bytes(header, whole.subarray(from, to)), 44, V6_ONE, V6_TWO));
    }),
    answer: ethernet('86dd', ipv6(udp(53, 4000, new Uint8Array(9)), 17, V6_TWO, V6_ONE)),
  },
};

/** A packet before the one of interest, so that offsets differ from capture to capture. */
function other(length: number): Uint8Array {
  return ethernet('0800', ipv4(udp(1, 2, new Uint8Array(length)), { src: '10.9.0.1', dst: '10.9.0.2' }));
}

/** Three captures with a piece each, 0.25 s apart, and a fourth with the answer. */
async function runPieces(folder: string, { pieces, answer }: Datagram): Promise<Ended> {
  mkdirSync(folder, { recursive: true });
  const captures: BuiltRecord[][] = pieces.map((piece, i) => [
    { us: START_US + i * TAKES_US - 5, bytes: other(10 * (i + 1)) },
    { us: START_US + i * TAKES_US, ns: 100 * i, bytes: piece },
  ]);
  captures.push([{ us: START_US + 3 * TAKES_US, bytes: answer }]);
  const paths = captures.map((records, i) => {
    const path = join(folder, `piece-${i}`);
    writeFileSync(path, writePcap(records, { nano: true }));
    return path;
  });
  const next = random(SEED);
  const config = plainConfig({ packets: true, sizes: { taskBytes: 1 } });
  return runJob(join(folder, 'out'), shuffled(next, await captureRefs(paths)), config, next);
}

/** Bytes of the record at an offset of a little-endian pcap. */
function recordAt(path: string, offset: number): Buffer {
  const capture = readFileSync(path);
  return capture.subarray(offset + 16, offset + 16 + capture.readUInt32LE(offset + 8));
}

const nanoseconds = (us: number, ns: number): bigint => BigInt(us) * 1000n + BigInt(ns);

for (const [version, datagram] of Object.entries(DATAGRAMS))
  test(`${version}: a datagram in three map tasks, last piece first, is one packet of its flow (seed ${SEED})`, async () => {
    using folder = temporaryFolder();
    const { tables, summary } = await runPieces(folder.path, datagram);
    assert.equal(summary.mapTasks, 4);
    const sessions = tables.sessions.filter(({ resp_p }) => resp_p === 53);
    assert.equal(sessions.length, 1);
    const [session] = sessions;
    const { orig_h, resp_h, orig_p, proto, orig_pkts, resp_pkts, orig_bytes, orig_ip_bytes } = session;
    assert.deepEqual(
      { orig_h, resp_h, orig_p, proto, orig_pkts, resp_pkts, orig_bytes, orig_ip_bytes },
      {
        orig_h: datagram.orig,
        resp_h: datagram.resp,
        orig_p: 4000,
        proto: 'udp',
        orig_pkts: 1n,
        resp_pkts: 1n,
        orig_bytes: BigInt(PAYLOAD),
        orig_ip_bytes: BigInt(datagram.ipBytes),
      },
    );
    const completed = nanoseconds(START_US + 2 * TAKES_US, 200);
    assert.equal(session.ts_ns, completed, 'the datagram is there once its last missing piece is');
    assert.equal(session.capture_first, 'piece-2');
    assert.equal(session.capture_last, 'piece-3');

    const rows = tables.packets.filter(({ uid }) => uid === session.uid);
    const byCapture = new Map(rows.map((row): [unknown, Row] => [row.capture, row]));
    assert.deepEqual([...byCapture.keys()].sort(), ['piece-0', 'piece-1', 'piece-2', 'piece-3']);
    for (const [i, piece] of datagram.pieces.entries()) {
      const row = byCapture.get(`piece-${i}`)!;
      assert.equal(row.ts_ns, nanoseconds(START_US + i * TAKES_US, 100 * i), `time of piece ${i}`);
      assert.equal(row.frag_of, i === 2 ? null : completed, `datagram of piece ${i}`);
      assert.equal(row.is_orig, true);
      const stored = recordAt(join(folder.path, `piece-${i}`), Number(row.offset));
      assert.deepEqual(new Uint8Array(stored), piece, `the way back to piece ${i}`);
    }
    assert.equal(byCapture.get('piece-2')!.payload_len, BigInt(PAYLOAD));
    for (const capture of tables.captures) {
      const fragments = capture.capture === 'piece-3' ? 0n : 1n;
      assert.equal(capture.fragments_completed, fragments, String(capture.capture));
      assert.equal(capture.fragments_incomplete, 0n);
    }
  });

test('a datagram of which one piece is missing is no packet, and its pieces are counted where they lie', async () => {
  using folder = temporaryFolder();
  const { pieces, ...rest } = DATAGRAMS.IPv4;
  const { tables } = await runPieces(folder.path, { ...rest, pieces: [pieces[0], pieces[2]] });
  const [session] = tables.sessions.filter(({ resp_p, orig_p }) => resp_p === 53 || orig_p === 53);
  assert.equal(Number(session.orig_pkts) + Number(session.resp_pkts), 1, 'the answer alone');
  assert.deepEqual(
    tables.captures.map(({ fragments_incomplete }) => fragments_incomplete),
    [1n, 1n, 0n],
  );
});
