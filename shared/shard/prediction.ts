/**
 * Predicts fields of a flow's next packet from its last ones: the writer stores the difference, the reader adds it
 * back. Both use this code.
 */

const FIN = 1;
const SYN = 2;
/** Initial capacity in flows: thousands of segments may be open at once, with few flows each. */
const FIRST_FLOWS = 64;

/** Expected sequence numbers, windows, marks and tunnels, two directions a flow, and the flow's VLANs. */
export class Prediction {
  private nextSeq = new Uint32Array(FIRST_FLOWS * 2);
  private window = new Uint16Array(FIRST_FLOWS * 2);
  private flowVlans = new Uint32Array(FIRST_FLOWS);
  private lastMark = new Uint16Array(FIRST_FLOWS * 2);
  private lastTunnel = new Uint32Array(FIRST_FLOWS * 2);
  private flows = 0;

  /** Remove all flows. */
  clear(): void {
    this.nextSeq.fill(0, 0, this.flows * 2);
    this.window.fill(0, 0, this.flows * 2);
    this.flowVlans.fill(0, 0, this.flows);
    this.lastMark.fill(0, 0, this.flows * 2);
    this.lastTunnel.fill(0, 0, this.flows * 2);
    this.flows = 0;
  }

  /** Add flow number `flow`, without history. */
  add(flow: number): void {
    this.flows = flow + 1;
    if (this.flows <= this.flowVlans.length) return;
    this.nextSeq = grown(this.nextSeq);
    this.window = grown(this.window);
    this.flowVlans = grown(this.flowVlans);
    this.lastMark = grown(this.lastMark);
    this.lastTunnel = grown(this.lastTunnel);
  }

  /** Expected sequence number of a side (flow * 2 + direction). */
  seq(side: number): number {
    return this.nextSeq[side];
  }

  lastWindow(side: number): number {
    return this.window[side];
  }

  /** VLAN columns of the flow's last packet: inner in the high half, outer in the low. */
  vlans(flow: number): number {
    return this.flowVlans[flow];
  }

  /** Tunnel number of the side's last packet: outer addresses and identifiers differ by direction. */
  tunnel(side: number): number {
    return this.lastTunnel[side];
  }

  /** Mark of the side's last packet. */
  mark(side: number): number {
    return this.lastMark[side];
  }

  sawMark(side: number, mark: number): void {
    this.lastMark[side] = mark;
  }

  /** Updates the prediction: the side's next sequence number is that after payload, SYN and FIN. */
  saw(side: number, seq: number, payloadLen: number, tcpFlags: number, window: number): void {
    this.nextSeq[side] = seq + payloadLen + (tcpFlags & FIN) + ((tcpFlags & SYN) >> 1);
    this.window[side] = window;
  }

  sawTags(side: number, vlans: number, tunnel: number): void {
    this.flowVlans[side >> 1] = vlans;
    this.lastTunnel[side] = tunnel;
  }
}

function grown<T extends Uint16Array | Uint32Array>(column: T): T {
  const larger = new (column.constructor as new (length: number) => T)(column.length * 2);
  larger.set(column);
  return larger;
}
