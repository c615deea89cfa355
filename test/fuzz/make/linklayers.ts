/** Conversations below every link layer, tag and header before IP that is decoded, several of them on top of each other. */
import type { Packet } from '../../job/cutting.ts';
import { bytes } from '../../packet/harness.ts';
import { datagram, LAYERS } from '../../packet/layers.ts';
import { conversations } from './conversations.ts';
import type { Dice } from './dice.ts';

const ETHERNET = 1;
/** An Ethernet header without tags, and the type that it has before IPv4. */
const HEADER = 14;

/** What stands before the packet in a frame of each layer, by link type. */
const BEFORE_IP = LAYERS.map(([, linkType, frame]) => ({
  linkType,
  header: frame.subarray(0, Buffer.from(frame).indexOf(datagram)),
}));
/** Those of Ethernet, between its addresses and IP. */
const TAGS = BEFORE_IP.filter(({ linkType }) => linkType === ETHERNET).map(({ header }) => header.subarray(HEADER - 2));

/** The packets of conversations, each behind a header of the same few. */
export function belowLinkLayers(dice: Dice): Packet[] {
  const headers = Array.from({ length: dice.between(1, 3) }, () => dice.pick(BEFORE_IP));
  const tag = dice.chance(0.3) ? dice.pick(TAGS) : undefined;
  return conversations(dice).map((packet): Packet => {
    const { linkType, header } = dice.pick(headers);
    const inner = packet.bytes.subarray(HEADER);
    const tagged = tag !== undefined && linkType === ETHERNET;
    const before = tagged ? bytes(header.subarray(0, HEADER - 2), tag) : header;
    const content = bytes(before, inner);
    return { ...packet, bytes: content, origLen: content.length, linkType };
  });
}
