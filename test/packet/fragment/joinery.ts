/** Collects fragments, joins them, and describes the rows as text. */
import assert from 'node:assert/strict';
import { META_DATAGRAM, META_FRAGMENT, PacketColumns } from '../../../shared/packet/columns.ts';
import { FlowTable } from '../../../shared/packet/flow/flowtable.ts';
import { FragmentJoiner, joinAll } from '../../../shared/packet/fragment/fragmentjoin.ts';
import { flowText, type Ipv4Options, ipv4, udp, Workbench } from '../harness.ts';

export const RAW = 101;
export const START = 1_700_000_000_000_000;
export const CAPTURES = 8;

/** Collects fragments with times and captures of their own, and joins them. */
export class Joinery {
  bench = new Workbench();
  columns = new PacketColumns(4);
  flows = new FlowTable();
  odd: string[] = [];
  joiner: FragmentJoiner;

  constructor(keyVlan = false) {
    this.joiner = new FragmentJoiner({ keyVlan }, this.columns, this.flows, CAPTURES, (capture, name) =>
      this.odd.push(`${name}@${capture}`),
    );
  }

  /** One fragment; `ms` after the start. */
  add(packet: Uint8Array, ms: number, capture = 0, linkType = RAW): this {
    this.bench.us = START + Math.round(ms * 1000);
    this.bench.decoder.capture = capture;
    assert.equal(this.bench.decode(packet, linkType), 'fragment');
    return this;
  }

  /** Fragments one millisecond apart. */
  addAll(packets: Uint8Array[], ms = 0, capture = 0, linkType = RAW): this {
    for (let i = 0; i < packets.length; i++) this.add(packets[i], ms + i, capture, linkType);
    return this;
  }

  join(): this {
    joinAll(this.joiner, this.bench.fragments);
    return this;
  }

  counts(): [completed: number, never: number] {
    const sum = (column: Float64Array) => column.reduce((total, value) => total + value);
    return [sum(this.joiner.completed), sum(this.joiner.neverCompleted)];
  }

  rows(): Record<string, number | string>[] {
    const c = this.columns;
    return Array.from({ length: c.length }, (_, row) => ({
      kind: c.meta[row] & META_DATAGRAM ? 'datagram' : c.meta[row] & META_FRAGMENT ? 'fragment' : 'packet',
      flow: flowText(this.flows, c.flow[row]),
      ms: (c.us[row] - START) / 1000,
      age: c.ageUs[row] / 1000,
      capture: c.capture[row],
      payload: c.payloadLen[row],
      ipLen: c.ipLen[row],
    }));
  }
}

/** A payload cut into IPv4 fragments at the given byte offsets, multiples of eight. */
export function cut(payload: Uint8Array, at: number[], o: Ipv4Options = {}): Uint8Array[] {
  const edges = [0, ...at, payload.length];
  return edges
    .slice(1)
    .map((end, i) =>
      ipv4(payload.subarray(edges[i], end), { id: 1, ...o, offset: edges[i], more: end < payload.length }),
    );
}

export const MESSAGE = udp(5000, 53, new Uint8Array(3000).fill(0x61));
export const FLOW = '17 10.0.0.1:5000 10.0.0.2:53';
