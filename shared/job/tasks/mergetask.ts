/** Input of merge tasks: shards whose segments are put together by partition. Plain values, JSON in the store. */

/** A shard, and its batches as numbers: where the first one begins, and behind that the end and the CRC-32 of each. */
export interface MergeShard {
  key: string;
  batches: number[];
}

/** An object to be written: pieces that follow each other, as [shard, first batch, end of batches, shard, ...]. */
export interface MergedObject {
  key: string;
  bytes: number;
  pieces: number[];
}

/** One merge task. */
export interface MergeSpec {
  shards: MergeShard[];
  objects: MergedObject[];
}
