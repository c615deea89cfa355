/** Captures years away from the others, and the span of all packets. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { clocksApart, packetSpan } from '../../../shared/job/notices/clocks.ts';
import { rankedCapture } from '../rankedcapture.ts';

const DAY = 86_400e6;
const YEAR_2023 = 1_700_000_000e6;
const hour = (name: string, first: number, packets = 10) =>
  rankedCapture(name, { first, last: first + 3600e6, fates: { session: packets } });
const apart = (...captures: Parameters<typeof clocksApart>[0]): string[] =>
  clocksApart(captures).map(({ capture }) => capture);

test('a capture whose clock was not set is named with its times, in whatever order captures stand', () => {
  const lost = rankedCapture('lost.pcap', { first: 12e6, last: 72e6, fates: { session: 5000 } });
  const others = [hour('a', YEAR_2023), hour('b', YEAR_2023 + DAY), hour('c', YEAR_2023 + 300 * DAY)];
  const told = {
    capture: 'lost.pcap',
    firstPacket: '1970-01-01T00:00:12.000000000Z',
    lastPacket: '1970-01-01T00:01:12.000000000Z',
  };
  assert.deepEqual(clocksApart([lost, ...others]), [told]);
  assert.deepEqual(clocksApart([...others.toReversed(), lost]), [told]);
});

test('years of captures without a gap of a year are one group, and so is a single capture', () => {
  const archive = Array.from({ length: 12 }, (_, n) => hour(`${n}`, YEAR_2023 + n * 364 * DAY));
  assert.deepEqual(apart(...archive), []);
  assert.deepEqual(apart(hour('alone', 0)), []);
  assert.deepEqual(apart(), []);
});

test('of two groups that of fewer captures stands apart, then that of fewer packets, then the earlier one', () => {
  const late = YEAR_2023 + 400 * DAY;
  assert.deepEqual(apart(hour('a', YEAR_2023), hour('b', YEAR_2023), hour('c', late, 9999)), ['c']);
  assert.deepEqual(apart(hour('a', YEAR_2023, 11), hour('b', late, 10)), ['b']);
  assert.deepEqual(apart(hour('b', late), hour('a', YEAR_2023)), ['a']);
});

test('an archive of several times, none of which has half of the captures, names none', () => {
  const archive = Array.from({ length: 8 }, (_, n) => hour(`${n}`, YEAR_2023 + n * 550 * DAY));
  assert.deepEqual(apart(...archive), []);
});

test('a clock that jumps within a capture is told, and is no bridge between others', () => {
  const jump = rankedCapture('jump', { first: 0, last: YEAR_2023, fates: { session: 2 } });
  assert.deepEqual(apart(hour('old', DAY), jump, hour('a', YEAR_2023), hour('b', YEAR_2023)), ['old', 'jump']);
});

test('captures without packets have no time', () => {
  const empty = rankedCapture('empty', {});
  assert.deepEqual(apart(empty, hour('a', YEAR_2023)), []);
  assert.deepEqual(packetSpan([empty]), { firstPacket: null, lastPacket: null });
});

test('the first and last packet are those of all captures, to the nanosecond', () => {
  const [a, b] = [hour('a', YEAR_2023), hour('b', YEAR_2023)];
  b.facts.firstNs = 5;
  b.facts.lastNs = 7;
  const span = { firstPacket: '2023-11-14T22:13:20.000000000Z', lastPacket: '2023-11-14T23:13:20.000000007Z' };
  assert.deepEqual(packetSpan([a, b]), span);
  assert.deepEqual(packetSpan([b, a]), span);
});
