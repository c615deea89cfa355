/**
 * Conversations of a few packets each, of every protocol with rules of its own in the tracker: TCP with handshakes,
 * data, holes, repeats and every end; DNS and NTP; ICMP of both versions; SCTP; datagrams in fragments that overlap,
 * repeat or never come; stacks of VLANs and of tunnels.
 */
import type { Packet } from '../../job/cutting.ts';
import { be16, be32, bytes, ethernet, ipv4, ipv6, tcp, udp, V6_ONE, V6_TWO } from '../../packet/harness.ts';
import type { Dice } from './dice.ts';

const FIN = 1;
const SYN = 2;
const RST = 4;
const PSH = 8;
const ACK = 16;

const PORTS = [21, 22, 23, 53, 80, 123, 443, 513, 1024, 3544, 4789, 5353, 6081, 40_000, 65_535];

/** A packet over IP on its way from one host to the other. */
type Carrier = (payload: Uint8Array, proto: number, reply: boolean) => Uint8Array;

function carrier(dice: Dice): Carrier {
  const last = dice.between(1, 3);
  if (dice.chance(0.2)) {
    return (payload, proto, reply) =>
      ethernet('86dd', ipv6(payload, proto, reply ? V6_TWO : V6_ONE, reply ? V6_ONE : V6_TWO));
  }
  const tags = dice.chance(0.15) ? `8100 000${last} `.repeat(dice.between(1, 3)) : '';
  return (payload, proto, reply) =>
    ethernet(
      `${tags}0800`,
      ipv4(payload, { proto, src: `10.0.0.${reply ? 9 : last}`, dst: `10.0.0.${reply ? last : 9}` }),
    );
}

/** A TCP connection whose ends follow the protocol, more or less. */
function tcpConversation(dice: Dice, carry: Carrier, emit: (frame: Uint8Array) => void): void {
  const ports = [dice.pick(PORTS), dice.pick(PORTS)];
  const seq = [dice.word(), dice.word()];
  const say = (reply: number, flags: number, length: number, skip = 0): void => {
    const header = { seq: (seq[reply] + skip) >>> 0, ack: flags === SYN ? 0 : seq[reply ^ 1], flags, window: 1000 };
    const payload = new Uint8Array(length).fill(0x61);
    emit(carry(tcp(ports[reply], ports[reply ^ 1], payload, header), 6, reply === 1));
    if (skip !== 0) return;
    seq[reply] = (seq[reply] + length + ((flags & (SYN | FIN)) === 0 ? 0 : 1)) >>> 0;
  };
  if (dice.chance(0.8)) say(0, SYN, 0);
  if (dice.chance(0.8)) say(1, SYN | ACK, 0);
  if (dice.chance(0.8)) say(0, ACK, 0);
  for (let turns = dice.below(8); turns > 0; turns--) {
    const side = dice.below(2);
    const length = dice.pick([0, 1, 10, 100, 600]);
    // Holes, repeats and windows far off: the distance of the segment from its place.
    const skip = dice.chance(0.25) ? dice.pick([-length, -1, 1, 700, 0x7fffffff, dice.word()]) : 0;
    say(side, dice.pick([ACK, PSH | ACK, 0, dice.below(512)]), length, skip);
  }
  const end = dice.below(5);
  if (end < 2) say(end, FIN | ACK, 0);
  if (end === 1) say(0, FIN | ACK, 0);
  if (end === 2) say(dice.below(2), RST | ACK, 0);
  if (dice.chance(0.2)) say(0, SYN, 0);
}

function udpConversation(dice: Dice, carry: Carrier, emit: (frame: Uint8Array) => void): void {
  const ports = [dice.between(1024, 65_535), dice.pick(PORTS)];
  for (let turns = dice.between(1, 5); turns > 0; turns--) {
    const reply = dice.below(2);
    const payload = dice.bytes(dice.pick([0, 1, 12, 48, 300]));
    emit(carry(udp(ports[reply], ports[reply ^ 1], payload), 17, reply === 1));
  }
}

/** ICMP, ICMPv6, SCTP and a protocol without ports. */
function otherConversation(dice: Dice, carry: Carrier, emit: (frame: Uint8Array) => void): void {
  const proto = dice.pick([1, 58, 132, 89, 50, 0]);
  for (let turns = dice.between(1, 4); turns > 0; turns--) {
    const type = dice.pick([0, 3, 8, 11, 13, 128, 129, 133, 135, 136]);
    const body =
      proto === 132
        ? bytes(be16(5000), be16(6000), be32(1), be32(0), dice.bytes(16))
        : bytes([type, dice.below(4), 0, 0], dice.bytes(dice.between(4, 60)));
    emit(carry(body, proto, dice.chance(0.5)));
  }
}

/** A datagram in pieces: out of order, overlapping, doubled, or with one missing. */
function fragments(dice: Dice, emit: (frame: Uint8Array) => void): void {
  const whole = udp(dice.pick(PORTS), dice.pick(PORTS), dice.bytes(dice.between(40, 400)));
  const size = dice.pick([8, 24, 64, 200]);
  const id = dice.below(3);
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < whole.length; offset += size) {
    const length = dice.chance(0.1) ? size + 8 : size;
    const more = offset + length < whole.length;
    const body = whole.subarray(offset, offset + length);
    if (dice.chance(0.7)) pieces.push(ethernet('0800', ipv4(body, { id, offset, more, src: '10.0.0.7' })));
    else pieces.push(ethernet('86dd', ipv6(bytes([17, 0], be16(offset | (more ? 1 : 0)), be32(id), body), 44)));
  }
  if (dice.chance(0.2)) pieces.splice(dice.below(pieces.length), 1);
  if (dice.chance(0.2) && pieces.length > 0) pieces.push(dice.pick(pieces));
  for (const piece of dice.chance(0.4) ? dice.shuffled(pieces) : pieces) emit(piece);
}

/** More headers than are unpacked. */
function deepStack(dice: Dice, emit: (frame: Uint8Array) => void): void {
  let packet: Uint8Array = ipv4(udp(1, 2, dice.bytes(8)));
  for (let depth = dice.between(1, 12); depth > 0; depth--) {
    const kind = dice.below(3);
    if (kind === 0) packet = ipv4(packet, { proto: 4 });
    else if (kind === 1) packet = ipv4(bytes('20000800', be32(depth), packet), { proto: 47 });
    else packet = ipv4(udp(50_000, 4789, bytes('08000000 00000100', ethernet('0800', packet))));
  }
  const tags = dice.chance(0.3) ? '8100 0001 '.repeat(dice.between(1, 60)) : '';
  emit(ethernet(`${tags}0800`, packet));
}

/** Packets of some conversations, mixed, a few milliseconds to minutes apart. */
export function conversations(dice: Dice): Packet[] {
  const streams: Uint8Array[][] = [];
  for (let count = dice.between(1, 5); count > 0; count--) {
    const frames: Uint8Array[] = [];
    const emit = (frame: Uint8Array): void => void frames.push(frame);
    const carry = carrier(dice);
    const kind = dice.below(10);
    if (kind < 4) tcpConversation(dice, carry, emit);
    else if (kind < 6) udpConversation(dice, carry, emit);
    else if (kind < 7) otherConversation(dice, carry, emit);
    else if (kind < 9) fragments(dice, emit);
    else deepStack(dice, emit);
    streams.push(frames);
  }
  const packets: Packet[] = [];
  const step = dice.pick([0, 1, 1000, 1_000_000, 70_000_000]);
  let us = 1_700_000_000_000_000;
  while (streams.some((stream) => stream.length > 0)) {
    const frame = dice.pick(streams.filter((stream) => stream.length > 0)).shift()!;
    us += dice.below(step + 1);
    packets.push({ us, ns: 0, bytes: frame, origLen: frame.length, linkType: 1 });
  }
  return packets;
}
