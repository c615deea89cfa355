/**
 * Fragments on their way to a session. A fragment belongs to the session of the
 * datagram that it is part of, whose row bears the same time on the same flow;
 * fragments that come before that row wait here. They wait within one
 * timestamp only: when time goes on, what is left has no datagram.
 */
import { PacketColumns } from '../packet/columns.ts';

/** Fragment rows of one timestamp that wait for their datagrams. */
export class WaitingFragments {
  /** Fragments whose datagram never came. */
  orphans = 0;
  readonly columns = new PacketColumns(16);
  private ranks = new Uint32Array(16);
  private flows = new Int32Array(16);
  private us = -1;
  private ns = 0;

  get waiting(): number {
    return this.columns.length;
  }

  /** Lets time pass to that of a packet: fragments of an earlier time are given up. */
  at(us: number, ns: number): void {
    if (us === this.us && ns === this.ns) return;
    for (let i = 0; i < this.columns.length; i++) if (this.flows[i] >= 0) this.orphans++;
    this.columns.length = 0;
    this.us = us;
    this.ns = ns;
  }

  /** Keeps a fragment row until its datagram comes. */
  keep(from: PacketColumns, row: number, flow: number, rank: number): void {
    const at = this.columns.pushRow(from, row);
    if (at >= this.ranks.length) {
      const ranks = new Uint32Array(this.columns.capacity);
      ranks.set(this.ranks);
      this.ranks = ranks;
      const flows = new Int32Array(this.columns.capacity);
      flows.set(this.flows);
      this.flows = flows;
    }
    this.ranks[at] = rank;
    this.flows[at] = flow;
  }

  /** Gives out the fragments of a flow, in order of arrival. */
  release(flow: number, give: (columns: PacketColumns, row: number, rank: number) => void): void {
    for (let i = 0; i < this.columns.length; i++) {
      if (this.flows[i] !== flow) continue;
      this.flows[i] = -1;
      give(this.columns, i, this.ranks[i]);
    }
  }
}
