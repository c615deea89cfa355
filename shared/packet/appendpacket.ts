/** The packet under the cursor as a row of the packet columns. */
import { META_FROM_B, type PacketColumns } from './columns.ts';
import { flowOf, sourceIsB } from './flow/flowkey.ts';
import type { FlowTable } from './flow/flowtable.ts';
import type { PacketCursor } from './packetcursor.ts';
import { TUNNEL_KINDS } from './protocols.ts';
import { LAYER_ID, LAYER_KIND, LAYER_WORDS } from './tunnellayers.ts';

/**
 * Append the packet under the cursor.
 *
 * @param vlans value of the flow key's VLAN word
 * @param network value of the flow key's network word
 */
export function appendPacket(
  c: PacketCursor,
  columns: PacketColumns,
  flows: FlowTable,
  capture: number,
  vlans: number,
  network: number,
): void {
  const row = columns.length;
  if (row === columns.capacity) columns.reserve(row + 1);
  const fromB = sourceIsB(c);
  columns.flow[row] = flowOf(c, flows, fromB, vlans, network);
  columns.us[row] = c.us;
  columns.ns[row] = c.ns;
  columns.capture[row] = capture;
  columns.offset[row] = c.offset;
  columns.capLen[row] = c.capLen;
  columns.origLen[row] = c.origLen;
  columns.ipLen[row] = c.ipLen;
  columns.payloadLen[row] = c.payloadLen;
  columns.seq[row] = c.seq;
  columns.ack[row] = c.ack;
  columns.window[row] = c.window;
  columns.tcpFlags[row] = c.tcpFlags;
  columns.meta[row] = fromB ? c.meta | META_FROM_B : c.meta;
  columns.hint[row] = c.hint;
  columns.vlan[row] = c.vlan;
  columns.innerVlan[row] = c.innerVlan;
  columns.tunnel[row] = c.depth === 0 ? 0 : flows.tunnels.lookup(c.layers, c.depth);
  columns.mark[row] = c.mark;
  columns.ageUs[row] = 0;
  columns.ageNs[row] = 0;
  columns.length = row + 1;
}

/** The flow key's word for the innermost virtual network around the packet under the cursor: its identifier + 1, or 0 without one. */
export function virtualNetwork(c: PacketCursor): number {
  for (let layer = c.depth - 1; layer >= 0; layer--) {
    const at = layer * LAYER_WORDS;
    if (TUNNEL_KINDS.get(c.layers[at] & LAYER_KIND)?.isNetwork === true) return c.layers[at + LAYER_ID] + 1;
  }
  return 0;
}
