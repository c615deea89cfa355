/**
 * Real captures against other programs' results: a table of record counts, Arkime's packet offsets, and the independent
 * reader pcap-parser.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { AnomalyLog } from '../../shared/capture/anomaly.ts';
import type { CaptureFacts } from '../../shared/capture/facts.ts';
import { readCapture } from '../../shared/capture/read.ts';
import { RecordList } from './build.ts';

const CORPUS = new URL('../../../shared/corpus/', import.meta.url);
const skip = existsSync(CORPUS) ? false : 'corpus not found';

interface Row {
  capture: string;
  packets: number;
  filetype: string;
  odd: string;
}

function table<T>(name: string): T[] {
  const lines = gunzipSync(readFileSync(new URL(name, CORPUS)))
    .toString('utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line));
}

function path(capture: string): URL {
  return new URL(`captures/${capture}`, CORPUS);
}

async function read(capture: string): Promise<{ list: RecordList; facts: CaptureFacts; log: AnomalyLog }> {
  const list = new RecordList();
  const log = new AnomalyLog();
  return { list, log, facts: await readCapture(createReadStream(path(capture)), list, log) };
}

/**
 * Captures that are not read completely, and why. Of all others every record of the table is read and nothing is lost.
 */
const OTHERWISE: Record<string, Pick<CaptureFacts, 'records' | 'status' | 'bytesLost'>> = {
  // A three-byte hole after record 18; the 181 records after it are sound.
  'suricata-verify/tests/smtp-to-comma/10.7.29.101_49898-178.63.41.150_25.pcap': {
    records: 199,
    status: 'damaged',
    bytesLost: 3,
  },
  // Hand-made fuzzing input: after its first packet only zeros, which are taken as a hole and not as empty packets.
  'tcpdump/tests/bgp_vpn_rt-oobr.pcap': { records: 1, status: 'damaged', bytesLost: 592 },
  'tcpdump/tests/vtp_asan.pcap': { records: 2, status: 'damaged', bytesLost: 48 },
  // Its last byte is the first of a record header.
  'suricata-verify/tests/pgsql/pgsql-5000-query-results/input.pcap': {
    records: 785,
    status: 'truncated',
    bytesLost: 1,
  },
  // Snoop is another format, which is not supported.
  'PcapPlusPlus/Tests/Pcap++Test/PcapExamples/solaris.snoop': { records: 0, status: 'unreadable', bytesLost: 0 },
};

test('every capture of the corpus has the record count of the table', { skip }, async () => {
  const rows = table<Row>('zeek-conn.jsonl.gz');
  for (const { capture, packets, filetype } of rows) {
    const { facts, list } = await read(capture);
    const want = OTHERWISE[capture] ?? { records: packets, status: 'complete', bytesLost: 0 };
    const { records, status, bytesLost } = facts;
    assert.deepEqual({ records, status, bytesLost }, want, capture);
    assert.equal(list.records.length, records, capture);
    if (status === 'unreadable') continue;
    assert.equal(facts.format, filetype.startsWith('pcapng') ? 'pcapng' : 'pcap', capture);
    if (filetype === 'pcap-ns') assert.equal(facts.resolution, 'ns', capture);
    if (filetype === 'pcap-us') assert.equal(facts.resolution, 'us', capture);
  }
  assert.ok(rows.length >= 1760);
});

test('every packet offset that Arkime reports is one of ours, with the same length', { skip }, async () => {
  interface Session {
    packetPos: number[];
    packetLen: number[];
  }
  let checked = 0;
  for (const { capture, expected } of table<{ capture: string; expected: Session[] }>('arkime-sessions.jsonl.gz')) {
    const { list, facts } = await read(capture);
    if (facts.format !== 'pcap' || facts.compression !== 'none') continue;
    const lengths = new Map(list.records.map((record) => [record.offset, 16 + record.bytes.length / 2]));
    for (const { packetPos, packetLen } of expected) {
      packetPos.forEach((offset, i) => {
        assert.ok(lengths.has(offset), `${capture} at ${offset}`);
        // For fragmented datagrams Arkime reports the joined length.
        if (!capture.endsWith('-frag.pcap')) assert.equal(lengths.get(offset), packetLen[i], `${capture} at ${offset}`);
        checked++;
      });
    }
  }
  assert.ok(checked > 1000, `${checked} offsets`);
});

interface PcapParserPacket {
  header: { timestampSeconds: number; timestampMicroseconds: number; capturedLength: number; originalLength: number };
  data: Buffer;
}
type PcapParser = {
  parse(input: Readable): {
    on(event: 'packet', listener: (packet: PcapParserPacket) => void): void;
    on(event: 'end', listener: () => void): void;
    on(event: 'error', listener: (error: Error) => void): void;
  };
};

test('every undamaged classic microsecond capture has the same records as with pcap-parser', {
  skip,
}, async () => {
  const { parse } = createRequire(import.meta.url)('pcap-parser') as PcapParser;
  let captures = 0;
  let records = 0;
  for (const { capture, filetype } of table<Row>('zeek-conn.jsonl.gz')) {
    if (filetype !== 'pcap-us' || OTHERWISE[capture] !== undefined) continue;
    const bytes = readFileSync(path(capture));
    const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    const theirs = createHash('sha1');
    let count = 0;
    await new Promise<void>((resolve, reject) => {
      // In pieces, because it copies its whole buffer for every record that spans two.
      const pieces = Array.from({ length: Math.ceil(plain.length / 65_536) }, (_, i) =>
        plain.subarray(i * 65_536, (i + 1) * 65_536),
      );
      const parser = parse(Readable.from(pieces, { objectMode: true }));
      parser.on('packet', ({ header, data }) => {
        count++;
        const us = header.timestampSeconds * 1e6 + header.timestampMicroseconds;
        theirs.update(`${us} ${header.originalLength} ${header.capturedLength} `).update(data);
      });
      parser.on('end', resolve);
      parser.on('error', reject);
    });
    const ours = createHash('sha1');
    const { list } = await read(capture);
    for (const { us, origLen, bytes: packet } of list.records)
      ours.update(`${us} ${origLen} ${packet.length / 2} `).update(Buffer.from(packet, 'hex'));
    assert.equal(list.records.length, count, capture);
    assert.equal(ours.digest('hex'), theirs.digest('hex'), capture);
    captures++;
    records += count;
  }
  assert.ok(captures > 1600 && records > 100_000, `${captures} captures, ${records} records`);
});
