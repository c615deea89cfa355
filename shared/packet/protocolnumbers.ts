/**
 * The numbers by which a header names what follows it. Which protocol stands behind which
 * number is entered by protocols.ts, from what the decoders' files say.
 */
import { FATE_NOT_IP } from './fate.ts';
import type { Numbers, Protocol } from './protocol.ts';

const NONE = ~FATE_NOT_IP;

export class NumberSpace {
  /** For readers. */
  readonly name: string;
  private readonly codes: Int16Array;

  constructor(name: string, bits: number) {
    this.name = name;
    this.codes = new Int16Array(1 << bits).fill(NONE);
  }

  /** The code of the protocol behind a number of this space, or the complement of FATE_NOT_IP where there is none. */
  next(number: number): number {
    return this.codes[number];
  }

  /**
   * Enters the numbers of a protocol: those that are every other one's last of all.
   * @throws Error for a number that already leads elsewhere
   */
  enter(numbers: Numbers, { code, name }: Protocol): void {
    if (numbers === 'others') {
      for (let number = 0; number < this.codes.length; number++)
        if (this.codes[number] === NONE) this.codes[number] = code;
      return;
    }
    for (const number of numbers) {
      if (this.codes[number] !== NONE) throw new Error(`${name}: ${this.name} ${number} is another protocol's`);
      this.codes[number] = code;
    }
  }
}

/** LINKTYPE_* of tcpdump.org, and what old writers put in their place. */
export const LINK_TYPES = new NumberSpace('link type', 16);
/** IEEE 802. */
export const ETHER_TYPES = new NumberSpace('EtherType', 16);
/** RFC 1661. */
export const PPP_PROTOCOLS = new NumberSpace('PPP protocol', 16);
/** IP protocols and next-header values. */
export const IP_PROTOCOLS = new NumberSpace('IP protocol', 8);
