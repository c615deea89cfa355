/** Attacks by compression: bombs, tiny pieces, large windows, damage that is costly to come close to. */
import { createWriteStream, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress, gzipSync } from 'node:zlib';
import { random } from '../../test/capture/build.ts';
import { zstdOfRawBlocks } from '../../test/fuzz/make/compression.ts';
import type { Attack } from './attack.ts';
import { CaptureFile, pcapHeader } from './capturefile.ts';
import { ip, UDP, udp } from './packets.ts';

/** Uncompressed bytes a block of zstd can stand for. */
const BLOCK_BYTES = 128 * 1024;

/** The bytes of a pcap of `megabytes` MB in all, one large datagram again and again: what compresses best and is sound. */
function* repeatedPacket(megabytes: number): Generator<Uint8Array> {
  yield pcapHeader();
  const packet = ip(UDP, 0x0a000001, 0x0a000002, udp(1000, 2000, new Uint8Array(60_000)));
  const header = Buffer.alloc(16);
  header.writeUInt32LE(1_600_000_000, 0);
  header.writeUInt32LE(packet.length, 8);
  header.writeUInt32LE(packet.length, 12);
  const record = Buffer.concat([header, packet]);
  for (let bytes = 0; bytes < megabytes * 1e6; bytes += record.length) yield record;
}

/** A capture of small packets whose payload does not compress. */
function noisyCapture(bytes: number, seed: number): Buffer {
  const next = random(seed);
  const parts: Uint8Array[] = [pcapHeader()];
  const header = Buffer.alloc(16);
  header.writeUInt32LE(1_600_000_000, 0);
  for (let size = 0; size < bytes; size += 144) {
    const packet = ip(
      UDP,
      0x0a000001,
      0x0a000002,
      udp(
        1000,
        2000,
        Uint8Array.from({ length: 100 }, () => next() * 256),
      ),
    );
    header.writeUInt32LE(packet.length, 8);
    header.writeUInt32LE(packet.length, 12);
    parts.push(Buffer.from(header), packet);
  }
  return Buffer.concat(parts);
}

export const COMPRESSION_ATTACKS: readonly Attack[] = [
  {
    name: 'gzip bomb',
    what: 'a sound capture of one packet again and again, a thousand times smaller when compressed',
    size: 100,
    unit: 'MB uncompressed',
    async make(folder, size) {
      await pipeline(Readable.from(repeatedPacket(size)), createGzip(), createWriteStream(`${folder}/bomb.pcap.gz`));
    },
    bound: { cpuPerMB: 0.05, peakMB: 500 },
  },
  {
    name: 'zstd bomb',
    what: 'the same in zstd, ten thousand times smaller',
    size: 200,
    unit: 'MB uncompressed',
    async make(folder, size) {
      await pipeline(
        Readable.from(repeatedPacket(size)),
        createZstdCompress(),
        createWriteStream(`${folder}/bomb.pcap.zst`),
      );
    },
    bound: { cpuPerMB: 0.05, peakMB: 500, exit: 2 },
  },
  {
    name: 'zstd window of 2 GiB',
    what: 'a frame that asks for a window of 2 GiB and fills it with blocks of one repeated byte',
    size: 400,
    unit: 'MB uncompressed',
    make(folder, size) {
      const file = new CaptureFile(`${folder}/window.pcap.zst`);
      file.raw(Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, (31 - 10) << 3]));
      const block = (type: number, bytes: number, last: boolean): Uint8Array => {
        const header = (last ? 1 : 0) | (type << 1) | (bytes << 3);
        return Uint8Array.from([header & 255, (header >> 8) & 255, header >> 16]);
      };
      const header = pcapHeader();
      file.raw(block(0, header.length, false));
      file.raw(header);
      const blocks = Math.ceil((size * 1e6) / BLOCK_BYTES);
      for (let i = 0; i < blocks; i++) {
        file.raw(block(1, BLOCK_BYTES, i === blocks - 1));
        file.raw(Uint8Array.from([0xff]));
      }
      file.end();
    },
    bound: { cpuPerMB: 0.05, peakMB: 500, exit: 2 },
  },
  {
    name: 'tiny zstd blocks',
    what: 'uncompressed blocks of one byte each',
    size: 100_000,
    unit: 'blocks',
    make(folder, size) {
      writeFileSync(`${folder}/blocks.pcap.zst`, zstdOfRawBlocks(noisyCapture(size, 1).subarray(0, size), 1));
    },
    bound: { cpuPerMB: 1.5, peakMB: 500, exit: 2 },
  },
  {
    name: 'empty gzip members',
    what: 'members that hold nothing, in front of a capture',
    size: 25_000,
    unit: 'members',
    make(folder, size) {
      const file = new CaptureFile(`${folder}/members.pcap.gz`);
      const empty = gzipSync(new Uint8Array(0));
      for (let i = 0; i < size; i++) file.raw(empty);
      file.raw(gzipSync(noisyCapture(1000, 1)));
      file.end();
    },
    bound: { cpuPerMB: 1.5, peakMB: 500 },
  },
  {
    name: 'corrupt gzip',
    what: 'captures in gzip with bytes changed 60 KB on: what was sound before them is looked for',
    size: 4,
    unit: 'captures',
    make(folder, size) {
      for (let i = 0; i < size; i++) {
        const packed = gzipSync(noisyCapture(100_000, i + 1));
        packed.fill(0xff, 60_000, 60_064);
        writeFileSync(`${folder}/corrupt-${i}.pcap.gz`, packed);
      }
    },
    bound: { cpuPerMB: 2, peakMB: 500, exit: 2 },
  },
];
