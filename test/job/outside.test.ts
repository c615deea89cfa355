/** Packets that ended outside sessions: which count, why, and what can be done. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { outsideOf } from '../../shared/job/outside.ts';
import { INCOMPLETE, remedyOf } from '../../shared/job/remedies.ts';
import { FATES } from '../../shared/packet/fate.ts';
import { rankedCapture } from './rankedcapture.ts';

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

test('there is something to do about every reason', () => {
  for (const reason of [...FATES, INCOMPLETE, 'ethertype_0x1234', 'others'])
    assert.match(remedyOf(reason), /^\w.{20,}$/, reason);
});
