/** Packets as sound captures, in every form that the formats allow. */
import {
  type BuiltInterface,
  block,
  concat,
  interfaceBlock,
  type PcapOptions,
  packetBlock,
  sectionHeader,
  timestampUnits,
  writePcap,
} from '../../capture/build.ts';
import type { Packet } from '../../job/cutting.ts';
import { PCAP_END_US } from './clocks.ts';
import type { Dice } from './dice.ts';

const RESOLUTIONS = [undefined, 6, 9, 9, 0, 3, 8, 10, 12, 15, 19, 0x80, 0x80 | 10, 0x80 | 20, 0x80 | 32, 0x80 | 63];

/** Whether classic pcap can hold them: one link type, seconds of 32 bits. */
export function fitsPcap(packets: readonly Packet[]): boolean {
  return packets.every(({ us, linkType }) => us < PCAP_END_US && linkType === packets[0].linkType);
}

/** The packets as one sound capture. @returns its bytes, and its form in words */
export function encode(packets: readonly Packet[], dice: Dice): { bytes: Uint8Array; form: string } {
  if (packets.length > 1 && dice.chance(0.05)) {
    const middle = 1 + dice.below(packets.length - 1);
    const [first, second] = [encode(packets.slice(0, middle), dice), encode(packets.slice(middle), dice)];
    return { bytes: concat([first.bytes, second.bytes]), form: `${first.form}, then ${second.form}` };
  }
  return fitsPcap(packets) && dice.chance(0.6) ? pcap(packets, dice) : pcapng(packets, dice);
}

function pcap(packets: readonly Packet[], dice: Dice): { bytes: Uint8Array; form: string } {
  const options: PcapOptions = {
    nano: packets.some(({ ns }) => ns !== 0) || dice.chance(0.2),
    bigEndian: dice.chance(0.3),
    modified: dice.chance(0.05),
    version: dice.pick<[number, number]>([
      [2, 4],
      [2, 4],
      [2, 4],
      [2, 3],
      [2, 2],
    ]),
    snaplen: dice.pick([262_144, 65_535, 0, 0xffffffff, 1_000_000]),
    linkType: packets[0]?.linkType ?? 1,
  };
  // The modified format and the swapped lengths of old versions cannot be combined.
  if (options.modified) options.nano = false;
  const dialect = dice.chance(0.15);
  if (dialect && options.modified) options.more = 12;
  else if (dialect && !options.nano) options.more = dice.pick([4, 8]);
  else if (dialect) options.exchanged = dice.chance(0.5);
  const bytes = writePcap([...packets], options);
  // Nanoseconds under the magic for microseconds.
  if (options.nano && dice.chance(0.1))
    bytes.set(bytes[0] === 0xa1 ? [0xa1, 0xb2, 0xc3, 0xd4] : [0xd4, 0xc3, 0xb2, 0xa1]);
  return { bytes, form: `pcap ${JSON.stringify(options)}` };
}

/** Blocks between packets that readers skip. */
function passedOver(dice: Dice, big: boolean): Uint8Array {
  const type = dice.pick([4, 5, 7, 9, 10, 0x0bad, 0x40000bad, 0x80000001, 0x204, 0x7777]);
  return block(type, dice.bytes(dice.below(60)), big);
}

function pcapng(packets: readonly Packet[], dice: Dice): { bytes: Uint8Array; form: string } {
  const sections = Math.min(dice.weighted([[6, 1] as const, [2, 2] as const, [1, 5] as const]), packets.length || 1);
  const parts: Uint8Array[] = [];
  const bounds = Array.from({ length: sections - 1 }, () => dice.below(packets.length + 1)).sort((a, b) => a - b);
  for (let section = 0; section < sections; section++) {
    const some = packets.slice(bounds[section - 1] ?? 0, bounds[section] ?? packets.length);
    const big = dice.chance(0.3);
    parts.push(sectionHeader(big));
    const interfaces: BuiltInterface[] = [];
    for (const linkType of new Set(some.map((packet) => packet.linkType)))
      for (let copies = dice.chance(0.2) ? 3 : 1; copies > 0; copies--)
        interfaces.push({ linkType, snaplen: 0, ...clockOf(some, dice) });
    for (const one of interfaces) parts.push(interfaceBlock(one, big));
    for (const packet of some) {
      if (dice.chance(0.05)) parts.push(passedOver(dice, big));
      const fitting = interfaces.flatMap((one, i) => (one.linkType === packet.linkType ? [i] : []));
      const number = dice.pick(fitting);
      const simple = number === 0 && packet.origLen === packet.bytes.length && dice.chance(0.05);
      const form = simple ? 'simple' : dice.chance(0.1) ? 'obsolete' : 'enhanced';
      parts.push(packetBlock({ ...packet, interface: number }, interfaces[number], form, big));
    }
  }
  return { bytes: concat(parts), form: `pcapng of ${sections} sections` };
}

/** A unit and an offset in which every time of the packets is a count of at most 64 bits. */
function clockOf(packets: readonly Packet[], dice: Dice): Pick<BuiltInterface, 'tsresol' | 'tsoffset'> {
  const tsresol = packets.some(({ ns }) => ns !== 0) ? 9 : dice.pick(RESOLUTIONS);
  const earliest = packets.reduce((least, { us }) => Math.min(least, us), Number.MAX_SAFE_INTEGER);
  const tsoffset = dice.chance(0.2) ? Math.floor(earliest / 1e6) - dice.below(1000) : undefined;
  const fits = packets.every(({ us, ns }) => {
    const units = timestampUnits(us, ns, tsresol ?? 6, tsoffset);
    return units >= 0n && units < 2n ** 64n;
  });
  return fits ? { tsresol, tsoffset } : { tsresol: 6 };
}
