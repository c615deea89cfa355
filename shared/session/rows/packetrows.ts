/**
 * Rows of the packets table as typed columns: one packet of one session. Written only when a job includes the packets
 * table.
 */
import { namesOf, typedColumns } from '../../packet/typedcolumns.ts';

/** Columns of a packet row other than the number of its session, in the order in which runs store them. */
export const PACKET_NUMBERS = {
  us: 'f64',
  ns: 'u16',
  /** 1 when end B of the session's flow key sent it. Whether that is the originator depends on the session. */
  fromB: 'u8',
  level: 'u8',
  /** Time of the datagram row that a fragment belongs to; -1 when the row is not a fragment. */
  fragOfUs: 'f64',
  fragOfNs: 'u16',
  /** Rank of the capture. */
  capture: 'u32',
  /** Byte offset of the record in the uncompressed capture. */
  offset: 'f64',
  capLen: 'u32',
  origLen: 'u32',
  ipLen: 'u32',
  payloadLen: 'u32',
  tcpFlags: 'u16',
  tcpSeq: 'u32',
  tcpAck: 'u32',
  tcpWindow: 'u16',
} as const;

const COLUMNS = {
  /** Number of the session in its tracker, in order of opening; sessions of an earlier tracker come first. */
  session: 'u32',
  ...PACKET_NUMBERS,
} as const;

export const PACKET_COLUMNS = namesOf(COLUMNS);

/** Columns of packet rows; rows beyond `length` are never read. */
export class PacketRows extends typedColumns(COLUMNS) {}
