/**
 * The packets table: one row a packet of a session, sorted so that looking up a session reads one row group.
 * A fragment has a row of its own beside that of the datagram it belongs to.
 */
import type { PACKET_COLUMNS } from '../session/rows/packetrows.ts';
import { UID_BYTES } from '../session/rows/sessionrows.ts';
import { type ChunkTable, chunkColumns } from './chunktable.ts';
import type {
  BigintColumn,
  BooleanColumn,
  ChoiceColumn,
  IntegerColumn,
  TextColumn,
  TimestampColumn,
} from './parquet/chunk.ts';
import type { PacketBatch } from './run/packetrun.ts';
import { orNull } from './tablecolumn.ts';

/**
 * The rows of a chunk of the table, as stretches: neighbouring rows of one batch and one session. Stretch s is rows
 * [from[s], to[s]) of batches[s], and begins at row at[s] of the chunk.
 */
export interface PacketChunk {
  /** How many stretches there are; entries beyond are leftovers. */
  readonly stretches: number;
  readonly batches: readonly PacketBatch[];
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly at: Uint32Array;
  /** 1 where end B of the key is the session's originator, by the session's last word. */
  readonly origIsB: Uint8Array;
  /** Names of the captures from rank `lowestCapture` on. */
  readonly captureNames: readonly string[];
  readonly lowestCapture: number;
}

type NumberName = Exclude<(typeof PACKET_COLUMNS)[number], 'session'>;
type Fill<Column> = (to: Column, chunk: PacketChunk) => void;
/** Sets chunk row `at` and those behind it from rows [from, end) of a batch. */
type FillStretch<Column> = (to: Column, at: number, batch: PacketBatch, from: number, end: number) => void;

const TCP = 6;

function eachStretch<Column>(fill: FillStretch<Column>): Fill<Column> {
  return (column, { stretches, batches, at, from, to }) => {
    for (let s = 0; s < stretches; s++) fill(column, at[s], batches[s], from[s], to[s]);
  };
}

function bigints(name: NumberName): Fill<BigintColumn> {
  return eachStretch((to, at, batch, from, end) => {
    const values = batch[name];
    for (let row = from; row < end; row++) to.set(at++, values[row]);
  });
}

function integers(name: NumberName): Fill<IntegerColumn> {
  return eachStretch((to, at, batch, from, end) => {
    const values = batch[name];
    for (let row = from; row < end; row++) to.set(at++, values[row]);
  });
}

/** A fragment has no transport header of its own to report: its datagram's row does. */
function hasTcp(batch: PacketBatch, row: number): boolean {
  return batch.proto[row] === TCP && batch.fragOfUs[row] < 0;
}

function tcpBigints(name: NumberName): Fill<BigintColumn> {
  return eachStretch((to, at, batch, from, end) => {
    const values = batch[name];
    for (let row = from; row < end; row++, at++)
      if (hasTcp(batch, row)) to.set(at, values[row]);
      else to.setNull(at);
  });
}

function tcpIntegers(name: NumberName): Fill<IntegerColumn> {
  return eachStretch((to, at, batch, from, end) => {
    const values = batch[name];
    for (let row = from; row < end; row++, at++)
      if (hasTcp(batch, row)) to.set(at, values[row]);
      else to.setNull(at);
  });
}

const fillTime = eachStretch<TimestampColumn>((to, at, { us }, from, end) => {
  for (let row = from; row < end; row++) to.setMillisecondOf(at++, us[row]);
});

const fillNanoseconds = eachStretch<BigintColumn>((to, at, { us, ns }, from, end) => {
  for (let row = from; row < end; row++) to.setNanoseconds(at++, us[row], ns[row]);
});

const fillUid = eachStretch<TextColumn>((to, at, { uid }, from, end) => {
  for (let row = from; row < end; row++) to.setAscii(at++, uid, row * UID_BYTES, UID_BYTES);
});

const fillFragOf = eachStretch<BigintColumn>((to, at, { fragOfUs, fragOfNs }, from, end) => {
  for (let row = from; row < end; row++, at++)
    if (fragOfUs[row] >= 0) to.setNanoseconds(at, fragOfUs[row], fragOfNs[row]);
    else to.setNull(at);
});

function fillIsOrig(column: BooleanColumn, { stretches, batches, from, to, at, origIsB }: PacketChunk): void {
  for (let s = 0; s < stretches; s++) {
    const { fromB } = batches[s];
    for (let row = from[s], i = at[s]; row < to[s]; row++) column.set(i++, fromB[row] === origIsB[s]);
  }
}

function fillCapture(column: ChoiceColumn, { stretches, batches, from, to, at, lowestCapture }: PacketChunk): void {
  for (let s = 0; s < stretches; s++) {
    const { capture } = batches[s];
    for (let row = from[s], i = at[s]; row < to[s]; row++) column.set(i++, capture[row] - lowestCapture);
  }
}

const { timestamp, bigint, integer, boolean, text, choice } = chunkColumns<PacketChunk>();

export const PACKETS = {
  description:
    'A row a packet of a session: a record that is a tunnel has one for each of its packets that belongs to a session. `offset` is a keyword of SQL: write `"offset"`.',
  order: 'session (its ts_ns, uid), time',
  byDay: true,
  option: '--packets',
  columns: [
    timestamp('ts', 'Time of the packet, UTC, cut to the millisecond', fillTime),
    bigint('ts_ns', 'Time of the packet, nanoseconds since 1970-01-01 UTC', fillNanoseconds),
    text('uid', 'The session: uid in the sessions table', fillUid),
    boolean('is_orig', 'Whether the originator sent it', fillIsOrig),
    integer('level', 'Level of encapsulation: 0 is the innermost', integers('level')),
    orNull(bigint('frag_of', "For a fragment the ts_ns of its datagram's row, else NULL", fillFragOf)),
    choice('capture', 'Capture that holds the packet', (rows) => rows.captureNames, fillCapture),
    bigint('offset', 'Byte offset of its record in the uncompressed capture', bigints('offset')),
    bigint('cap_len', 'Bytes captured', bigints('capLen')),
    bigint('orig_len', 'Bytes on the wire', bigints('origLen')),
    bigint('ip_len', 'IP bytes as the IP header says, header included', bigints('ipLen')),
    bigint('payload_len', 'Transport payload bytes as the headers say', bigints('payloadLen')),
    orNull(
      integer(
        'tcp_flags',
        'TCP flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256; NULL outside TCP',
        tcpIntegers('tcpFlags'),
      ),
    ),
    orNull(bigint('tcp_seq', 'TCP sequence number as sent; NULL outside TCP', tcpBigints('tcpSeq'))),
    orNull(bigint('tcp_ack', 'TCP acknowledgement number as sent; NULL outside TCP', tcpBigints('tcpAck'))),
    orNull(integer('tcp_window', 'TCP window as sent, not scaled; NULL outside TCP', tcpIntegers('tcpWindow'))),
  ],
} satisfies ChunkTable<PacketChunk>;
