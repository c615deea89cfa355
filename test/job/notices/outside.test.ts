/** Packets that ended outside sessions: which count, why, and what can be done. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { outsideOf } from '../../../shared/job/notices/outside.ts';
import { INCOMPLETE, remedyOf } from '../../../shared/job/notices/remedies.ts';
import { FATES } from '../../../shared/packet/fate.ts';
import { rankedCapture } from '../rankedcapture.ts';

test('reasons of all captures are summed, the most frequent first; ARP and what holds nothing of a session do not count', () => {
  const outside = outsideOf([
    rankedCapture('a', { fates: { session: 90, not_ip: 500, teredo_bubble: 3, truncated_IP: 2 } }),
    rankedCapture('b', {
      fates: { session: 90, fragment: 9, unknown_ip_version: 2, truncated_IP: 1 },
      fragmentsIncomplete: 7,
      fragmentsCompleted: 2,
    }),
  ]);
  assert.equal(outside.packets, 12);
  assert.deepEqual(
    outside.reasons.map(({ reason, packets }) => [reason, packets]),
    [
      [INCOMPLETE, 7],
      ['truncated_IP', 3],
      ['unknown_ip_version', 2],
    ],
  );
  assert.match(outside.reasons[1].remedy, /snaplen/);
  assert.deepEqual(outside.captures, []);
});

test('a capture more than half of whose packets are outside is named, however small it is beside the others', () => {
  const outside = outsideOf([
    rankedCapture('large', { fates: { session: 1_000_000 } }),
    rankedCapture('half', { fates: { session: 5, truncated_IP: 5 } }),
    rankedCapture('most', { fates: { session: 9, truncated_IP: 4, unknown_ip_version: 6 } }),
    rankedCapture('empty', {}),
  ]);
  assert.deepEqual(outside.captures, [{ capture: 'most', packets: 19, outside: 10, reason: 'unknown_ip_version' }]);
});

test('what is not decoded is told by the number that says what it is, and of packets without IP that which may hold it', () => {
  const { packets, reasons, captures } = outsideOf([
    rankedCapture('a', {
      fates: { session: 10, not_ip: 100, unknown_link_type: 30 },
      // ARP and LLDP; MACsec; a number that has no name.
      etherTypes: { 2054: 60, 35020: 8, 35045: 25, 30583: 7 },
      linkTypes: { 230: 29 },
    }),
  ]);
  assert.equal(packets, 62);
  assert.deepEqual(
    reasons.map(({ reason, packets }) => [reason.replace(/^(link_type_\d+)_.*/, '$1'), packets]),
    [
      ['link_type_230', 29],
      ['ethertype_0x88e5_MACsec', 25],
      ['ethertype_0x7777', 7],
      ['unknown_link_type', 1],
    ],
  );
  assert.match(reasons[1].remedy, /encrypted/);
  assert.deepEqual(captures, []);
});

test('a number that another fate has noted does not make more packets than there are', () => {
  const { packets } = outsideOf([
    rankedCapture('a', { fates: { session: 1, non_ip_packet_in_encap: 9 }, etherTypes: { 30583: 9 } }),
  ]);
  assert.equal(packets, 9);
});

test('there is something to do about every reason', () => {
  for (const reason of [...FATES, INCOMPLETE, 'ethertype_0x1234', 'others'])
    assert.match(remedyOf(reason), /^\w.{20,}$/, reason);
});

test('a header that the capture cut asks for a larger snaplen, one that its packet cut does not', () => {
  assert.match(remedyOf('internally_truncated_header'), /snaplen/);
  assert.doesNotMatch(remedyOf('truncated_header'), /snaplen/);
});
