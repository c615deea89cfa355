/** Hosts that a data set forgets: nothing holds their addresses, rows are those of captures without their packets, and later runs keep to it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { COMMAND } from '../../cli/commands/forget.ts';
import { addedTo } from '../../shared/control/dataset/heldcaptures.ts';
import { type EmbeddedOptions, runEmbedded } from '../../shared/engine/embedded.ts';
import { forget, forgettingIn, rowsOfHosts } from '../../shared/engine/forgetting.ts';
import { accountedFor, type JobSummary } from '../../shared/job/summary.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { type BuiltRecord, writePcap } from '../capture/build.ts';
import { runCommand, START_US, scratchFolder, writeFiles } from '../cli/harness.ts';
import { HEAVY } from '../heavy.ts';
import { captureRefs, lines, plainConfig, readTables } from '../job/harness.ts';
import { bytes, ethernet, hex, ipv4, ipv6, udp, V6_ONE, V6_TWO } from '../packet/harness.ts';

const HOST = '10.9.8.7';
const HOST6 = '2001:db8::1';
const HOSTS = [HOST, HOST6];
const CONFIG = plainConfig({ packets: true, sizes: { intervalRows: 4 } });
const STEP_US = 2_000_000;

/** Packets of a capture, and whether a forgotten host has a part in each. */
function packetsOf(salt: number): [packet: Uint8Array, forgotten: boolean][] {
  const net = { src: '10.0.0.1', dst: '10.0.0.2' };
  const message = udp(5000, 9000 + salt, new Uint8Array(40));
  const inTunnel = (src: string): Uint8Array =>
    udp(50000, 4789, bytes('08000000', '00002a', '00', ethernet('0800', ipv4(message, { src, dst: '10.0.1.2' }))));
  return [
    [ipv4(message, net), false],
    [ipv4(message, { ...net, src: HOST }), true],
    [ipv6(message, 17, V6_TWO, V6_ONE), true],
    [ipv6(message, 17, V6_TWO, V6_TWO), false],
    [ipv4(inTunnel(HOST), net), true],
    [ipv4(inTunnel('10.0.1.1'), net), false],
    [ipv4(ipv4(message, net), { ...net, proto: 4, dst: HOST }), true],
    [ipv4(message.subarray(0, 24), { ...net, src: HOST, id: salt + 1, more: true }), true],
    [ipv4(message.subarray(24), { ...net, src: HOST, id: salt + 1, offset: 24 }), true],
    [ipv4(message.subarray(0, 24), { ...net, id: salt + 2, more: true }), false],
    [ipv4(message.subarray(24), { ...net, id: salt + 2, offset: 24 }), false],
    [ipv4(inTunnel(HOST).subarray(0, 64), { ...net, id: salt + 3, more: true }), true],
    [ipv4(inTunnel(HOST).subarray(64), { ...net, id: salt + 3, offset: 64 }), false],
    [ipv4(new Uint8Array(3), { ...net, dst: HOST }).subarray(0, 12), false],
    [ipv4(new Uint8Array(3), net), false],
  ];
}

/** Captures a.pcap, b.pcap, c.pcap in a folder; `without` leaves out packets of the hosts. */
function captures(folder: string, without = false): Promise<CaptureRef[]> {
  const names = ['a', 'b', 'c'];
  for (const [salt, name] of names.entries()) {
    const records: BuiltRecord[] = packetsOf(salt).flatMap(([packet, forgotten], i) =>
      without && forgotten
        ? []
        : [
            {
              us: START_US + salt * STEP_US + i * 100_000,
              bytes: ethernet(packet[0] >> 4 === 4 ? '0800' : '86dd', packet),
            },
          ],
    );
    writeFiles(folder, { [`captures/${name}.pcap`]: writePcap(records) });
  }
  return captureRefs(names.map((name) => join(folder, `captures/${name}.pcap`)));
}

function run(out: string, refs: readonly CaptureRef[], more: Partial<EmbeddedOptions> = {}): Promise<JobSummary> {
  return runEmbedded({ out, captures: refs, config: CONFIG, workers: 1, ...more });
}

const add = { withHeld: addedTo } as const;

/** Rows of all tables, in an order of their own. */
async function rowsIn(out: string, { files }: JobSummary): Promise<Record<string, string[]>> {
  const tables = Object.entries(await readTables(out, files));
  return Object.fromEntries(tables.map(([table, rows]) => [table, lines(rows).sort()]));
}

/** Rows of sessions and packets, without the places in captures. */
async function meaningIn(out: string, { files }: JobSummary): Promise<string[][]> {
  const { sessions, packets } = await readTables(out, files);
  return [lines(sessions).sort(), lines(packets, ['offset']).sort()];
}

/** Files below a folder that hold an address of the hosts, as text or bytes, as they are or in a zstd frame. */
function holdersIn(folder: string): string[] {
  const v4 = hex('0a090807');
  const v6 = hex(V6_ONE);
  const inWords = Uint8Array.from(v6, (_, i) => v6[(i & ~3) + 3 - (i & 3)]);
  const patterns = [Buffer.from(HOST), Buffer.from(HOST6), v4, v4.toReversed(), v6, inWords].map((p) => Buffer.from(p));
  const holds = (content: Buffer): boolean => patterns.some((pattern) => content.includes(pattern));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    if (!statSync(join(folder, name)).isFile()) return false;
    const content = readFileSync(join(folder, name));
    for (let at = content.indexOf(ZSTD_MAGIC); at >= 0; at = content.indexOf(ZSTD_MAGIC, at + 1))
      if (holds(zstdDecompressSync(content.subarray(at)))) return true;
    return holds(content);
  });
}

const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

test(
  'nothing holds a forgotten host, rows are those of captures without it, and captures that are added stay without it',
  HEAVY,
  async (t) => {
    const folder = scratchFolder(t);
    const out = join(folder, 'out');
    const all = await captures(folder);
    await run(out, all.slice(0, 2));
    assert.ok(holdersIn(out).length > 5, 'the look finds it where it is');
    const before = await rowsOfHosts(out, 'test', HOSTS);
    assert.ok(before.sessions > 0 && before.packets! > 0);
    const { summary } = await forget(out, 'test', { hosts: HOSTS }, { workers: 1 });
    // The list of what is forgotten, and the configuration that it is a part of, name them.
    const namesThem = /[/]forgotten[.]json$|[/]job[.]json$/;
    assert.deepEqual(
      holdersIn(out).filter((name) => !namesThem.test(name)),
      [],
    );
    assert.deepEqual({ ...(await rowsOfHosts(out, 'test', HOSTS)), files: {} }, { sessions: 0, packets: 0, files: {} });
    const leftOut = packetsOf(0).filter(([, forgotten]) => forgotten).length;
    assert.equal(summary.conservation.undecodable.forgotten, 2 * leftOut);
    assert.equal(accountedFor(summary.conservation), summary.conservation.read);
    assert.equal((await forget(out, 'test', { hosts: HOSTS }, { workers: 1 })).summary.job, summary.job);

    const later = await run(out, all.slice(2), add);
    assert.deepEqual(
      holdersIn(out).filter((name) => !namesThem.test(name)),
      [],
    );
    const other = join(folder, 'other');
    const refused = plainConfig({ ...CONFIG, decode: { keyVlan: false, forgotten: HOSTS } });
    assert.deepEqual(await rowsIn(out, later), await rowsIn(other, await run(other, all, { config: refused })));
    const without = join(folder, 'without');
    const cut = await run(without, await captures(join(folder, 'cut'), true));
    assert.deepEqual(await meaningIn(out, later), await meaningIn(without, cut));
    const { captures: rows } = await readTables(out, later.files);
    assert.deepEqual(
      rows.map(({ undecodable_reasons: reasons }) => /forgotten=([0-9]+)/.exec(String(reasons))?.[1]),
      new Array(3).fill(String(leftOut)),
    );
  },
);

test(
  'where captures are gone they are named, and nothing is done; stopped anywhere, the same goes on',
  HEAVY,
  async (t) => {
    const folder = scratchFolder(t);
    const out = join(folder, 'out');
    const all = await captures(folder);
    const whole = await run(out, all);
    const rows = await rowsIn(out, whole);
    rmSync(all[1].location);
    await assert.rejects(
      forget(out, 'test', { hosts: HOSTS }, { workers: 1 }),
      /read again, and these cannot.*: b\.pcap\. Nothing/,
    );
    const repeated = await run(out, [], add);
    assert.deepEqual([repeated.job, await rowsIn(out, repeated)], [whole.job, rows]);
    await captures(folder);
    await assert.rejects(
      forgettingIn(out, 'test', { hosts: HOSTS }),
      /b\.pcap/,
      'another version of it is not the same',
    );
    // A folder whose captures are as they were.
    const fresh = join(folder, 'fresh');
    const again = await captureRefs(all.map(({ location }) => location));
    await run(fresh, again);
    for (const tasks of [1, 2, 2]) {
      const stop = new AbortController();
      let left = tasks;
      const onTask = (): void => void (--left === 0 && stop.abort(new Error('stop')));
      await assert.rejects(
        forget(fresh, 'test', { hosts: HOSTS }, { workers: 1, signal: stop.signal, onTask }),
        /stop/,
      );
    }
    const { summary } = await forget(fresh, 'test', { hosts: HOSTS }, { workers: 1 });
    assert.equal(holdersIn(fresh).filter((name) => !/[/](forgotten|job)[.]json$/.test(name)).length, 0);
    assert.equal((await rowsOfHosts(fresh, 'test', HOSTS)).sessions, 0);
    assert.equal((await run(fresh, again)).job, summary.job, 'naming all captures does not bring the hosts back');
  },
);

test('a host that is none is refused', async () => {
  for (const host of ['10.0.0.0/8', 'gateway', ''])
    await assert.rejects(runCommand(COMMAND, ['--data', 'results', '--host', host]), /--host takes an address/);
  await assert.rejects(runCommand(COMMAND, ['--host', '10.0.0.1', '--before', '2026-01-01']), /one of --before/);
});
