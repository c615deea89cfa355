/**
 * Abnormal clocks: over the whole range that readers accept, back and forth, two in one capture, every second time 0,
 * and at the limits of the widths that could hold a time.
 */
import { MAX_US } from '../../../shared/capture/facts.ts';
import type { Packet } from '../../job/cutting.ts';
import type { Dice } from './dice.ts';

const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;
/** The first microsecond that classic pcap cannot represent: its seconds have 32 bits. */
export const PCAP_END_US = 2 ** 32 * SECOND;

/** Where a width ends: 31 and 32 bits of seconds, 31 bits of 2^20 microseconds, what a double holds exactly. */
const BORDERS = [0, 2 ** 31 * SECOND, 2 ** 51, 2 ** 32 * SECOND, 2 ** 52, MAX_US];

type Clock = (packets: readonly Packet[], dice: Dice, end: number) => number[];

const CLOCKS: Record<string, Clock> = {
  shifted: (packets, dice, end) => {
    const span = packets.reduce((most, { us }) => Math.max(most, us - packets[0].us), 0);
    const base = dice.below(Math.max(1, end - span));
    return packets.map(({ us }) => base + (us - packets[0].us));
  },
  anywhere: (packets, dice, end) => packets.map(() => dice.below(end)),
  'at a border': (packets, dice, end) => {
    const border = dice.pick(BORDERS.filter((us) => us < end + DAY));
    const step = dice.pick([1, SECOND, 2 ** 20, 3600 * SECOND]);
    return packets.map(() => border + dice.between(-3, 3) * step);
  },
  'uptime and wall': (packets, dice) => {
    const uptime = dice.below(1000 * DAY);
    return packets.map(({ us }, i) => (i % 2 === 0 ? us : uptime + i * SECOND));
  },
  'two at random': (packets, dice, end) => {
    const other = dice.below(end);
    return packets.map(({ us }, i) => (dice.chance(0.5) ? us : other + i * 1000));
  },
  'every second one 0': (packets) => packets.map(({ us }, i) => (i % 2 === 0 ? us : 0)),
  stopped: (packets, dice, end) =>
    packets.map(
      (
        (us) => () =>
          us
      )(dice.below(end)),
    ),
  backwards: (packets) => packets.map((_, i) => packets[packets.length - 1 - i].us),
  'days apart': (packets, dice, end) => {
    const step = dice.between(1, 400) * DAY;
    const base = dice.below(end);
    return packets.map((_, i) => (base + i * step) % end);
  },
  'one jump': (packets, dice, end) => {
    const at = dice.below(packets.length + 1);
    const to = dice.below(end);
    return packets.map(({ us }, i) => (i < at ? us : to + i * 1000));
  },
};

/** The same packets at other times. @returns the packets, and what the clock was */
export function otherClock(packets: readonly Packet[], dice: Dice, end: number): { packets: Packet[]; clock: string } {
  const clock = dice.pick(Object.keys(CLOCKS));
  const times = CLOCKS[clock](packets, dice, end);
  const inRange = (us: number): number => Math.min(Math.max(0, us), end - 1);
  return { packets: packets.map((packet, i) => ({ ...packet, us: inRange(times[i]) })), clock };
}
