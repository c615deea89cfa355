/** The row of one packet in its session, for the packets table. */
import { META_FRAGMENT, META_FROM_B, META_LEVEL_SHIFT, type PacketColumns } from '../../packet/columns.ts';
import type { SessionDirectory } from '../sessiondirectory.ts';
import type { PacketRows } from './packetrows.ts';

/** Where packet rows go when the packets table is requested. */
export interface PacketOutput {
  rows: PacketRows;
  /** Called when the rows are full; must clear them. */
  onFull: () => void;
  directory: SessionDirectory;
}

/**
 * Appends row `row` of `columns` as a packet of session number `session`. A fragment's columns hold
 * the time of its datagram and its age; its row holds its own time, and its datagram's as fragOf.
 */
export function writePacket(
  output: PacketOutput,
  columns: PacketColumns,
  row: number,
  session: number,
  capture: number,
): void {
  const rows = output.rows;
  const at = rows.length;
  const meta = columns.meta[row];
  let us = columns.us[row];
  let ns = columns.ns[row];
  const isFragment = (meta & META_FRAGMENT) !== 0;
  rows.fragOfUs[at] = isFragment ? us : -1;
  rows.fragOfNs[at] = isFragment ? ns : 0;
  if (isFragment) {
    us -= columns.ageUs[row];
    ns -= columns.ageNs[row];
    if (ns < 0) {
      us--;
      ns += 1000;
    }
  }
  rows.session[at] = session;
  rows.us[at] = us;
  rows.ns[at] = ns;
  rows.fromB[at] = meta & META_FROM_B;
  rows.level[at] = (meta >> META_LEVEL_SHIFT) & 7;
  rows.capture[at] = capture;
  rows.offset[at] = columns.offset[row];
  rows.capLen[at] = columns.capLen[row];
  rows.origLen[at] = columns.origLen[row];
  rows.ipLen[at] = columns.ipLen[row];
  rows.payloadLen[at] = columns.payloadLen[row];
  rows.tcpFlags[at] = columns.tcpFlags[row];
  rows.tcpSeq[at] = columns.seq[row];
  rows.tcpAck[at] = columns.ack[row];
  rows.tcpWindow[at] = columns.window[row];
  rows.length = at + 1;
  if (rows.full) output.onFull();
}
