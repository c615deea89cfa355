/** A case of the fuzzer: some captures, made from a seed and a number, and how they are examined. */
import { MAX_US } from '../../../shared/capture/facts.ts';
import type { Packet } from '../../job/cutting.ts';
import { tunnelTraffic } from '../../job/tunneltraffic.ts';
import type { Bases } from './bases.ts';
import { otherClock, PCAP_END_US } from './clocks.ts';
import { compress } from './compression.ts';
import { conversations } from './conversations.ts';
import { Dice } from './dice.ts';
import { encode } from './encode.ts';
import { damageFraming } from './framedamage.ts';
import { belowLinkLayers } from './linklayers.ts';
import { damagePackets } from './packetdamage.ts';

/** Input of an examination: all checks of a case follow from it. */
export interface FuzzCase {
  captures: Uint8Array[];
  keyVlan: boolean;
  keyVni: boolean;
  /** Seed of variations that must not change the result: chunks, buckets, order, names, sizes. */
  variation: number;
}

export interface MadeCase extends FuzzCase {
  /** How each capture was made. */
  steps: string[];
}

/** Uncompressed bytes that a capture of a case has at most, so that slowness is not caused by size. */
const MOST_BYTES = 400_000;

/** Packets to begin with. */
async function packetsFor(dice: Dice, bases: Bases): Promise<Packet[]> {
  const source = dice.below(10);
  let packets: Packet[];
  if (source < 3) packets = conversations(dice);
  else if (source < 4) packets = belowLinkLayers(dice);
  else if (source < 5) packets = tunnelTraffic(dice.unit, dice.between(1, 6));
  else if (source < 6) packets = await bases.generated(dice);
  else packets = await bases.captured(dice);
  return packets.slice(0, 120);
}

/** A stream of packets as the captures of a case: whole, cut, or twice. */
function piecesOf(packets: Packet[], dice: Dice): Packet[][] {
  const kind = dice.below(10);
  if (kind < 5) return [packets];
  if (kind < 6) return [packets, packets];
  const pieces: Packet[][] = [];
  let from = 0;
  for (let left = dice.between(2, 4); left > 0; left--) {
    const to = left === 1 ? packets.length : dice.between(from, packets.length);
    pieces.push(packets.slice(from, to));
    from = to;
  }
  // As from two sensors on one line: some packets are in two captures.
  if (dice.chance(0.2)) pieces.push(dice.pick(pieces));
  return pieces;
}

/** Makes a case: the same for the same seed, number and bases. */
export async function makeCase(seed: number, number: number, bases: Bases): Promise<MadeCase> {
  const dice = new Dice(seed, number);
  const made: MadeCase = {
    captures: [],
    steps: [],
    keyVlan: dice.chance(0.2),
    keyVni: dice.chance(0.2),
    variation: dice.below(2 ** 32),
  };
  let packets = await packetsFor(dice, bases);
  const before: string[] = [];
  if (packets.length > 0 && dice.chance(0.5)) {
    const { packets: retimed, clock } = otherClock(packets, dice, dice.chance(0.5) ? PCAP_END_US : MAX_US);
    packets = retimed;
    before.push(`clock ${clock}`);
  }
  if (packets.length > 0 && dice.chance(0.5)) {
    packets = damagePackets(packets, dice);
    before.push('packets damaged');
  }
  for (const piece of piecesOf(packets, dice)) {
    const steps = [...before];
    let bytes: Uint8Array;
    if (dice.chance(0.1)) {
      bytes = bases.file(dice);
      steps.splice(0, steps.length, 'a capture as found');
    } else {
      const encoded = encode(piece, dice);
      bytes = encoded.bytes;
      steps.push(encoded.form);
    }
    if (dice.chance(0.45))
      for (let times = dice.weighted([[6, 1] as const, [3, 2] as const, [1, 6] as const]); times > 0; times--) {
        const damaged = damageFraming(bytes, dice, encode(packets, dice).bytes);
        bytes = damaged.bytes.subarray(0, MOST_BYTES);
        steps.push(damaged.done);
      }
    if (dice.chance(0.2)) {
      const compressed = compress(bytes, dice);
      bytes = compressed.bytes;
      steps.push(compressed.done);
    }
    made.captures.push(bytes);
    made.steps.push(steps.join('; '));
  }
  return made;
}
