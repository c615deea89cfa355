/** Which of the files found may turn out to be no captures. */
import assert from 'node:assert/strict';
import { join, relative } from 'node:path';
import test from 'node:test';
import { findCaptures } from '../../../cli/input/findcaptures.ts';
import { gzip } from '../../capture/build.ts';
import { scratchFolder, udpCapture, writeFiles } from '../harness.ts';

test('files found under other names may be no captures, those named by themselves may not', async (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, {
    'in/a.pcap': udpCapture(2),
    'in/b.pcap.gz': gzip(udpCapture(2)),
    'in/notes': 'text',
    'in/other': 'text',
    'in/syslog.2.gz': gzip(Buffer.from('text')),
    'in/z.pcap1': udpCapture(2),
  });
  const incidental = async (...args: string[]): Promise<string[]> => {
    const captures = await findCaptures(
      args.map((arg) => join(folder, arg)),
      join(folder, 'out'),
    );
    return captures.filter((capture) => capture.incidental).map(({ name }) => relative(folder, name));
  };
  assert.deepEqual(await incidental('in'), ['in/notes', 'in/other', 'in/syslog.2.gz']);
  assert.deepEqual(await incidental('in/*'), ['in/notes', 'in/other', 'in/syslog.2.gz']);
  assert.deepEqual(await incidental('in', 'in/notes'), ['in/other', 'in/syslog.2.gz']);
  assert.deepEqual(await incidental('in/notes', 'in'), ['in/other', 'in/syslog.2.gz']);
  assert.deepEqual(await incidental('in/notes'), []);
});

test('where nothing found is named like a capture, one that may be one is enough', async (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'in/a': 'text', 'in/b': 'text', 'in/c': udpCapture(2), 'texts/a': 'text' });
  const found = (name: string): ReturnType<typeof findCaptures> =>
    findCaptures([join(folder, name)], join(folder, 'out'));
  assert.equal((await found('in')).length, 3);
  await assert.rejects(found('texts'), {
    name: 'UsageError',
    message: /^no captures found in .*texts: .*a begins with 0x74657874: text$/,
  });
});
