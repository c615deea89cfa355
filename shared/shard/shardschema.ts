/**
 * The shard's bytes: an Arrow IPC stream, zstd bodies, rows sorted by (bucket, time).
 *
 * Columns that would hardly compress are kept as differences to what a reader
 * can foresee: time and offset to the row before, sequence and acknowledgement
 * numbers to what the flow's last packets lead one to expect. A batch can be
 * read without those before it: its first row's time and offset count from the
 * shard's base, and it begins where a bucket begins (a bucket larger than a
 * batch has batches of its own). docs/shard.md says it for readers of other tools.
 */
import { Binary, Field, Int32, RecordBatchStreamWriter, Schema, Uint8, Uint16, Uint32 } from 'apache-arrow';
import { ARROW_ZSTD } from './arrowzstd.ts';

export const SHARD_SCHEMA = new Schema([
  /** Microseconds since the row before (a batch's first row: since the shard's base), modulo 2^32. */
  new Field('time', new Uint32()),
  /** Nanoseconds below the microsecond. */
  new Field('ns', new Uint16()),
  /** What few rows have, see rarefields.ts: a flow's key where it comes first, a wide time difference, a change of capture, VLAN or tunnel. */
  new Field('more', new Binary()),
  /** How many flows came first after this row's flow did: 0 for the newest. */
  new Field('flow_back', new Uint32()),
  /** Record offset minus that of the row before, modulo 2^32. */
  new Field('offset', new Uint32()),
  new Field('ip_len', new Uint32()),
  /** IP length minus payload length. */
  new Field('header_len', new Int32()),
  /** Length on the wire minus IP length. */
  new Field('link_len', new Int32()),
  /** Length on the wire minus captured length. */
  new Field('cut_len', new Int32()),
  /** Sequence number minus the expected one. */
  new Field('seq', new Int32()),
  /** Acknowledgement minus the peer's expected sequence number. */
  new Field('ack', new Int32()),
  /** Window minus the sender's last one, modulo 65,536. */
  new Field('window', new Uint16()),
  new Field('tcp_flags', new Uint16()),
  new Field('meta', new Uint8()),
]);

/** Stream writer that tells where the next message will begin. */
export class PositionedWriter extends RecordBatchStreamWriter {
  constructor() {
    super({ compressionType: ARROW_ZSTD });
  }

  get position(): number {
    return this._position;
  }
}

/** The stream's first bytes, which every shard shares: what must stand before a range of batches to read it. */
export const SCHEMA_BYTES: Uint8Array = (() => {
  const writer = new PositionedWriter();
  writer.reset(undefined, SHARD_SCHEMA);
  const length = writer.position;
  writer.finish();
  return writer.toUint8Array(true).slice(0, length);
})();
