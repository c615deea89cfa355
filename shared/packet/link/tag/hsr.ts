/**
 * High-availability seamless redundancy (IEC 62439-3, EtherType 0x892F): path and size, a sequence number, and the
 * EtherType of the frame. The trailer of parallel redundancy (PRP) lies behind the packet, and is no part of it.
 */
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { behindTag } from '../typeorlength.ts';

export const HSR = protocol({
  name: 'HSR',
  // 0x88FB is supervision, of HSR and PRP, and carries no IP.
  etherTypes: [0x892f],
  notes: 'more than Zeek reads, which reads PRP',
  decode: hsr,
});

/** Path and size, sequence number, EtherType. */
const TAG = 6;

function hsr(c: PacketCursor): number {
  return behindTag(c, TAG);
}
