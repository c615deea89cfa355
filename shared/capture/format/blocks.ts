/**
 * The frame of pcapng blocks (draft-ietf-opsawg-pcapng, section 3.1): the block types, how long a block may be, and how
 * a reader resynchronizes after damage. A block has its length before and after its body; bytes where the two agree, of
 * a registered type, followed by more such blocks, are blocks. Unregistered types are never taken as proof.
 *
 * The memory needed is bounded by SCAN_WINDOW beyond the candidate, whatever lengths the bytes claim.
 */

import { RECORD_LIMIT } from '../facts.ts';

/** Block types, as their 32-bit numbers. */
export const TYPE = {
  section: 0x0a0d0d0a,
  interface: 1,
  obsolete: 2,
  simple: 3,
  names: 4,
  statistics: 5,
  enhanced: 6,
} as const;

/** Bytes a block of packets, an interface or a section may take where no interface has an uncommon snaplen: the packet and a mebibyte of options. */
export const BLOCK_LIMIT = RECORD_LIMIT + 1024 * 1024;
/** Most bytes beyond a candidate that a chain of blocks may need. */
const SCAN_WINDOW = 2 * 1024 * 1024;
/** Bytes of the smallest block. */
const SMALLEST = 12;

/** Registered types under 0x300: those of TYPE, IRIG, ARINC 429, systemd journal, secrets, Hone, Sysdig. */
const REGISTERED = new Uint8Array(0x300);
for (const type of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x101, 0x102]) REGISTERED[type] = 1;
for (let type = 0x201; type <= 0x221; type++) REGISTERED[type] = 1;
const CUSTOM = 0x0bad;
const CUSTOM_NOT_TO_COPY = 0x40000bad;

/**
 * Whether blocks of this type are read whole, so that their length is bounded. Others may have any length and are
 * skipped.
 */
export function readWhole(type: number): boolean {
  return type === TYPE.section || (type >= TYPE.interface && type <= TYPE.simple) || type === TYPE.enhanced;
}

/** Whether a type is registered. */
export function registered(type: number): boolean {
  if (type < REGISTERED.length) return REGISTERED[type] === 1;
  return type === TYPE.section || type === CUSTOM || type === CUSTOM_NOT_TO_COPY;
}

/** `find` found nothing. */
export const NONE = -1;
/** `find` needs more bytes. */
export const MORE = -2;

/** Looks for sound blocks. */
export class BlockScan {
  /** After 'more' or MORE: index up to which bytes are needed. */
  wanted = 0;
  /** After MORE: the index that needs more bytes to be judged. */
  candidate = 0;
  /** The last chain was sound as far as the capture goes, which ends inside a block. */
  cut = false;

  /**
   * The first index in from..to (to excluded) where `count` sound blocks begin, or
   * fewer that end with the capture.
   *
   * @param little byte order of the section
   * @param limit bytes a block may take
   * @returns the index, NONE, or MORE when bytes up to `wanted` are needed to judge `candidate`
   */
  find(
    view: DataView,
    from: number,
    to: number,
    end: number,
    ended: boolean,
    little: boolean,
    limit: number,
    count: number,
  ): number {
    const last = Math.min(to, end - SMALLEST + 1);
    for (let at = from; at < last; at++) {
      const verdict = this.chain(view, at, end, ended, little, limit, count);
      if (verdict === 'sound') return at;
      if (verdict === 'more') {
        this.candidate = at;
        return MORE;
      }
    }
    return NONE;
  }

  /**
   * Whether `count` sound blocks, or fewer and then the end of the capture, begin at `at`.
   *
   * @param trailers false to follow the lengths before the bodies alone
   */
  chain(
    view: DataView,
    at: number,
    end: number,
    ended: boolean,
    little: boolean,
    limit: number,
    count: number,
    trailers = true,
  ): 'sound' | 'broken' | 'more' {
    let pos = at;
    this.cut = false;
    for (let sound = 0; sound < count; sound++) {
      if (pos === end && ended) return 'sound';
      let wanted = pos + SMALLEST;
      if (wanted <= end) {
        const type = view.getUint32(pos, little);
        if (!registered(type)) return 'broken';
        if (type === TYPE.section) {
          const magic = view.getUint32(pos + 8, true);
          if (magic !== 0x1a2b3c4d && magic !== 0x4d3c2b1a) return 'broken';
          little = magic === 0x1a2b3c4d;
        }
        const total = view.getUint32(pos + 4, little);
        if (total < SMALLEST || total > limit || total % 4 !== 0) return 'broken';
        wanted = pos + total;
        if (wanted <= end) {
          if (trailers && view.getUint32(wanted - 4, little) !== total) return 'broken';
          if (type === TYPE.enhanced && (total < 32 || view.getUint32(pos + 20, little) > total - 32)) return 'broken';
          pos = wanted;
          continue;
        }
      }
      if (ended || wanted - at > SCAN_WINDOW) {
        this.cut = true;
        return sound > 0 ? 'sound' : 'broken';
      }
      this.wanted = wanted;
      return 'more';
    }
    return 'sound';
  }
}
