/** The output of every stage agrees with its revision, and the golden captures cover every feature. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { FATES } from '../../shared/packet/fate.ts';
import { TUNNEL_KINDS } from '../../shared/packet/protocols.ts';
import { differenceOf, type Fixture, fixtureOf, type Held } from './compare.ts';
import { FIXTURE } from './main.ts';
import { type Digests, golden } from './run.ts';

/** Names of anomalies beside those of fates. */
const ANOMALIES = [
  'UDP_datagram_length_mismatch',
  'ayiya_empty_packet',
  'bad_TCP_header_len',
  'bad_ipv6_dest_opt_len',
  'block_length_unaligned',
  'block_trailer_mismatch',
  'caplen_exceeds_len',
  'capture_gap',
  'corrupt_compression',
  'duplicate_capture',
  'excessively_large_fragment',
  'excessively_small_fragment',
  'fragment_inconsistency',
  'fragment_overlap',
  'fragment_protocol_inconsistency',
  'fragment_size_inconsistency',
  'fragment_with_DF',
  'geneve_empty_packet',
  'geneve_invalid_version',
  'ip_hdr_len_zero',
  'link_type_high_bits',
  'multiple_routing_headers',
  'no_capture',
  'option_exceeds_block',
  'packet_without_time',
  'routing0_hdr',
  'simple_packet_cut',
  'subsecond_out_of_range',
  'time_out_of_range',
  'too_many_fragments',
  'triple_tagged_vlan_unsupported',
  'truncated_802_11_amsdu_packet',
  'truncated_IP_len',
  'truncated_block',
  'truncated_compression',
  'truncated_file_header',
  'truncated_record',
  'truncated_record_header',
  'unknown_block',
  'unsupported_format',
  'vxlan_empty_packet',
];

const run = await golden();
const { touched } = run;

test('each stage writes what its revision says', () => {
  const known = JSON.parse(readFileSync(FIXTURE, 'utf8')) as Fixture;
  const difference = differenceOf(known, fixtureOf(run));
  if (difference !== null) assert.fail(difference.message);
});

describe('the golden captures touch', () => {
  test('every fate of a record', () => {
    const missing = FATES.filter((_, fate) => !touched.fates.has(String(fate)));
    assert.deepEqual(missing, [], 'add packets of this kind to test/golden/packets.ts');
  });

  test('every anomaly that has a name of its own', () => {
    const missing = ANOMALIES.filter((name) => !touched.anomalies.has(name));
    assert.deepEqual(missing, []);
  });

  test('every kind of tunnel', () => {
    const texts = [...(touched.columns.get('plain sessions: tunnel') ?? [])].join(' ');
    const names = [...TUNNEL_KINDS.values()].map(({ name }) => name);
    const missing = names.filter((name) => !new RegExp(`[ ,]${name} \\S+>`).test(texts));
    assert.deepEqual(missing, []);
  });

  test('every column of every table, with two values at least', () => {
    // `service` is not determined yet; `version` comes from the captures' source, here always the same.
    const constant = new Set(['plain sessions: service', 'plain captures: version']);
    const missing = [...touched.columns].filter(
      ([column, values]) => column.startsWith('plain ') && values.size < 2 && !constant.has(column),
    );
    assert.deepEqual(
      missing.map(([column]) => column),
      [],
    );
  });
});

describe('a change that nobody told of', () => {
  const revisions = { mapping: '3', tracking: '3.1', publishing: '3.1.1' };
  const made = (
    changes: Partial<Record<Held, Digests>> & { inputs?: string } = {},
    raised: Partial<typeof revisions> = {},
  ): Fixture =>
    fixtureOf(
      { inputs: 'i', mapping: { a: '1', b: '1' }, tracking: { c: '1' }, publishing: { d: '1' }, ...changes },
      { ...revisions, ...raised },
    );

  test('is none when nothing has changed', () => {
    assert.equal(differenceOf(made(), made()), null);
  });

  for (const [stage, constant] of [
    ['mapping', 'MAPPING_REVISION'],
    ['tracking', 'TRACKING_REVISION'],
    ['publishing', 'PUBLISHING_REVISION'],
  ] as const)
    test(`in ${stage} asks for ${constant}, and names what has changed and the command`, () => {
      const difference = differenceOf(made(), made({ [stage]: { other: '2' } }));
      assert.equal(difference?.kind, 'raise');
      assert.match(difference.message, new RegExp(`^what ${stage} writes has changed, and ${constant} has not`));
      assert.match(difference.message, new RegExp(`raise ${constant} in shared/job/revisions.ts, then npm run golden`));
      assert.match(difference.message, /Changed: .*other/);
    });

  test('in an early stage asks for its revision alone, whatever follows from it', () => {
    const difference = differenceOf(made(), made({ mapping: { a: '2', b: '1' }, tracking: {}, publishing: {} }));
    assert.match(difference!.message, /raise MAPPING_REVISION .*Changed: a$/);
  });

  test('is told: digests of a raised revision are to be written, whatever they are', () => {
    const raised = { mapping: '4', tracking: '4.1', publishing: '4.1.1' };
    for (const mapping of [{ a: '2' }, { a: '1', b: '1' }] as Digests[]) {
      const difference = differenceOf(made(), made({ mapping }, raised));
      assert.equal(difference?.kind, 'write');
      assert.match(difference.message, /those of mapping revision 3, this is 4: npm run golden/);
    }
  });

  test('of the captures is no change of the software', () => {
    const difference = differenceOf(made(), made({ inputs: 'j', mapping: {} }));
    assert.equal(difference?.kind, 'write');
    assert.match(difference.message, /golden captures have changed/);
  });
});
