/** A capture that changes between the listing and its reading. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { findCaptures } from '../../../cli/input/findcaptures.ts';
import { type CaptureRef, FileCaptures } from '../../../shared/store/capturesource.ts';
import { scratchFolder, writeFiles } from '../harness.ts';

test('a file that grows, or that a pipe takes the place of, is not waited for', async (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { a: '\0', b: '\0' });
  const [a, b] = await findCaptures([folder], join(folder, 'out'));
  const source = new FileCaptures();
  const bytesOf = async (capture: CaptureRef, more: () => void): Promise<number> => {
    let bytes = 0;
    for await (const chunk of source.stream(capture)) {
      bytes += chunk.length;
      assert.ok(bytes <= capture.size);
      more();
    }
    return bytes;
  };
  assert.equal(await bytesOf(a, () => appendFileSync(a.location, 'more')), 1);
  assert.notEqual(await source.version(a), a.version);
  rmSync(b.location);
  execFileSync('mkfifo', [b.location]);
  await bytesOf(b, () => {}).catch(() => {});
  assert.equal(await source.version(b), undefined);
});
