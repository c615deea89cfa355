/**
 * Looks for the beginning of another capture behind damage: `cat a b`, where a was cut off. There a file header counts
 * only with sound records behind it, and a section header with its blocks, for a packet may hold the bytes of a capture.
 */

import { BLOCK_LIMIT, BlockScan, MORE, NONE } from './blocks.ts';
import { DialectChoice } from './dialect.ts';
import { beginsPart, FILE_HEADER, isPcapMagic, isPcapngMagic, PART_BYTES, pcapFileHeader } from './fileheader.ts';

/** Sound records, or blocks with the section header, behind a header that is believed. */
const RECORDS = 4;
const BLOCKS = 3;
/** Blocks that are followed to where the bytes end, where there is evidence for another reading of them. */
const EXACT_BLOCKS = 64;

export class PartSearch {
  /** After MORE: index up to which bytes are needed, and the index in question. */
  wanted = 0;
  candidate = 0;
  private readonly choice = new DialectChoice();
  private readonly scan = new BlockScan();

  /**
   * The first index in from..to (to excluded) where another capture begins, NONE, or MORE.
   *
   * @param exact there is evidence for the current place: a capture must end exactly where the bytes do
   */
  find(view: DataView, from: number, to: number, end: number, ended: boolean, exact: boolean): number {
    const last = Math.min(to, end - PART_BYTES + 1);
    for (let at = from; at < last; at++) {
      const magic = view.getUint32(at);
      if (!(isPcapMagic(magic) || isPcapngMagic(magic)) || !beginsPart(view, at, end)) continue;
      const verdict = isPcapngMagic(magic)
        ? this.section(view, at, end, ended, exact)
        : this.capture(view, at, end, ended, exact);
      if (verdict === 'sound') return at;
      if (verdict === 'more') {
        this.candidate = at;
        return MORE;
      }
    }
    return NONE;
  }

  private section(
    view: DataView,
    at: number,
    end: number,
    ended: boolean,
    exact: boolean,
  ): 'sound' | 'broken' | 'more' {
    const { scan } = this;
    const verdict = scan.chain(view, at, end, ended, true, BLOCK_LIMIT, exact ? EXACT_BLOCKS : BLOCKS);
    if (verdict === 'more') this.wanted = scan.wanted;
    return exact && scan.cut ? 'broken' : verdict;
  }

  private capture(
    view: DataView,
    at: number,
    end: number,
    ended: boolean,
    exact: boolean,
  ): 'sound' | 'broken' | 'more' {
    const first = at + FILE_HEADER;
    if (first > end) {
      this.wanted = first;
      return ended ? 'broken' : 'more';
    }
    const { choice } = this;
    if (choice.choose(view, first, end, ended, pcapFileHeader(view, at)) === undefined) {
      this.wanted = choice.wanted;
      return 'more';
    }
    return (choice.sound >= RECORDS && !exact) || (choice.sound > 0 && choice.whole) ? 'sound' : 'broken';
  }
}
