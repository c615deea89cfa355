/** One format's part of the parser. */
export interface FormatReader {
  /** Bytes wanted, counted from the position that `run` returned, before it can go on. Always more than were left. */
  need: number;
  /** The rest of the capture will not be read. */
  readonly refused: boolean;
  /** Another capture begins at the index that `run` returned: PART_BYTES of it are there. */
  readonly another: boolean;
  /**
   * Parse the complete records in bytes[start..end).
   *
   * @param view over the same bytes, index for index
   * @param base offset in the capture of bytes[0]
   * @param ended no bytes will follow: all must be used or reported as lost
   * @returns index of the first byte that is still needed
   */
  run(bytes: Uint8Array, view: DataView, start: number, end: number, base: number, ended: boolean): number;
}
