/** The numbers that identify the next protocol in a header. protocols.ts fills them from the decoders' descriptions. */
import { FATE_NOT_IP } from './fate.ts';
import type { PacketCursor } from './packetcursor.ts';
import type { Numbers, Protocol } from './protocol.ts';
import { SPACE_ETHER_TYPE, SPACE_IP_PROTOCOL, SPACE_LINK_TYPE, SPACE_PPP } from './undecodednames.ts';

const NONE = ~FATE_NOT_IP;

export class NumberSpace {
  /** For readers. */
  readonly name: string;
  private readonly space: number;
  private readonly codes: Int16Array;
  /** The code of all numbers that lead to no protocol of their own. */
  private rest = -1;

  /** @param space SPACE_* value of its numbers that are not decoded */
  constructor(name: string, bits: number, space: number) {
    this.name = name;
    this.space = space;
    this.codes = new Int16Array(1 << bits).fill(NONE);
  }

  /**
   * The code of the protocol of a number, or the complement of a fate, FATE_NOT_IP by default, if there is none. A
   * number without a protocol of its own is noted in the cursor.
   */
  next(number: number, c: PacketCursor): number {
    const code = this.codes[number];
    if (code < 0 || code === this.rest) c.undecoded(this.space, number);
    return code;
  }

  /** As `next` for numbers that are only looked at: nothing is noted. */
  codeOf(number: number): number {
    return this.codes[number];
  }

  /**
   * Registers the numbers of a protocol; one with 'others' must come last.
   * @throws Error for a number that already leads elsewhere
   */
  enter(numbers: Numbers, { code, name }: Protocol): void {
    if (numbers === 'others') {
      this.rest = code;
      for (let number = 0; number < this.codes.length; number++)
        if (this.codes[number] === NONE) this.codes[number] = code;
      return;
    }
    for (const number of numbers) {
      if (this.codes[number] !== NONE) throw new Error(`${name}: ${this.name} ${number} is another protocol's`);
      this.codes[number] = code;
    }
  }

  /** Gives the numbers that no protocol has entered so far a fate, before one with 'others' takes the rest. */
  refuse(numbers: Iterable<number>, fate: number): void {
    for (const number of numbers) if (this.codes[number] === NONE) this.codes[number] = ~fate;
  }
}

/** LINKTYPE_* of tcpdump.org, and DLT values that old writers used instead. */
export const LINK_TYPES = new NumberSpace('link type', 16, SPACE_LINK_TYPE);
/** IEEE 802. */
export const ETHER_TYPES = new NumberSpace('EtherType', 16, SPACE_ETHER_TYPE);
/** RFC 1661. */
export const PPP_PROTOCOLS = new NumberSpace('PPP protocol', 16, SPACE_PPP);
/** IP protocols and next-header values. */
export const IP_PROTOCOLS = new NumberSpace('IP protocol', 8, SPACE_IP_PROTOCOL);
