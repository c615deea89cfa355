/** What files that are no captures are told to be. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { CaptureFacts } from '../../../shared/capture/facts.ts';
import { readCapture } from '../../../shared/capture/read.ts';

/** @param chunk bytes of the pieces in which the source delivers them */
async function factsOf(bytes: Uint8Array, chunk = bytes.length): Promise<CaptureFacts> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }
  return readCapture(source(), { record: () => assert.fail('a record') }, { anomaly() {} });
}

const bytes = (text: string, encoding: BufferEncoding = 'utf8'): Buffer => Buffer.from(text, encoding);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
/** With what follows a magic number in a large file. */
const long = (head: Uint8Array): Buffer => Buffer.concat([head, Buffer.alloc(5000, 0x81)]);

const TAR = Buffer.alloc(1024);
TAR.write('day.pcap', 0);
TAR.write('ustar', 257);

const zipOf = (name: string): Buffer => {
  const header = Buffer.alloc(30);
  header.write('PK\x03\x04', 0, 'latin1');
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, bytes(name)]);
};

describe('plainly no captures', () => {
  const cases: [string, Buffer, string][] = [
    ['a line', bytes('sensor=a\n'), 'text'],
    ['two characters', bytes('ok'), 'text'],
    ['JSON that is empty', bytes('[]\n'), 'text'],
    ['a long text that is cut within a character', bytes(`${'a'.repeat(511)}${'\u00e4'.repeat(1000)}`), 'text'],
    [
      'text of one byte a character',
      bytes(`${'Aufzeichnung vom 30. November, Büro Süd und Keller. '.repeat(3)}`, 'latin1'),
      'text',
    ],
    ['a short text of one byte a character', bytes('Büro Süd\n', 'latin1'), 'text'],
    ['text of UTF-16', Buffer.concat([hex('fffe'), bytes('Notes of the lab', 'utf16le')]), 'text'],
    ['colours of a terminal', bytes('\x1b[31mred\x1b[0m\r\n'), 'text'],
    ['Parquet', long(bytes('PAR1')), 'Parquet'],
    ['Thumbs.db', long(hex('d0cf11e0a1b11ae1')), 'a compound file of Windows, such as Thumbs.db'],
    ['a picture', long(hex('89504e470d0a1a0a')), 'a picture'],
    ['PDF', bytes('%PDF-1.7\n'), 'PDF'],
    ['a program', long(hex('7f454c46')), 'a program'],
    ['a database', long(bytes('SQLite format 3\0')), 'a database of SQLite'],
    ['an office document', zipOf('[Content_Types].xml'), 'a document or program in a zip archive'],
  ];
  for (const [what, content, words] of cases)
    test(what, async () => {
      for (const chunk of [content.length, 1, 7]) {
        const { status, format, damage, bytes: read } = await factsOf(content, chunk);
        assert.deepEqual([status, format, damage.length, damage[0].reason], ['unreadable', 'unknown', 1, 'no_capture']);
        assert.equal(damage[0].detail, `begins with 0x${content.subarray(0, 4).toString('hex')}: ${words}`);
        assert.ok(read <= content.length);
      }
      assert.equal((await factsOf(gzipSync(content))).damage[0].reason, 'no_capture');
    });
});

describe('they may hold captures, and the command that opens them is named', () => {
  const cases: [string, Buffer, string][] = [
    ['bzip2', long(hex('425a6839 314159265359')), "bzip2; 'bzip2 -d FILE'"],
    ['bzip2 of nothing', hex('425a6839 177245385090 00000000'), "bzip2; 'bzip2 -d FILE'"],
    ['xz', long(hex('fd377a585a00')), "xz; 'xz -d FILE'"],
    ['lz4', long(hex('04224d18')), "lz4; 'lz4 -d --rm FILE'"],
    ['zip', zipOf('day.pcap'), "zip; 'unzip FILE'"],
    ['7z', long(hex('377abcaf271c')), "7z; '7z x FILE'"],
    ['tar', TAR, "tar; 'tar -xf FILE'"],
    ['gzip within gzip', gzipSync(gzipSync('x'.repeat(100))), "gzip within gzip; 'gzip -dc FILE | gzip -dc > CAPTURE'"],
    ['zstd within gzip', gzipSync(zstdCompressSync('x')), "zstd within gzip; 'gzip -dc FILE | zstd -dc > CAPTURE'"],
    [
      'xz within zstd',
      zstdCompressSync(long(hex('fd377a585a00'))),
      "xz within zstd; 'zstd -dc FILE | xz -dc > CAPTURE'",
    ],
    ['tar within gzip', gzipSync(TAR), "tar within gzip; 'gzip -dc FILE | tar -xf -'"],
    ['zip within gzip', gzipSync(zipOf('a')), "zip within gzip; 'gzip -dc FILE > ARCHIVE; unzip ARCHIVE'"],
  ];
  for (const [what, content, words] of cases)
    test(what, async () => {
      for (const chunk of [content.length, 1]) {
        const { status, damage } = await factsOf(content, chunk);
        assert.deepEqual([status, damage[0].reason], ['unreadable', 'unsupported_format']);
        assert.match(damage[0].detail, /^begins with 0x[0-9a-f]{8}: /);
        assert.equal(damage[0].detail.slice('begins with 0x00000000: '.length), `${words} gives what is in it`);
      }
    });
});

describe('not known, so they may be damaged captures', () => {
  const cases: [string, Buffer, RegExp][] = [
    ["another program's capture", long(bytes('TRSNIFF data    \x1a')), /: a capture of Sniffer$/],
    ['zeros', Buffer.alloc(2000), /^begins with 0x00000000$/],
    ['bytes of any kind', hex('0102030405'), /^begins with 0x01020304$/],
    ['a short piece of which more than a quarter is no ASCII', hex('41ff42fe43'), /^begins with 0x41ff42fe$/],
    ['text behind a zero', bytes('some text\0and more of it'), /^begins with 0x736f6d65$/],
    ['blanks alone', bytes('\n\r\r  \n'), /^begins with 0x0a0d0d20$/],
  ];
  for (const [what, content, detail] of cases)
    test(what, async () => {
      const { damage } = await factsOf(content);
      assert.equal(damage[0].reason, 'unsupported_format');
      assert.match(damage[0].detail, detail);
    });

  test('the first bytes of a capture that ends there', async () => {
    for (const start of ['0a0d0d', 'd4c3', 'a1b2c3', '0a'])
      assert.equal((await factsOf(hex(start))).damage[0].reason, 'truncated_file_header', start);
  });
});
