/**
 * Conservation: every record that is read is accounted for, once, in each capture of
 * the corpus; and the packets table holds the packets that the captures say.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { accountedFor } from '../../../shared/job/summary.ts';
import { type CaptureRef, fileVersion } from '../../../shared/store/capturesource.ts';
import { writePcap } from '../../capture/build.ts';
import { ethernet } from '../../packet/harness.ts';
import { corpusEntries, corpusPath, noCorpus } from '../corpus.ts';
import { demoCaptures, writeWhole } from '../cutting.ts';
import {
  captureRefs,
  type Ended,
  plainConfig,
  type Row,
  random,
  runJob,
  SEED,
  shuffled,
  temporaryFolder,
} from '../harness.ts';
import { tunnelTraffic } from '../tunneltraffic.ts';

const FATES = [
  ...['packets_in_sessions', 'fragments_completed', 'fragments_incomplete', 'not_ip', 'undecodable'],
  'packets_of_copy',
];

function assertConserved({ tables, summary }: Ended): void {
  const unbalanced = tables.captures.filter(
    (row) => FATES.reduce((sum, fate) => sum + Number(row[fate]), 0) !== Number(row.packets),
  );
  assert.deepEqual(
    unbalanced.map(({ capture }) => capture),
    [],
  );
  assert.equal(accountedFor(summary.conservation), summary.conservation.read);
  const total = tables.captures.reduce((sum, row) => sum + Number(row.packets), 0);
  assert.equal(summary.packets, total);
}

const totalOf = (rows: readonly Row[], column: string): number =>
  rows.reduce((sum, row) => sum + Number(row[column]), 0);

/**
 * Each record of a session stands in the packets table once on level 0 (an aggregate of several packets more than
 * once); records of whole datagrams by their fragments, of which the completing one has the datagram's own row.
 * Outer packets of tunnels stand on higher levels.
 */
function assertPacketRows({ tables }: Ended): void {
  const records = new Map<string, Set<string>>();
  for (const { capture, level, offset } of tables.packets) {
    if (level !== 0) continue;
    let offsets = records.get(String(capture));
    if (offsets === undefined) records.set(String(capture), (offsets = new Set()));
    offsets.add(String(offset));
  }
  for (const row of tables.captures) {
    assert.equal(
      records.get(String(row.capture))?.size ?? 0,
      Number(row.packets_in_sessions) + Number(row.fragments_completed),
      String(row.capture),
    );
  }
}

test("the demo's captures are conserved, and every packet of a session is in the packets table", async () => {
  using folder = temporaryFolder();
  const refs = await captureRefs(demoCaptures());
  const ended = await runJob(folder.path, refs, plainConfig({ packets: true }));
  assertConserved(ended);
  assertPacketRows(ended);
  const { tables } = ended;
  assert.equal(totalOf(tables.captures, 'packets'), 2215);
  assert.equal(totalOf(tables.captures, 'fragments_completed') + totalOf(tables.captures, 'fragments_incomplete'), 302);
  // Without tunnels a packet counts in one session only: as one of its originator's or its responder's.
  const counted = totalOf(tables.sessions, 'orig_pkts') + totalOf(tables.sessions, 'resp_pkts');
  assert.equal(counted, tables.packets.filter(({ frag_of }) => frag_of === null).length);
});

test('what is not decoded is counted by name, for each capture and for the job', async () => {
  using folder = temporaryFolder();
  const rest = new Uint8Array(46);
  const frame = (type: string, at: number) => ({ us: 1_700_000_000_000_000 + at, ns: 0, bytes: ethernet(type, rest) });
  const one = join(folder.path, 'one');
  const two = join(folder.path, 'two');
  writeFileSync(one, writePcap([frame('0806', 1), frame('88cc', 2), frame('0806', 3), frame('05fe', 4)]));
  writeFileSync(two, writePcap([{ ...frame('0806', 9), bytes: new Uint8Array(50).fill(7) }], { linkType: 195 }));
  const ended = await runJob(join(folder.path, 'out'), await captureRefs([one, two]), plainConfig());
  assertConserved(ended);
  assert.deepEqual(
    ended.tables.captures.map(({ undecoded_protocols }) => undecoded_protocols),
    ['ethertype_0x0806_ARP=2,ethertype_0x05fe=1,ethertype_0x88cc_LLDP=1', 'link_type_195_IEEE802_15_4_WITHFCS=1'],
  );
  assert.deepEqual(ended.summary.undecoded, [
    { name: 'ethertype_0x0806_ARP', count: 2 },
    { name: 'ethertype_0x05fe', count: 1 },
    { name: 'ethertype_0x88cc_LLDP', count: 1 },
    { name: 'link_type_195_IEEE802_15_4_WITHFCS', count: 1 },
  ]);
});

test(`traffic in tunnels is conserved by its innermost packets (seed ${SEED})`, async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'tunnels');
  const packets = tunnelTraffic(random(SEED), 200);
  writeWhole(path, packets);
  const ended = await runJob(join(folder.path, 'out'), await captureRefs([path]), plainConfig({ packets: true }));
  assertConserved(ended);
  assertPacketRows(ended);
  const { tables, summary } = ended;
  assert.equal(summary.packets, packets.length);
  assert.equal(totalOf(tables.captures, 'fragments_incomplete') + totalOf(tables.captures, 'undecodable'), 0);
  // Whatever carried them, conversations are sessions of the two inner hosts; outer UDP flows stand beside them.
  const inner = tables.sessions.filter(({ orig_h }) => String(orig_h).startsWith('10.0.1.'));
  const kinds = new Set(inner.map(({ tunnel }) => String(tunnel).split(' ')[0]));
  for (const kind of [
    'null',
    'vxlan',
    'geneve',
    'gtpv1',
    'gre',
    'erspan',
    'ip',
    'vxlan-gpe',
    'etherip',
    'l2tp',
    'l2tpv3',
  ])
    assert.ok(kinds.has(kind), `${kind}, seed ${SEED}`);
  assert.ok(inner.some(({ tunnel }) => /^vxlan .* vni=42, gre /.test(String(tunnel))));
  const outer = tables.sessions.filter(({ orig_h }) => String(orig_h).startsWith('192.0.2.'));
  assert.ok(outer.length > 0);
  for (const { proto, tunnel } of outer) assert.deepEqual([proto, tunnel], ['udp', null]);
});

async function corpusRefs(captures: readonly string[]): Promise<CaptureRef[]> {
  const refs: CaptureRef[] = [];
  for (const name of captures) {
    const location = corpusPath(name);
    refs.push({ name, location, ...(await fileVersion(location))! });
  }
  return refs;
}

test('every record of every capture of the corpus is accounted for', { skip: noCorpus }, async () => {
  using folder = temporaryFolder();
  const entries = corpusEntries();
  const refs = await corpusRefs(entries.map(({ capture }) => capture));
  const config = plainConfig({ sizes: { taskBytes: 4 << 20 } });
  const ended = await runJob(folder.path, refs, config, undefined, ['captures']);
  assertConserved(ended);
  assert.equal(ended.tables.captures.length, entries.length);
  const read = new Map(ended.tables.captures.map((row) => [row.capture, Number(row.packets)]));
  const differing = entries
    .filter(({ capture, packets, odd }) => odd === '' && read.get(capture) !== packets)
    .map(({ capture, packets }) => `${capture}: ${read.get(capture)}, not ${packets}`);
  assert.deepEqual(differing, []);
});

test(`the packets table holds what the captures table says (seed ${SEED})`, { skip: noCorpus }, async () => {
  using folder = temporaryFolder();
  // The corpus spreads over hundreds of days, and each is a file: a hundred captures take seconds, all of them a minute.
  const names = corpusEntries().map(({ capture }) => capture);
  const some = process.env.CAPTURES === 'all' ? names : shuffled(random(SEED), names).slice(0, 100);
  const config = plainConfig({ packets: true, sizes: { taskBytes: 1 << 20 } });
  const ended = await runJob(folder.path, await corpusRefs(some), config, undefined, ['packets', 'captures']);
  assertConserved(ended);
  assertPacketRows(ended);
});
