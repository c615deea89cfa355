/** A reader that keeps all bytes in memory. */
import { PARTS, type Parts } from '../check/parts.ts';

const kept: Uint8Array[] = [];

export const parts: Parts = {
  ...PARTS,
  readCapture(source, ...rest) {
    for (let i = 0; i < 20; i++) kept.push(new Uint8Array(64 << 20).fill(1));
    return PARTS.readCapture(source, ...rest);
  },
};
