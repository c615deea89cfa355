/** Damaged packets in captures with sound framing. */

import { BY_CODE } from '../../../shared/packet/protocols.ts';
import { writePcap } from '../../capture/build.ts';
import type { Packet } from '../../job/cutting.ts';
import { bytes } from '../../packet/harness.ts';
import type { Dice } from './dice.ts';

/** Those with a decoder; one that is registered and has none, one for private use, one that nobody has registered. */
const LINK_TYPES = [...BY_CODE.flatMap(({ linkTypes }) => (linkTypes === 'others' ? [] : linkTypes)), 195, 147, 65_000];

type Damage = (packet: Packet, dice: Dice, all: readonly Packet[]) => Packet;

const DAMAGES: [number, Damage][] = [
  // Bits anywhere, most of them where headers are.
  [
    6,
    (packet, dice) => {
      const changed = packet.bytes.slice();
      const reach = dice.chance(0.7) ? Math.min(changed.length, 80) : changed.length;
      for (let flips = dice.between(1, 4); flips > 0 && reach > 0; flips--)
        changed[dice.below(reach)] ^= 1 << dice.below(8);
      return { ...packet, bytes: changed };
    },
  ],
  // A field of two bytes at its border: lengths, ports, types, offsets.
  [
    4,
    (packet, dice) => {
      const changed = packet.bytes.slice();
      if (changed.length < 2) return packet;
      const at = dice.below(Math.min(changed.length - 1, 80));
      const value = dice.pick([0, 1, 7, 20, 0x7fff, 0x8000, 0xffff]);
      changed[at] = value >> 8;
      changed[at + 1] = value;
      return { ...packet, bytes: changed };
    },
  ],
  // Cut by a snaplen.
  [3, (packet, dice) => ({ ...packet, bytes: packet.bytes.slice(0, dice.between(1, packet.bytes.length)) })],
  // The beginning of one and the end of another.
  [
    2,
    (packet, dice, all) => {
      const other = dice.pick(all).bytes;
      const joined = bytes(
        packet.bytes.subarray(0, dice.below(packet.bytes.length + 1)),
        other.subarray(dice.below(other.length + 1)),
      );
      const kept = joined.length === 0 ? packet.bytes : joined.subarray(0, 65_535);
      return { ...packet, bytes: kept, origLen: kept.length };
    },
  ],
  [1, (packet, dice) => ({ ...packet, bytes: dice.bytes(dice.between(1, 100)) })],
  [1, (packet, dice) => ({ ...packet, linkType: dice.pick(LINK_TYPES) })],
  // A wrong length on the wire.
  [1, (packet, dice) => ({ ...packet, origLen: packet.bytes.length + dice.below(100_000) })],
  // Payload that is itself a capture: a reader that resynchronizes could mistake it for records.
  [
    2,
    (packet, dice, all) => {
      const some = all.slice(0, dice.between(1, 8)).filter(({ us }) => us < 2 ** 32 * 1e6);
      const shift = dice.pick([0, 1e6, 86_400e6 * 3]);
      const moved = some.map((inner) => ({ ...inner, us: (inner.us + shift) % (2 ** 32 * 1e6) }));
      const file = writePcap(moved).subarray(dice.pick([0, 24]));
      const joined = bytes(packet.bytes.subarray(0, 42), file).subarray(0, 65_535);
      return { ...packet, bytes: joined, origLen: joined.length };
    },
  ],
];

/** The packets with some of them damaged. */
export function damagePackets(packets: readonly Packet[], dice: Dice): Packet[] {
  const share = dice.pick([0.05, 0.2, 0.8]);
  const damaged = packets.map((packet) => {
    if (!dice.chance(share)) return packet;
    const { bytes: changed, ...rest } = dice.weighted(DAMAGES)(packet, dice, packets);
    return { ...rest, bytes: changed, origLen: Math.max(rest.origLen, changed.length) };
  });
  // Doubled, dropped, and in another order.
  if (damaged.length > 1 && dice.chance(0.3)) {
    const at = dice.below(damaged.length);
    const kind = dice.below(3);
    if (kind === 0) damaged.splice(at, 0, damaged[at]);
    else if (kind === 1) damaged.splice(at, 1);
    else return dice.shuffled(damaged);
  }
  return damaged;
}
