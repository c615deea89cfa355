/** Names of files that are not UTF-8: read, told apart, and printable in tables. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { findCaptures } from '../../../cli/input/findcaptures.ts';
import { FileCaptures } from '../../../shared/store/capturesource.ts';
import { printable } from '../../../shared/text/printable.ts';
import { flowstitch, START_US, scratchFolder, udpCapture, writeFiles } from '../harness.ts';
import { folderWith, names } from './namesfound.ts';

/** A file whose name, or folder's name, has bytes that are no UTF-8; false where the file system refuses such names. */
function writeRaw(folder: string, name: string, bytes: Uint8Array): boolean {
  const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')]);
  try {
    mkdirSync(path.subarray(0, path.lastIndexOf('/')), { recursive: true });
    writeFileSync(path, bytes);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EILSEQ') throw error;
    return false;
  }
}

const rawNames = (() => {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-raw-'));
  try {
    return writeRaw(folder, 'caf\xe9', Buffer.from('x'));
  } finally {
    rmSync(folder, { recursive: true });
  }
})();
/** Part of the path of a table's files. */
const withoutRaw = rawNames ? false : 'names on this file system are UTF-8 always';

test('names that are not UTF-8 are read like others, wherever they stand', { skip: withoutRaw }, async (t) => {
  const folder = folderWith(t, 'good.pcap', 'gr\u00fcn.pcap');
  for (const name of ['caf\xe9.pcap', 'caf\xe8.pcap', 'd\xe9p\xf4t/x.pcap']) writeRaw(folder, name, Buffer.from(name));
  const all = ['caf\\xe8.pcap', 'caf\\xe9.pcap', 'd\\xe9p\\xf4t/x.pcap', 'good.pcap', 'gr\u00fcn.pcap'];
  assert.deepEqual(await names(folder, ['.']), all);
  assert.deepEqual(await names(folder, ['**/*.pcap']), all);
  assert.deepEqual(await names(folder, ['caf?.pcap', 'd*/x.pcap']), all.slice(0, 3));
  // As Node gives an argument with such bytes: both are named where both were given, as a shell's glob does.
  assert.deepEqual(await names(folder, ['d\ufffdp\ufffdt']), [all[2]]);
  assert.deepEqual(await names(folder, ['caf\ufffd.pcap', 'caf\ufffd.pcap']), all.slice(0, 2));
  await assert.rejects(
    names(folder, ['caf\ufffd.pcap']),
    /matches 2 files whose names are not UTF-8: name their folder/,
  );
  const captures = await findCaptures([folder], join(folder, 'out'));
  const source = new FileCaptures();
  for (const capture of captures) {
    let text = '';
    for await (const chunk of source.stream(capture)) text += Buffer.from(chunk).toString('latin1');
    assert.equal(text.length, capture.size, capture.name);
    assert.equal(await source.version(capture), capture.version);
  }
});

test('a run over names that are not UTF-8 has them in its tables', { skip: withoutRaw }, (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'in/good.pcap': udpCapture(10) });
  writeRaw(folder, 'in/caf\xe9.pcap', udpCapture(10, START_US, 3));
  const { code, stdout, stderr } = flowstitch(['run', 'in', '--out', 'out'], { cwd: folder });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /captures {6}2, /);
  const rows = flowstitch(['sql', 'select capture from captures order by 1', '--data', 'out', '--csv'], {
    cwd: folder,
  });
  assert.equal(rows.stdout, 'capture\nin/caf\\xe9.pcap\nin/good.pcap\n');
});

/** The bytes that a capture's name stands for, as the documentation defines it. */
function bytesOfName(name: string): Buffer {
  const raw = Buffer.from(name)
    .toString('latin1')
    .replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(raw, 'latin1');
}

test('names are printable, no two are the same, and their bytes follow from them', { skip: withoutRaw }, async (t) => {
  const folder = scratchFolder(t);
  const all = [
    'e\xe4',
    'e\\xe4',
    'e\\x5cxe4',
    'e\\\xe4',
    'e\\',
    'e\\x',
    'e\\xE4',
    'e\n',
    'e\x7f',
    'e\xc2\x85',
    // U+FEFF, U+2028, U+202E, and bytes that are no text with what a terminal would show of these.
    'e\xef\xbb\xbf',
    'e\xfeff',
    'e\xe2\x80\xa8',
    'e\xe2\x80\xae',
    'e\xc3\xa4',
    'e\xf0\x9f',
  ];
  for (const name of all) writeRaw(folder, name, Buffer.from('\0'));
  const found = (await findCaptures([folder], join(folder, 'out'))).map(({ name }) => name.slice(folder.length + 1));
  assert.equal(new Set(found).size, all.length);
  assert.deepEqual(found.map((name) => bytesOfName(name).toString('latin1')).sort(), all.sort());
  for (const name of found) assert.doesNotMatch(name, /[\p{Cc}\ufffd]/u);
  // So a terminal shows them, no two the same.
  assert.deepEqual(found.map(printable), found);
  assert.ok(
    found.includes('e\\xE4') && found.includes('e\\') && found.includes('e\u00e4'),
    'plain names are as they are',
  );
});

test('results do not go where the path is not UTF-8', { skip: withoutRaw }, (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'a.pcap': udpCapture(2) });
  const { code, stderr } = flowstitch(['run', 'a.pcap', '--out', 'o\ufffd'], { cwd: folder });
  assert.equal(code, 1);
  assert.match(stderr, /--out .*o\ufffd: its path is not UTF-8; name a folder whose path is/);
});
