/** Packs a folder into a ZIP archive, as Lambda takes a function's code. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';

const deflate = promisify(deflateRaw);
const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_CENTRAL = 0x06054b50;
const VERSION_NEEDED = 20;
const MADE_BY_UNIX = (3 << 8) | VERSION_NEEDED;
const UTF8_NAMES = 1 << 11;
const DEFLATED = 8;
/** 1980-01-01, the earliest date there is: the same files make the same archive. */
const DATE = (1 << 5) | 1;
const LEVEL = 1;

interface Entry {
  name: Buffer;
  crc: number;
  packed: Buffer;
  size: number;
  mode: number;
}

async function pack(root: string, path: string): Promise<Entry> {
  const content = await readFile(path);
  const { mode } = await stat(path);
  return {
    name: Buffer.from(relative(root, path).split(sep).join('/')),
    crc: crc32(content),
    packed: await deflate(content, { level: LEVEL }),
    size: content.length,
    mode,
  };
}

/** The fields that both of an entry's headers hold, from the version needed to the length of its name. */
function common({ name, crc, packed, size }: Entry): Buffer {
  const fields = Buffer.alloc(24);
  fields.writeUInt16LE(VERSION_NEEDED, 0);
  fields.writeUInt16LE(UTF8_NAMES, 2);
  fields.writeUInt16LE(DEFLATED, 4);
  fields.writeUInt16LE(DATE, 8);
  fields.writeUInt32LE(crc, 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

function localHeader(entry: Entry): Buffer[] {
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(LOCAL_HEADER);
  return [signature, common(entry), Buffer.alloc(2), entry.name, entry.packed];
}

function centralHeader(entry: Entry, offset: number): Buffer[] {
  const head = Buffer.alloc(6);
  head.writeUInt32LE(CENTRAL_HEADER, 0);
  head.writeUInt16LE(MADE_BY_UNIX, 4);
  const tail = Buffer.alloc(16);
  tail.writeUInt32LE((entry.mode << 16) >>> 0, 8);
  tail.writeUInt32LE(offset, 12);
  return [head, common(entry), tail, entry.name];
}

/** A ZIP archive of all files below a folder, links followed; up to 4 GB and 65,535 files. */
export async function zipFolder(root: string): Promise<Buffer> {
  const found = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = found.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const path of paths.sort()) {
    const entry = await pack(root, path);
    const parts = localHeader(entry);
    directory.push(...centralHeader(entry, offset));
    files.push(...parts);
    for (const part of parts) offset += part.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(END_OF_CENTRAL, 0);
  end.writeUInt16LE(paths.length, 8);
  end.writeUInt16LE(paths.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, ...directory, end]);
}
