/** The datagram in all frames, and numbers as hex. */
import { be16, ipv4, text, udp, withChecksum } from '../harness.ts';

export const datagram = withChecksum(ipv4(udp(1000, 53, text('query'))));

/** A frame: what it shows, its link type, its bytes. */
export type Layer = [name: string, linkType: number, frame: Uint8Array];

export function hexOf(value: number): string {
  return Buffer.from(be16(value)).toString('hex');
}

export function hexOfLittle(value: number): string {
  return Buffer.from(be16(value).reverse()).toString('hex');
}
