/**
 * The packets table: one row a packet of a session, in order of the session
 * (start, uid) and then of time, so that looking up a session reads one row group.
 * A fragment has a row of its own beside that of the datagram it belongs to.
 */
import { UID_BYTES } from '../session/rows/sessionrows.ts';
import {
  BigintColumn,
  BooleanColumn,
  type ChoiceColumn,
  type ChunkColumn,
  IntegerColumn,
  TextColumn,
  TimestampColumn,
} from './parquet/chunk.ts';
import type { PacketBatch } from './run/packetrun.ts';
import { column, nullableColumn, type TableColumn } from './tablecolumn.ts';

/** The columns, in order. */
export const PACKETS_SCHEMA: readonly TableColumn[] = [
  column('ts', 'TIMESTAMP', 'Time of the packet, UTC, cut to the millisecond'),
  column('ts_ns', 'BIGINT', 'Time of the packet, nanoseconds since 1970-01-01 UTC'),
  column('uid', 'VARCHAR', 'The session: uid in the sessions table'),
  column('is_orig', 'BOOLEAN', 'Whether the originator sent it'),
  column('level', 'INTEGER', 'Level of encapsulation: 0 is the innermost'),
  nullableColumn('frag_of', 'BIGINT', "For a fragment the ts_ns of its datagram's row, else NULL"),
  column('capture', 'VARCHAR', 'Capture that holds the packet'),
  column('offset', 'BIGINT', 'Byte offset of its record in the uncompressed capture'),
  column('cap_len', 'BIGINT', 'Bytes captured'),
  column('orig_len', 'BIGINT', 'Bytes on the wire'),
  column('ip_len', 'BIGINT', 'IP bytes as the IP header says, header included'),
  column('payload_len', 'BIGINT', 'Transport payload bytes as the headers say'),
  nullableColumn(
    'tcp_flags',
    'INTEGER',
    'TCP flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256; NULL outside TCP',
  ),
  nullableColumn('tcp_seq', 'BIGINT', 'TCP sequence number as sent; NULL outside TCP'),
  nullableColumn('tcp_ack', 'BIGINT', 'TCP acknowledgement number as sent; NULL outside TCP'),
  nullableColumn('tcp_window', 'INTEGER', 'TCP window as sent, not scaled; NULL outside TCP'),
];

const TCP = 6;

/** Chunk columns of the packets table, set row by row from decoded batches. */
export class PacketChunk {
  readonly columns: readonly ChunkColumn[];
  private readonly ts = new TimestampColumn();
  private readonly tsNs = new BigintColumn();
  private readonly uid = new TextColumn();
  private readonly isOrig = new BooleanColumn();
  private readonly level = new IntegerColumn();
  private readonly fragOf = new BigintColumn();
  private readonly capture: ChoiceColumn;
  private readonly offset = new BigintColumn();
  private readonly capLen = new BigintColumn();
  private readonly origLen = new BigintColumn();
  private readonly ipLen = new BigintColumn();
  private readonly payloadLen = new BigintColumn();
  private readonly tcpFlags = new IntegerColumn();
  private readonly tcpSeq = new BigintColumn();
  private readonly tcpAck = new BigintColumn();
  private readonly tcpWindow = new IntegerColumn();

  /** @param captures names of the captures, set by the place that `put` is given */
  constructor(captures: ChoiceColumn) {
    this.capture = captures;
    this.columns = [
      this.ts,
      this.tsNs,
      this.uid,
      this.isOrig,
      this.level,
      this.fragOf,
      this.capture,
      this.offset,
      this.capLen,
      this.origLen,
      this.ipLen,
      this.payloadLen,
      this.tcpFlags,
      this.tcpSeq,
      this.tcpAck,
      this.tcpWindow,
    ];
  }

  /**
   * Set chunk row `i` from row `row` of a batch.
   *
   * @param origIsB which end of the key is the originator, by the session's last word
   * @param capturePlace place of the row's capture in the list of names
   */
  put(i: number, batch: PacketBatch, row: number, origIsB: number, capturePlace: number): void {
    this.ts.setMillisecondOf(i, batch.us[row]);
    this.tsNs.setNanoseconds(i, batch.us[row], batch.ns[row]);
    this.uid.setAscii(i, batch.uid, row * UID_BYTES, UID_BYTES);
    this.isOrig.set(i, batch.fromB[row] === origIsB);
    this.level.set(i, batch.level[row]);
    const fragment = batch.fragOfUs[row] >= 0;
    if (fragment) this.fragOf.setNanoseconds(i, batch.fragOfUs[row], batch.fragOfNs[row]);
    else this.fragOf.setNull(i);
    this.capture.set(i, capturePlace);
    this.offset.set(i, batch.offset[row]);
    this.capLen.set(i, batch.capLen[row]);
    this.origLen.set(i, batch.origLen[row]);
    this.ipLen.set(i, batch.ipLen[row]);
    this.payloadLen.set(i, batch.payloadLen[row]);
    // A fragment has no transport header of its own to report: its datagram's row does.
    if (batch.proto[row] === TCP && !fragment) {
      this.tcpFlags.set(i, batch.tcpFlags[row]);
      this.tcpSeq.set(i, batch.tcpSeq[row]);
      this.tcpAck.set(i, batch.tcpAck[row]);
      this.tcpWindow.set(i, batch.tcpWindow[row]);
    } else {
      this.tcpFlags.setNull(i);
      this.tcpSeq.setNull(i);
      this.tcpAck.setNull(i);
      this.tcpWindow.setNull(i);
    }
  }
}
