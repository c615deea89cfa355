/** Every capture of the corpus goes through the decoder: nothing throws, every record has one fate. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { META_LEVELS } from '../../shared/packet/columns.ts';
import { FATE_FRAGMENT, FATE_SESSION } from '../../shared/packet/fate.ts';
import { CORPUS, decodeCapture, noCorpus } from './captures.ts';

test('every capture decodes without a throw, and fates sum up to records', { skip: noCorpus }, async () => {
  const folder = join(CORPUS, 'captures');
  let records = 0;
  let sessions = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const decoded = await decodeCapture(path);
    const { fates } = decoded;
    assert.equal(
      fates.reduce((sum, count) => sum + count),
      decoded.records,
      path,
    );
    const { columns, fragments, flows } = decoded;
    const innermost = new Set<number>();
    for (let row = 0; row < columns.length; row++) {
      if ((columns.meta[row] & META_LEVELS) === 0) innermost.add(columns.offset[row]);
      assert.ok(columns.flow[row] < flows.count, `${path} row ${row}`);
      assert.ok(columns.tunnel[row] <= flows.tunnels.count, `${path} row ${row}`);
    }
    assert.equal(fates[FATE_SESSION], innermost.size, path);
    let standing = 0;
    for (let row = 0; row < fragments.length; row++) standing += fragments.counts[row];
    assert.equal(fates[FATE_FRAGMENT], standing, path);
    records += decoded.records;
    sessions += decoded.columns.length;
  }
  // Apart from rare link types, the corpus consists of IP captures.
  assert.ok(sessions > records / 2, `${sessions} of ${records}`);
});
