/** Names that captures have: a file under one of them is expected to be a capture. */

/**
 * Endings of captures, and numbers or dates behind them as rotation leaves them; or compressed by what is read. Other
 * compressions and archives may be around an ending.
 */
const CAPTURE =
  /\.(pcap|pcapng|ntar|cap|dmp|snoop|erf|trc|enc|pkt)([._-]?\d+)*(\.(bz2|xz|lz4|lz|lzo|Z|7z|zip|rar|tar))?$/i;
const COMPRESSED = /\.(gz|zst)$/i;

/** Whether a name ends like a capture's. */
export function hasCaptureEnding(name: string): boolean {
  return CAPTURE.test(name) || COMPRESSED.test(name);
}
