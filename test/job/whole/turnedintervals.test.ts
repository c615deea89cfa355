/**
 * Sessions that change their direction in a later interval, after packets of them have been published: their packets tell
 * the last direction, and the first one again where a late capture undoes the change.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CaptureRef } from '../../../shared/store/capturesource.ts';
import { writePcap } from '../../capture/build.ts';
import { captureRefs, inOrder, lines, plainConfig, runJob, temporaryFolder } from '../harness.ts';

const START_US = 1_700_000_000e6;
const RAW_IP = 101;

/** A datagram of 10.0.0.1, port 1000, to port 53 of 10.0.0.2. */
function datagram(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(28 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x45000000 | bytes.length);
  view.setUint32(8, 0x40110000);
  view.setUint32(12, 0x0a000001);
  view.setUint32(16, 0x0a000002);
  view.setUint16(20, 1000);
  view.setUint16(22, 53);
  view.setUint16(24, 8 + payload.length);
  bytes.set(payload, 28);
  return bytes;
}

/** Too short for a message of DNS. */
const NOTHING = datagram(new Uint8Array(4));
/** A query, and an answer, of the root's name servers: the first message that is an answer swaps the roles. */
const message = (flags: number): Uint8Array =>
  datagram(Uint8Array.of(0, 1, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1));
const QUERY = message(0x00);
const ANSWER = message(0x80);

/** Captures of one packet each, named by what they hold. @param packets seconds after the beginning, and bytes */
async function captures(
  folder: string,
  packets: Record<string, [number, Uint8Array]>,
): Promise<Record<string, CaptureRef>> {
  const refs: Record<string, CaptureRef> = {};
  for (const [name, [second, bytes]] of Object.entries(packets)) {
    const path = join(folder, name);
    writeFileSync(path, writePcap([{ us: START_US + second * 1e6, ns: 0, bytes }], { linkType: RAW_IP }));
    [refs[name]] = await captureRefs([path]);
  }
  return refs;
}

const CONFIG = plainConfig({ packets: true, sizes: { intervalRows: 1, taskBytes: 1 } });

test('packets of earlier intervals have the direction that a later one, and a later job, finds', async () => {
  using folder = temporaryFolder();
  const { short, answer, later } = await captures(folder.path, {
    short: [0, NOTHING],
    answer: [4, ANSWER],
    later: [6, NOTHING],
  });
  const before = await runJob(join(folder.path, 'grown'), [short], CONFIG);
  assert.deepEqual(
    before.tables.packets.map(({ is_orig }) => is_orig),
    [true],
  );
  const turned = await runJob(join(folder.path, 'grown'), [short, answer], CONFIG);
  assert.deepEqual(
    turned.tables.packets.map(({ is_orig }) => is_orig),
    [false, false],
  );
  const grown = await runJob(join(folder.path, 'grown'), [short, answer, later], CONFIG);
  const whole = await runJob(join(folder.path, 'whole'), [short, answer, later], CONFIG);
  assert.deepEqual(lines(inOrder('packets', grown.tables.packets)), lines(inOrder('packets', whole.tables.packets)));
  assert.deepEqual(
    inOrder('packets', grown.tables.packets).map(({ is_orig }) => is_orig),
    [false, false, false],
  );
  // The third job made nothing of the first two captures anew: their files are those of the second.
  const kept = turned.summary.files.packets.filter((key) => grown.summary.files.packets.includes(key));
  assert.equal(kept.length, 2);
});

test('packets have their first direction again where a late capture shows that nothing was turned', async () => {
  using folder = temporaryFolder();
  const { short, query, answer } = await captures(folder.path, {
    short: [0, NOTHING],
    query: [2, QUERY],
    answer: [4, ANSWER],
  });
  await runJob(join(folder.path, 'grown'), [short, answer], CONFIG);
  const grown = await runJob(join(folder.path, 'grown'), [short, answer, query], CONFIG);
  const whole = await runJob(join(folder.path, 'whole'), [short, answer, query], CONFIG);
  assert.deepEqual(lines(inOrder('packets', grown.tables.packets)), lines(inOrder('packets', whole.tables.packets)));
  assert.deepEqual(
    lines(inOrder('sessions', grown.tables.sessions)),
    lines(inOrder('sessions', whole.tables.sessions)),
  );
  assert.deepEqual(
    inOrder('packets', grown.tables.packets).map(({ is_orig }) => is_orig),
    [true, true, true],
  );
});
