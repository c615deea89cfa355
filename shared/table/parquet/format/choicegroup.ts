/** Texts of a closed list: a dictionary of those that appear. */
import type { BloomFilter } from './bloomfilter.ts';
import { type Bound, type Dictionary, GroupColumn, roomFor } from './groupcolumn.ts';
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
    if (isNull === undefined) {
      this.members.set(this.chunk.subarray(0, rows), this.count);
      this.count += rows;
    } else for (let i = 0; i < rows; i++) if (isNull[i] !== 1) this.members[this.count++] = this.chunk[i];
  }

  override dictionary(): Dictionary {
    const { count, members, list } = this;
    const places = new Map<number, number>();
    const texts: Uint8Array[] = [];
    let last = -1;
    let place = 0;
    for (let i = 0; i < count; i++) {
      const member = members[i];
      if (member !== last) {
        last = member;
        const known = places.get(member);
        if (known === undefined) {
          place = texts.length;
          places.set(member, place);
          texts.push(utf8.encode(list[member]));
        } else place = known;
      }
      members[i] = place;
    }
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

  override bound(i: number, upper: boolean): Bound | undefined {
    return textBound(this.texts[this.members[i]], upper);
  }

  override addTo(filter: BloomFilter, i: number): void {
    const text = this.texts[this.members[i]];
    filter.add(text, 0, text.length);
  }
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
