/** Names that captures have: a file under one of them is expected to be a capture. */

/**
 * Endings of captures, and numbers or dates behind them as rotation leaves them, in a compression or archive or not. A
 * compression alone is none: logs are rotated into gzip too.
 */
const CAPTURE =
  /\.(pcap|pcapng|ntar|cap|dmp|snoop|erf|trc|enc|pkt)([._-]?\d+)*(\.(gz|zst|bz2|xz|lz4|lz|lzo|Z|7z|zip|rar|tar))?$/i;

/** Whether a name ends like a capture's. */
export function hasCaptureEnding(name: string): boolean {
  return CAPTURE.test(name);
}
