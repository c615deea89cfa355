/** Parquet's split block Bloom filter (https://github.com/apache/parquet-format/blob/master/BloomFilter.md). */
import { ThriftWriter } from './thrift.ts';
import { xxhash64 } from './xxhash.ts';

/** One of so many values that are not there is taken for one that is. */
const FALSE_POSITIVES = 0.01;
const BLOCK_BYTES = 32;
const SALT = Int32Array.of(
  0x47b6137b,
  0x44974d91,
  0x8824ad5b,
  0xa2b7289d,
  0x705495c7,
  0x2df1424b,
  0x9efc4947,
  0x5c6bfb31,
);

const hash = new Int32Array(2);

export class BloomFilter {
  private readonly words: Int32Array;
  private readonly blocks: number;

  /** @param values how many different ones there are at most */
  constructor(values: number) {
    // Of the specification: bits = -8 n / ln(1 - p^(1/8)). Arrow refuses other sizes than powers of two.
    const bits = (-8 * values) / Math.log(1 - FALSE_POSITIVES ** (1 / 8));
    this.blocks = 2 ** Math.max(0, Math.ceil(Math.log2(bits / 8 / BLOCK_BYTES)));
    this.words = new Int32Array((this.blocks * BLOCK_BYTES) / 4);
  }

  /** Add the value of bytes [from, to). */
  add(bytes: Uint8Array, from: number, to: number): void {
    xxhash64(bytes, from, to, hash);
    // The upper half chooses the block, as a fraction of all; its lower half a bit in each word.
    const block = Math.floor(((hash[0] >>> 0) / 0x1_0000_0000) * this.blocks) * 8;
    for (let i = 0; i < 8; i++) this.words[block + i] |= 1 << (Math.imul(hash[1], SALT[i]) >>> 27);
  }

  /** Header and bits. */
  bytes(): Uint8Array {
    const bits = new Uint8Array(this.words.buffer);
    const thrift = new ThriftWriter();
    const nothing = (): void => {};
    thrift.struct(() => {
      thrift.i32(1, bits.length);
      // The only algorithm, hash and compression there are: blocks, XXH64, none.
      for (let id = 2; id <= 4; id++) thrift.inner(id, () => thrift.inner(1, nothing));
    });
    return Buffer.concat([thrift.take(), bits]);
  }
}
