/**
 * Fragments waiting for their session. A fragment belongs to the session of its datagram, whose row has the same time
 * on the same flow; fragments that come before that row wait here. They wait within one timestamp only: when time
 * advances, those left have no datagram.
 *
 * Any number may wait at one timestamp, so each flow has a list of its own: a datagram does not visit other flows'
 * fragments.
 */
import { PacketColumns } from '../packet/columns.ts';

/** Fragment rows of one timestamp that wait for their datagrams. */
export class WaitingFragments {
  /** Fragments whose datagram never came. */
  orphans = 0;
  /** Fragments waiting now. */
  waiting = 0;
  /** Rows visited so far, for tests. */
  steps = 0;
  private readonly columns = new PacketColumns(16);
  private ranks = new Uint32Array(16);
  private flows = new Uint32Array(16);
  /** The next row of the same flow, -1 = none. */
  private next = new Int32Array(16);
  /** First and last waiting row by flow, -1 = none. */
  private first = new Int32Array(16).fill(-1);
  private last = new Int32Array(16);
  private us = -1;
  private ns = 0;

  /** Advances time to that of a packet: fragments of an earlier time are dropped. */
  at(us: number, ns: number): void {
    if (us === this.us && ns === this.ns) return;
    this.us = us;
    this.ns = ns;
    if (this.waiting === 0) return;
    this.steps += this.columns.length;
    for (let row = 0; row < this.columns.length; row++) this.first[this.flows[row]] = -1;
    this.orphans += this.waiting;
    this.waiting = 0;
    this.columns.length = 0;
  }

  /** Keeps a fragment row until its datagram comes. */
  keep(from: PacketColumns, row: number, flow: number, rank: number): void {
    const at = this.columns.pushRow(from, row);
    if (at >= this.ranks.length) this.growRows();
    if (flow >= this.first.length) this.growFlows(flow);
    this.ranks[at] = rank;
    this.flows[at] = flow;
    this.next[at] = -1;
    if (this.first[flow] < 0) this.first[flow] = at;
    else this.next[this.last[flow]] = at;
    this.last[flow] = at;
    this.waiting++;
  }

  /** Passes on the fragments of a flow, in order of arrival. */
  release(flow: number, give: (columns: PacketColumns, row: number, rank: number) => void): void {
    if (flow >= this.first.length) return;
    for (let row = this.first[flow]; row >= 0; row = this.next[row]) {
      this.steps++;
      this.waiting--;
      give(this.columns, row, this.ranks[row]);
    }
    this.first[flow] = -1;
    if (this.waiting === 0) this.columns.length = 0;
  }

  private growRows(): void {
    const { capacity } = this.columns;
    const ranks = new Uint32Array(capacity);
    ranks.set(this.ranks);
    this.ranks = ranks;
    const flows = new Uint32Array(capacity);
    flows.set(this.flows);
    this.flows = flows;
    const next = new Int32Array(capacity);
    next.set(this.next);
    this.next = next;
  }

  private growFlows(flow: number): void {
    const flows = Math.max(flow + 1, this.first.length * 2);
    const first = new Int32Array(flows).fill(-1);
    first.set(this.first);
    this.first = first;
    const last = new Int32Array(flows);
    last.set(this.last);
    this.last = last;
  }
}
