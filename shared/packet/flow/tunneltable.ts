/**
 * The tunnel table: dense numbers for tunnels (tunnellayers.ts), as flowtable.ts has them for flows. A tunnelled packet
 * costs one lookup and no object.
 */
import { int32, put32 } from '../../algorithm/bytes.ts';
import {
  LAYER_DESTINATION,
  LAYER_HAS_ID,
  LAYER_ID,
  LAYER_SOURCE,
  LAYER_V6,
  LAYER_WORDS,
  MAX_LAYERS,
} from '../tunnellayers.ts';
import { draw, hashOfWords } from './keyhash.ts';

/** Words of an entry: the number of layers, then the layers, then zeros. */
const ENTRY_WORDS = 1 + MAX_LAYERS * LAYER_WORDS;
/** This process's random numbers for the hash of the layers. */
const DRAWN = draw(MAX_LAYERS * LAYER_WORDS);
/** The most bytes that `put` writes. */
export const MAX_TUNNEL_BYTES = 1 + MAX_LAYERS * (1 + 32 + 4);

/** A stable hash of a tunnel's words: digests of captures contain it. */
function hashOfContent(words: ArrayLike<number>, layers: number, at: number): number {
  let h = layers;
  const end = at + layers * LAYER_WORDS;
  for (let i = at; i < end; i++) h = Math.imul(h ^ words[i], 0x9e3779b1) ^ (h >>> 15);
  return h ^ (h >>> 13);
}

/** Tunnels with dense numbers 1, 2, 3, ... in order of first lookup; 0 is none. */
export class TunnelTable {
  /** The largest number in use. */
  count = 0;
  private words = new Uint32Array(4 * ENTRY_WORDS);
  /** By number: the hash of this process. */
  private hashes = new Int32Array(4);
  /** By number: the stable hash. */
  private contents = new Int32Array(4);
  private readonly drawn: Int32Array;
  /** Tunnel numbers by hash, 0 = free. */
  private slots = new Uint32Array(8);
  private readonly scratch = new Uint32Array(MAX_LAYERS * LAYER_WORDS);

  /** @param drawn random numbers of the hash for MAX_LAYERS * LAYER_WORDS words; tests pass their own */
  constructor(drawn: Int32Array = DRAWN) {
    this.drawn = drawn;
  }

  /**
   * Remove every tunnel, keep the memory, but not many more slots than were needed. Tables are cleared for each joined
   * datagram: one with thousands of tunnels must not slow down all that follow.
   */
  clear(): void {
    if (this.count === 0) return;
    if (this.slots.length > Math.max(64, this.count * 16)) this.slots = new Uint32Array(64);
    else this.slots.fill(0);
    this.count = 0;
  }

  /** Slots that `clear` would have to empty, for tests. */
  get size(): number {
    return this.slots.length;
  }

  /** The number of the tunnel of `layers` layers whose words are in `words` from `at` on, added if it is new. */
  lookup(words: ArrayLike<number>, layers: number, at = 0): number {
    if (layers === 0) return 0;
    // A layer's first word is never 0, so the number of layers need not be hashed.
    const h = hashOfWords(this.drawn, 0, words, at, layers * LAYER_WORDS);
    const mask = this.slots.length - 1;
    let slot = h & mask;
    for (;;) {
      const number = this.slots[slot];
      if (number === 0) break;
      if (this.hashes[number - 1] === h && this.same(number, words, layers, at)) return number;
      slot = (slot + 1) & mask;
    }
    return this.insert(h, slot, words, layers, at);
  }

  /** Number of layers of a tunnel; 0 for none. */
  layers(number: number): number {
    return number === 0 ? 0 : this.words[(number - 1) * ENTRY_WORDS];
  }

  /** Copy the words of a tunnel's layers to the beginning of `out`. @returns the number of layers */
  read(number: number, out: Uint32Array): number {
    const layers = this.layers(number);
    const from = (number - 1) * ENTRY_WORDS + 1;
    for (let i = 0; i < layers * LAYER_WORDS; i++) out[i] = this.words[from + i];
    return layers;
  }

  /** The number in this table of tunnel `number` of another. */
  copy(from: TunnelTable, number: number): number {
    if (number === 0) return 0;
    return this.lookup(from.words, from.layers(number), (number - 1) * ENTRY_WORDS + 1);
  }

  /**
   * A hash of the tunnel's content, the same in every process; 0 for none. It is predictable, so no hash table may use
   * it.
   */
  hash(number: number): number {
    return number === 0 ? 0 : this.contents[number - 1];
  }

  /** Slots that a lookup of every tunnel would touch. Walks the whole table, for tests. */
  probes(): number {
    let probes = 0;
    const mask = this.slots.length - 1;
    for (let slot = 0; slot <= mask; slot++)
      if (this.slots[slot] !== 0) probes += ((slot - this.hashes[this.slots[slot] - 1]) & mask) + 1;
    return probes;
  }

  /**
   * Write a tunnel as bytes: the number of layers (0 for no tunnel), then for each its first word as a byte,
   * two addresses of 4 or 16 bytes, and 4 bytes of number if it has one.
   * @returns the offset behind it
   */
  put(number: number, out: Uint8Array, at: number): number {
    const layers = this.layers(number);
    out[at++] = layers;
    const { words } = this;
    for (let layer = 0; layer < layers; layer++) {
      const w = (number - 1) * ENTRY_WORDS + 1 + layer * LAYER_WORDS;
      const first = words[w];
      out[at++] = first;
      const skip = (first & LAYER_V6) === 0 ? 3 : 0;
      for (let i = skip; i < 4; i++) at = put32(out, at, words[w + LAYER_SOURCE + i]);
      for (let i = skip; i < 4; i++) at = put32(out, at, words[w + LAYER_DESTINATION + i]);
      if ((first & LAYER_HAS_ID) !== 0) at = put32(out, at, words[w + LAYER_ID]);
    }
    return at;
  }

  /** The number of the tunnel that `put` wrote at `at`, added if it is new. */
  take(bytes: Uint8Array, at: number): number {
    const layers = Math.min(bytes[at++], MAX_LAYERS);
    const { scratch } = this;
    const word = (): number => {
      at += 4;
      return int32(bytes, at - 4);
    };
    scratch.fill(0);
    for (let layer = 0; layer < layers; layer++) {
      const w = layer * LAYER_WORDS;
      const first = bytes[at++];
      scratch[w] = first;
      const skip = (first & LAYER_V6) === 0 ? 3 : 0;
      for (let i = skip; i < 4; i++) scratch[w + LAYER_SOURCE + i] = word();
      for (let i = skip; i < 4; i++) scratch[w + LAYER_DESTINATION + i] = word();
      if ((first & LAYER_HAS_ID) !== 0) scratch[w + LAYER_ID] = word();
    }
    return this.lookup(scratch, layers);
  }

  /** Bytes that the tunnel at `at`, as `put` wrote it, takes. */
  static bytes(bytes: Uint8Array, at: number): number {
    const start = at;
    for (let layers = bytes[at++]; layers > 0; layers--) {
      const first = bytes[at];
      at += 1 + ((first & LAYER_V6) === 0 ? 8 : 32) + ((first & LAYER_HAS_ID) === 0 ? 0 : 4);
    }
    return at - start;
  }

  private same(number: number, words: ArrayLike<number>, layers: number, at: number): boolean {
    const mine = (number - 1) * ENTRY_WORDS;
    if (this.words[mine] !== layers) return false;
    for (let i = 0; i < layers * LAYER_WORDS; i++) if (this.words[mine + 1 + i] !== words[at + i]) return false;
    return true;
  }

  private insert(h: number, slot: number, words: ArrayLike<number>, layers: number, at: number): number {
    if (this.count * ENTRY_WORDS === this.words.length) {
      const grown = new Uint32Array(this.words.length * 2);
      grown.set(this.words);
      // The layers may be in this very table.
      if (words === this.words) words = grown;
      this.words = grown;
      const hashes = new Int32Array(this.hashes.length * 2);
      hashes.set(this.hashes);
      this.hashes = hashes;
      const contents = new Int32Array(hashes.length);
      contents.set(this.contents);
      this.contents = contents;
    }
    const mine = this.count * ENTRY_WORDS;
    this.words.fill(0, mine, mine + ENTRY_WORDS);
    this.words[mine] = layers;
    for (let i = 0; i < layers * LAYER_WORDS; i++) this.words[mine + 1 + i] = words[at + i];
    this.hashes[this.count] = h;
    this.contents[this.count] = hashOfContent(words, layers, at);
    const number = ++this.count;
    this.slots[slot] = number;
    if (this.count * 2 > this.slots.length) this.rehash();
    return number;
  }

  private rehash(): void {
    const slots = new Uint32Array(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let number = 1; number <= this.count; number++) {
      let slot = this.hashes[number - 1] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number;
    }
    this.slots = slots;
  }
}
