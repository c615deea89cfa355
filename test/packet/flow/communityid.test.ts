/** Community ID against the specification's own tables and baselines. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addressText } from '../../../shared/packet/address.ts';
import { META_FROM_B } from '../../../shared/packet/columns.ts';
import { communityId } from '../../../shared/packet/flow/communityid.ts';
import {
  IPPROTO_SCTP,
  KEY_ADDR_A,
  KEY_ADDR_B,
  KEY_PORTS,
  KEY_PROTO,
  KEY_WORDS,
} from '../../../shared/packet/flow/flowtable.ts';
import { CORPUS, decodeCapture, noCorpus } from '../captures.ts';
import { bytes, ipv4, ipv6, tcp, text, udp, Workbench } from '../harness.ts';

interface Baseline {
  proto: number;
  saddr: string;
  daddr: string;
  sport?: number;
  dport?: number;
  communityid: string;
}

for (const [file, seed, encoding] of [
  ['baseline_deflt.json', 0, 'base64'],
  ['baseline_seed1.json', 1, 'base64'],
  ['baseline_nob64.json', 0, 'hex'],
] as const) {
  test(`every packet of the specification's captures has the id of ${file}`, { skip: noCorpus }, async () => {
    const expected = JSON.parse(readFileSync(join(CORPUS, 'community-id', file), 'utf8')) as Baseline[];
    const { columns, flows } = await decodeCapture(join(CORPUS, 'community-id/pcaps/combined.pcap.gz'));
    const got: Baseline[] = [];
    for (let row = 0; row < columns.length; row++) {
      const at = columns.flow[row] * KEY_WORDS;
      const fromB = (columns.meta[row] & META_FROM_B) !== 0;
      // An SCTP session has its first packet's ports, which are not part of its flow.
      const key = flows.words.slice(at, at + KEY_WORDS);
      if ((key[KEY_PROTO] & 0xff) === IPPROTO_SCTP) {
        const sent = columns.seq[row];
        key[KEY_PORTS] = fromB ? (sent << 16) | (sent >>> 16) : sent;
      }
      const ports = key[KEY_PORTS];
      const ends = [
        { address: addressText(flows.words, at, KEY_ADDR_A), port: ports >>> 16 },
        { address: addressText(flows.words, at, KEY_ADDR_B), port: ports & 0xffff },
      ];
      const [source, destination] = fromB ? ends.reverse() : ends;
      const proto = flows.words[at + KEY_PROTO] & 0xff;
      const baseline: Baseline = {
        proto,
        saddr: source.address,
        daddr: destination.address,
        communityid: communityId(key, 0, seed, encoding),
      };
      if (proto !== 46) Object.assign(baseline, { sport: source.port, dport: destination.port });
      got.push(baseline);
    }
    const line = (b: Baseline) => `${b.proto} ${b.saddr} ${b.daddr} ${b.sport ?? ''} ${b.dport ?? ''} ${b.communityid}`;
    // The baselines list each tuple once, in order of its first packet.
    assert.deepEqual([...new Set(got.map(line))], expected.map(line));
  });
}

test('flows have the same ids as in other programs', () => {
  const one = 'fe800001020304050607 08090a0b0c0d'.replace(' ', '');
  const two = 'fe801011121314151617 18191a1b1c1d'.replace(' ', '');
  const v4 = { src: '1.2.3.4', dst: '5.6.7.8' };
  const back = { src: '5.6.7.8', dst: '1.2.3.4' };
  const icmp = (type: number) => bytes([type, 0], new Uint8Array(6));
  const cases: [string, Uint8Array][] = [
    ['1:wCb3OG7yAFWelaUydu0D+125CLM=', ipv4(tcp(1122, 3344, text('')), { ...v4, proto: 6 })],
    ['1:wCb3OG7yAFWelaUydu0D+125CLM=', ipv4(tcp(3344, 1122, text('')), { ...back, proto: 6 })],
    ['1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg=', ipv4(udp(1122, 3344, text('')), v4)],
    ['1:crodRHL2FEsHjbv3UkRrfbs4bZ0=', ipv4(icmp(8), { ...v4, proto: 1 })],
    ['1:crodRHL2FEsHjbv3UkRrfbs4bZ0=', ipv4(icmp(0), { ...back, proto: 1 })],
    ['1:f/YiSyWqczrTgfUCZlBUnvHRcPk=', ipv4(icmp(11), { ...v4, proto: 1 })],
    ['1:0bf7hyMJUwt3fMED7z8LIfRpBeo=', ipv6(icmp(129), 58, two, one)],
    ['1:fYC8+pz24E+EhANP1EZhpX0Dw10=', ipv6(icmp(146), 58, one, two)],
    ['1:ikv3kmf89luf73WPz1jOs49S768=', ipv4(text('rsvp'), { ...back, proto: 46 })],
    ['1:wQ/2mwrnXP4lmJcHdGL5ePjR+e0=', ipv6(text('rsvp'), 46, two, one)],
  ];
  for (const [expected, packet] of cases) {
    const bench = new Workbench();
    bench.decode(packet, 101);
    assert.equal(communityId(bench.flows.words, 0), expected, bench.flow());
  }
});
