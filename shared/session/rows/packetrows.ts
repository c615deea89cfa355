/**
 * Rows of the packets table as typed columns: one packet of one session.
 * Written only when a job asks for the packets table.
 */

/** Growable columns of packet rows; rows beyond `length` are never read. */
export class PacketRows {
  length = 0;
  capacity: number;
  /** Number of the session in its reduce task, in order of the sessions' first packets. */
  session: Uint32Array;
  us: Float64Array;
  ns: Uint16Array;
  /** 1 when end B of the session's flow key sent it. Whether that is the originator is the session's to say. */
  fromB: Uint8Array;
  level: Uint8Array;
  /** Time of the datagram row that a fragment belongs to; -1 when the row is not a fragment. */
  fragOfUs: Float64Array;
  fragOfNs: Uint16Array;
  /** Rank of the capture. */
  capture: Uint32Array;
  /** Byte offset of the record in the uncompressed capture. */
  offset: Float64Array;
  capLen: Uint32Array;
  origLen: Uint32Array;
  ipLen: Uint32Array;
  payloadLen: Uint32Array;
  tcpFlags: Uint16Array;
  tcpSeq: Uint32Array;
  tcpAck: Uint32Array;
  tcpWindow: Uint16Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.session = new Uint32Array(capacity);
    this.us = new Float64Array(capacity);
    this.ns = new Uint16Array(capacity);
    this.fromB = new Uint8Array(capacity);
    this.level = new Uint8Array(capacity);
    this.fragOfUs = new Float64Array(capacity);
    this.fragOfNs = new Uint16Array(capacity);
    this.capture = new Uint32Array(capacity);
    this.offset = new Float64Array(capacity);
    this.capLen = new Uint32Array(capacity);
    this.origLen = new Uint32Array(capacity);
    this.ipLen = new Uint32Array(capacity);
    this.payloadLen = new Uint32Array(capacity);
    this.tcpFlags = new Uint16Array(capacity);
    this.tcpSeq = new Uint32Array(capacity);
    this.tcpAck = new Uint32Array(capacity);
    this.tcpWindow = new Uint16Array(capacity);
  }

  get full(): boolean {
    return this.length === this.capacity;
  }

  clear(): void {
    this.length = 0;
  }
}

/** Every column of PacketRows, in the order in which runs store them. */
export const PACKET_COLUMNS = [
  'session',
  'us',
  'ns',
  'fromB',
  'level',
  'fragOfUs',
  'fragOfNs',
  'capture',
  'offset',
  'capLen',
  'origLen',
  'ipLen',
  'payloadLen',
  'tcpFlags',
  'tcpSeq',
  'tcpAck',
  'tcpWindow',
] as const satisfies readonly (keyof PacketRows)[];
