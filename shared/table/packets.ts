/**
 * The packets table: one row a packet of a session, sorted so that the lookup of a session reads one row group. A
 * fragment has a row of its own in addition to that of its datagram.
 */
import { IPPROTO_TCP } from '../packet/flow/flowtable.ts';
import type { PACKET_NUMBERS } from '../session/rows/packetrows.ts';
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
import type { SessionPackets } from './run/packetrun.ts';
import { lookedUp, orNull } from './tablecolumn.ts';

/** The rows of a chunk of the table. */
export interface PacketChunk {
  /** With the final direction of their sessions. */
  readonly rows: SessionPackets;
  /** Names of the captures from rank `lowestCapture` on. */
  readonly captureNames: readonly string[];
  readonly lowestCapture: number;
}

type NumberName = keyof typeof PACKET_NUMBERS;
type Fill<Column> = (to: Column, chunk: PacketChunk) => void;

function bigints(name: NumberName): Fill<BigintColumn> {
  return (to, { rows }) => {
    const from = rows[name];
    for (let i = 0; i < rows.length; i++) to.set(i, from[i]);
  };
}

function integers(name: NumberName): Fill<IntegerColumn> {
  return (to, { rows }) => {
    const from = rows[name];
    for (let i = 0; i < rows.length; i++) to.set(i, from[i]);
  };
}

/** A fragment has no transport header of its own; its datagram's row has it. */
function hasTcp({ proto, fragOfUs }: SessionPackets, i: number): boolean {
  return proto[i] === IPPROTO_TCP && fragOfUs[i] < 0;
}

function tcpBigints(name: NumberName): Fill<BigintColumn> {
  return (to, { rows }) => {
    const from = rows[name];
    for (let i = 0; i < rows.length; i++)
      if (hasTcp(rows, i)) to.set(i, from[i]);
      else to.setNull(i);
  };
}

function tcpIntegers(name: NumberName): Fill<IntegerColumn> {
  return (to, { rows }) => {
    const from = rows[name];
    for (let i = 0; i < rows.length; i++)
      if (hasTcp(rows, i)) to.set(i, from[i]);
      else to.setNull(i);
  };
}

function fillTime(to: TimestampColumn, { rows }: PacketChunk): void {
  for (let i = 0; i < rows.length; i++) to.setMillisecondOf(i, rows.us[i]);
}

function fillNanoseconds(to: BigintColumn, { rows }: PacketChunk): void {
  for (let i = 0; i < rows.length; i++) to.setNanoseconds(i, rows.us[i], rows.ns[i]);
}

function fillUid(to: TextColumn, { rows }: PacketChunk): void {
  for (let i = 0; i < rows.length; i++) to.setAscii(i, rows.uid, i * UID_BYTES, UID_BYTES);
}

function fillIsOrig(to: BooleanColumn, { rows }: PacketChunk): void {
  for (let i = 0; i < rows.length; i++) to.set(i, rows.fromB[i] === rows.origIsB[i]);
}

function fillFragOf(to: BigintColumn, { rows }: PacketChunk): void {
  for (let i = 0; i < rows.length; i++)
    if (rows.fragOfUs[i] >= 0) to.setNanoseconds(i, rows.fragOfUs[i], rows.fragOfNs[i]);
    else to.setNull(i);
}

function fillCapture(to: ChoiceColumn, { rows, lowestCapture }: PacketChunk): void {
  for (let i = 0; i < rows.length; i++) to.set(i, rows.capture[i] - lowestCapture);
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
    lookedUp(text('uid', 'The session: uid in the sessions table', fillUid)),
    boolean('is_orig', 'Whether the originator sent it', fillIsOrig),
    integer('level', 'Level of encapsulation: 0 is the innermost', integers('level')),
    orNull(bigint('frag_of', "For a fragment the ts_ns of its datagram's row, else NULL", fillFragOf)),
    choice('capture', 'Capture that holds the packet', (chunk) => chunk.captureNames, fillCapture),
    bigint('offset', 'Byte offset of its record in the uncompressed capture', bigints('offset')),
    bigint('cap_len', 'Bytes captured', bigints('capLen')),
    bigint('orig_len', 'Bytes on the wire', bigints('origLen')),
    bigint(
      'ip_len',
      'IP bytes as the IP header says, header included; where it says 0, those of the record',
      bigints('ipLen'),
    ),
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
