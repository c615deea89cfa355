/** Takes the records of a capture, in the order of the file. */
export interface RecordSink {
  /**
   * One record. bytes[start .. start+capLen) is the packet, valid only during the call.
   *
   * @param origLen bytes on the wire, as the record says
   * @param us whole microseconds since 1970, 0..MAX_US
   * @param ns nanoseconds below `us`, 0..999
   * @param linkType LINKTYPE_ number of the record's interface
   * @param offset byte offset in the uncompressed capture of the record header (pcap) or block (pcapng)
   */
  record(
    bytes: Uint8Array,
    start: number,
    capLen: number,
    origLen: number,
    us: number,
    ns: number,
    linkType: number,
    offset: number,
  ): void;
}
