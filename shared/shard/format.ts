/** The version of the shard format, apart from the code that writes it: who only names shards needs no Arrow. */

/** Changes whenever shards written before can no longer be read, or would be written differently. */
export const SHARD_FORMAT = 2;
