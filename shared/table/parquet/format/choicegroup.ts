/** Texts of a closed list: a dictionary of those that appear. */
import type { BloomFilter } from './bloomfilter.ts';
import { appendWords, type Bound, type Dictionary, type Extremes, GroupColumn, roomFor } from './groupcolumn.ts';
import { textBound } from './textbound.ts';

const utf8 = new TextEncoder();

export class ChoiceGroup extends GroupColumn {
  /** Place of each value in the list, and once the dictionary is made in that. */
  private members = new Uint32Array(0);
  /** Of the dictionary, which is made first: its texts, and their ranks by their bytes. */
  private texts: Uint8Array[] = [];
  private ranks: number[] = [];
  private readonly chunk: Uint32Array;
  private readonly list: readonly string[];

  /**
   * @param chunk places in the list of a chunk's rows
   * @param list different texts
   */
  constructor(chunk: Uint32Array, list: readonly string[]) {
    super();
    this.chunk = chunk;
    this.list = list;
  }

  protected override take(rows: number, isNull: Uint8Array | undefined): void {
    if (this.members.length < this.count + rows) {
      const more = new Uint32Array(roomFor(this.count + rows));
      more.set(this.members.subarray(0, this.count));
      this.members = more;
    }
    this.count = appendWords(this.members, this.count, 1, this.chunk, rows, isNull);
  }

  override dictionary(): Dictionary {
    const { count, members, list } = this;
    const found = new Uint32Array(list.length);
    const different = placeMembers(members, count, new Int32Array(list.length).fill(-1), found);
    const texts = Array.from(found.subarray(0, different), (member) => utf8.encode(list[member]));
    this.texts = texts;
    this.ranks = new Array<number>(texts.length);
    const order = texts.map((_, at) => at).sort((a, b) => Buffer.compare(texts[a], texts[b]));
    for (const [rank, at] of order.entries()) this.ranks[at] = rank;
    return { size: texts.length, places: members.subarray(0, count), bytes: plainTexts(texts) };
  }

  override plain(): Uint8Array {
    // Without values there is no dictionary page, and nothing to write.
    return new Uint8Array(0);
  }

  override compare(i: number, j: number): number {
    return this.ranks[this.members[i]] - this.ranks[this.members[j]];
  }

  override extremes(which: Uint32Array, count: number, found: Extremes): void {
    const { ranks, members } = this;
    found.least = found.most = which[0];
    for (let k = 1; k < count; k++) {
      const rank = ranks[members[which[k]]];
      if (rank < ranks[members[found.least]]) found.least = which[k];
      if (rank > ranks[members[found.most]]) found.most = which[k];
    }
  }

  override bound(i: number, upper: boolean): Bound | undefined {
    return textBound(this.texts[this.members[i]], upper);
  }

  override addTo(filter: BloomFilter): void {
    for (const text of this.texts) filter.add(text, 0, text.length);
  }
}

/**
 * Replace members by their places in the order in which they first appear.
 *
 * @param places of each member, -1 for those not seen
 * @param found gets the member of each place
 * @returns how many are different
 */
function placeMembers(members: Uint32Array, count: number, places: Int32Array, found: Uint32Array): number {
  let different = 0;
  for (let i = 0; i < count; i++) {
    const member = members[i];
    let place = places[member];
    if (place < 0) {
      place = different++;
      places[member] = place;
      found[place] = member;
    }
    members[i] = place;
  }
  return different;
}

function plainTexts(texts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + 4 + text.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const text of texts) {
    view.setUint32(at, text.length, true);
    bytes.set(text, at + 4);
    at += 4 + text.length;
  }
  return bytes;
}
