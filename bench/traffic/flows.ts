/**
 * The flows of the generated traffic: what each kind of flow sends next, and how
 * long after its last packet. State is kept in columns, one row an open flow; a
 * flow that has ended frees its row.
 */
import { ACK, CLIENTS, FIN, ICMP, type Packet, PSH, RST, SYN, TCP, UDP } from './frames.ts';
import type { Random } from './random.ts';

export const KIND_WEB = 0;
export const KIND_SCAN = 1;
export const KIND_DNS = 2;
export const KIND_QUIC = 3;
export const KIND_CLOCK = 4;
export const KIND_PING = 5;
/** Kinds of elephants: bulk transfer, interactive TCP, voice over UDP. */
export const KIND_BULK = 6;
export const KIND_INTERACTIVE = 7;
export const KIND_VOICE = 8;

const PHASE_SYN = 0;
const PHASE_SYN_ACK = 1;
const PHASE_ACK = 2;
const PHASE_OPEN = 3;
const PHASE_FIN = 4;
const PHASE_FIN_ACK = 5;
const PHASE_LAST_ACK = 6;
const PHASE_RST = 7;

const FLAG_V6 = 1;
const FLAG_TIMESTAMPS = 2;
const FLAG_FROM_SERVER = 4;
/** The flow falls silent instead of closing. */
const FLAG_SILENT = 8;
/** The flow is closed by a reset. */
const FLAG_RESET = 16;

/** What `step` returns for a flow's last packet. */
export const ENDED = -1;

/** Microseconds a second. */
const SECOND = 1_000_000;

/**
 * Packets of flows of a heavy-tailed size, by how many halvings of the scale lie above
 * the drawn number: one flow in 2^k has entry k or a later one.
 */
const HEAVY_TAIL = [7, 10, 14, 20, 32, 56, 100, 170, 300, 540, 960, 1700, 3000, 5000, 5000];

export class Flows {
  /** Next flow in whichever list the flow stands in. */
  next: Int32Array;
  /** When the flow sends next: the scheduler's ticks. */
  due: Uint32Array;
  private kind: Uint8Array;
  private flags: Uint8Array;
  private phase: Uint8Array;
  private vlan: Uint16Array;
  private client: Uint32Array;
  private server: Uint32Array;
  private clientPort: Uint16Array;
  private serverPort: Uint16Array;
  private clientSeq: Uint32Array;
  private serverSeq: Uint32Array;
  private clientWindow: Uint16Array;
  private serverWindow: Uint16Array;
  /** Packets left before the flow closes. */
  private left: Int32Array;
  /** Packets left in this direction before the other side's turn. */
  private burst: Uint8Array;
  /** Segments that the other side has not acknowledged. */
  private unacked: Uint8Array;
  /** Payload of a full segment. */
  private segment: Uint16Array;
  /** Payload of the last segment, for retransmissions. */
  private lastSegment: Uint16Array;
  /** Round trip in microseconds. */
  private trip: Uint32Array;
  private readonly packet: Packet;
  private readonly random: Random;
  private free = -1;
  private rows = 0;
  private drawn = 0;
  private scanned = 0;

  /** @param packet where `step` puts the packet that a flow sends */
  constructor(packet: Packet, random: Random, capacity = 1 << 14) {
    this.packet = packet;
    this.random = random;
    this.next = new Int32Array(capacity);
    this.due = new Uint32Array(capacity);
    this.kind = new Uint8Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.phase = new Uint8Array(capacity);
    this.vlan = new Uint16Array(capacity);
    this.client = new Uint32Array(capacity);
    this.server = new Uint32Array(capacity);
    this.clientPort = new Uint16Array(capacity);
    this.serverPort = new Uint16Array(capacity);
    this.clientSeq = new Uint32Array(capacity);
    this.serverSeq = new Uint32Array(capacity);
    this.clientWindow = new Uint16Array(capacity);
    this.serverWindow = new Uint16Array(capacity);
    this.left = new Int32Array(capacity);
    this.burst = new Uint8Array(capacity);
    this.unacked = new Uint8Array(capacity);
    this.segment = new Uint16Array(capacity);
    this.lastSegment = new Uint16Array(capacity);
    this.trip = new Uint32Array(capacity);
  }

  /** Begins a short flow of a kind that is drawn. @returns its row */
  beginMouse(): number {
    const draw = this.random.below(1000);
    if (draw < 360) return this.begin(KIND_WEB, this.heavyTail());
    if (draw < 460) return this.begin(KIND_SCAN, 2);
    if (draw < 830) return this.begin(KIND_DNS, this.random.oneIn(20) ? 1 : 2);
    if (draw < 910) return this.begin(KIND_QUIC, this.heavyTail());
    if (draw < 960) return this.begin(KIND_CLOCK, 2);
    return this.begin(KIND_PING, 2 * (1 + this.random.below(4)));
  }

  /** A size whose logarithm is spread evenly: a Weyl sequence, so that any stretch of flows has about the same mean. */
  private heavyTail(): number {
    this.drawn = (this.drawn + 0x9e3779b1) >>> 0;
    const level = Math.min(Math.clz32(this.drawn), HEAVY_TAIL.length - 2);
    const from = HEAVY_TAIL[level];
    return from + this.random.below(Math.max(1, HEAVY_TAIL[level + 1] - from));
  }

  /** Begins a flow of a kind and of about so many packets. @returns its row */
  begin(kind: number, packets: number): number {
    const { random } = this;
    const row = this.take();
    const bits = random.next();
    let flags = random.oneIn(10) ? FLAG_V6 : 0;
    if ((bits & 1) !== 0) flags |= FLAG_TIMESTAMPS;
    const close = random.below(100);
    if (close < 8) flags |= FLAG_SILENT;
    else if (close < 22) flags |= FLAG_RESET;
    this.kind[row] = kind;
    this.phase[row] = kind === KIND_SCAN || this.isTcp(row) ? PHASE_SYN : PHASE_OPEN;
    this.vlan[row] = (bits >>> 1) % 8 === 0 ? 100 + ((bits >>> 4) & 7) : 0;
    this.client[row] = random.below(8192);
    // Few servers are popular: the range from which one is drawn is itself drawn.
    this.server[row] = CLIENTS + (random.next() >>> (18 + random.below(9)));
    this.clientPort[row] = 32768 + random.below(28232);
    this.serverPort[row] = 443;
    this.clientSeq[row] = random.next();
    this.serverSeq[row] = random.next();
    this.clientWindow[row] = 502;
    this.serverWindow[row] = 501;
    this.left[row] = packets;
    this.unacked[row] = 0;
    this.burst[row] = 1;
    this.lastSegment[row] = 0;
    this.trip[row] = 200 << random.below(9);
    if (kind === KIND_WEB) {
      if ((bits & 0x300) === 0) this.serverPort[row] = [80, 8080, 25, 5222][(bits >>> 10) & 3];
      // A flow of full segments for each four of small messages gives the mean that traffic of many small packets has.
      this.segment[row] = random.below(5) === 0 ? 1448 : 40 + random.below(300);
    } else if (kind === KIND_SCAN) {
      // A few hosts go through addresses and ports in order.
      this.client[row] = 9000 + (bits & 3);
      this.server[row] = CLIENTS + ((this.scanned >>> 3) & 0xffff);
      this.serverPort[row] = [22, 23, 80, 443, 445, 3389, 8080, 5900][this.scanned++ & 7];
      flags &= ~(FLAG_V6 | FLAG_TIMESTAMPS);
      if (random.below(10) < 6) this.left[row] = 1;
    } else if (kind === KIND_DNS) {
      this.server[row] = CLIENTS + random.below(3);
      this.serverPort[row] = 53;
      this.segment[row] = 30 + random.below(40);
    } else if (kind === KIND_QUIC) {
      this.segment[row] = random.oneIn(6) ? 1252 : 60 + random.below(200);
    } else if (kind === KIND_CLOCK) {
      this.server[row] = CLIENTS + 16 + random.below(8);
      this.serverPort[row] = 123;
      this.segment[row] = 48;
    } else if (kind === KIND_PING) {
      this.serverPort[row] = this.clientPort[row];
      this.segment[row] = 56;
      this.trip[row] = SECOND;
    } else if (kind === KIND_BULK) {
      this.segment[row] = 1448;
    } else if (kind === KIND_INTERACTIVE) {
      this.serverPort[row] = 22;
      this.segment[row] = 36 + random.below(64);
    } else if (kind === KIND_VOICE) {
      this.clientPort[row] = 16384 + random.below(8192) * 2;
      this.serverPort[row] = 16384 + random.below(8192) * 2;
      this.segment[row] = 172;
    }
    this.flags[row] = flags;
    return row;
  }

  /**
   * Puts the next packet of a flow into `packet`.
   * @returns microseconds until the flow sends again, or ENDED: the row is free then
   */
  step(row: number): number {
    const { packet } = this;
    const flags = this.flags[row];
    packet.v6 = (flags & FLAG_V6) !== 0;
    packet.vlan = this.vlan[row];
    const kind = this.kind[row];
    let wait: number;
    if (kind === KIND_SCAN) wait = this.scan(row);
    else if (this.isTcp(row)) wait = this.tcp(row);
    else wait = this.datagram(row, kind);
    if (wait === ENDED) {
      this.next[row] = this.free;
      this.free = row;
    }
    return wait;
  }

  private isTcp(row: number): boolean {
    const kind = this.kind[row];
    return kind === KIND_WEB || kind === KIND_BULK || kind === KIND_INTERACTIVE;
  }

  /** Addresses and ports of a packet from one side to the other. */
  private direct(row: number, fromServer: boolean): void {
    const { packet } = this;
    packet.from = fromServer ? this.server[row] : this.client[row];
    packet.to = fromServer ? this.client[row] : this.server[row];
    packet.fromPort = fromServer ? this.serverPort[row] : this.clientPort[row];
    packet.toPort = fromServer ? this.clientPort[row] : this.serverPort[row];
  }

  /** A TCP packet with the flow's numbers; sequence numbers move on. */
  private segmentOut(row: number, fromServer: boolean, flags: number, payload: number): void {
    const { packet } = this;
    this.direct(row, fromServer);
    packet.proto = TCP;
    packet.flags = flags;
    packet.payload = payload;
    packet.options = (flags & SYN) !== 0 ? 20 : (this.flags[row] & FLAG_TIMESTAMPS) !== 0 ? 12 : 0;
    packet.seq = fromServer ? this.serverSeq[row] : this.clientSeq[row];
    packet.ack = (flags & ACK) === 0 ? 0 : fromServer ? this.clientSeq[row] : this.serverSeq[row];
    packet.window = (flags & SYN) !== 0 ? 64240 : fromServer ? this.serverWindow[row] : this.clientWindow[row];
    const moved = payload + ((flags & (SYN | FIN)) !== 0 ? 1 : 0);
    if (fromServer) this.serverSeq[row] += moved;
    else this.clientSeq[row] += moved;
  }

  private tcp(row: number): number {
    const trip = this.trip[row];
    const fromServer = (this.flags[row] & FLAG_FROM_SERVER) !== 0;
    this.left[row]--;
    switch (this.phase[row]) {
      case PHASE_SYN:
        this.segmentOut(row, false, SYN, 0);
        this.phase[row] = PHASE_SYN_ACK;
        return trip;
      case PHASE_SYN_ACK:
        this.segmentOut(row, true, SYN | ACK, 0);
        this.phase[row] = PHASE_ACK;
        return trip >>> 3;
      case PHASE_ACK:
        this.segmentOut(row, false, ACK, 0);
        this.phase[row] = PHASE_OPEN;
        return trip >>> 4;
      case PHASE_OPEN:
        return this.transfer(row, fromServer, trip);
      case PHASE_FIN:
        this.segmentOut(row, fromServer, FIN | ACK, 0);
        this.phase[row] = PHASE_FIN_ACK;
        return trip;
      case PHASE_FIN_ACK:
        this.segmentOut(row, !fromServer, FIN | ACK, 0);
        this.phase[row] = PHASE_LAST_ACK;
        return trip >>> 3;
      case PHASE_RST:
        this.segmentOut(row, fromServer, RST | ACK, 0);
        return ENDED;
      default:
        this.segmentOut(row, fromServer, ACK, 0);
        return ENDED;
    }
  }

  /** Data in turns of a few segments, acknowledged every second one and at the end of a turn. */
  private transfer(row: number, fromServer: boolean, trip: number): number {
    const { random } = this;
    const kind = this.kind[row];
    if (this.unacked[row] >= 2 || (this.burst[row] === 0 && this.unacked[row] > 0)) {
      // The receiver's window moves with what its program has taken.
      if (random.below(3) === 0) {
        const window = 400 + random.below(256);
        if (fromServer) this.clientWindow[row] = window;
        else this.serverWindow[row] = window;
      }
      this.segmentOut(row, !fromServer, ACK, 0);
      this.unacked[row] = 0;
      return this.burst[row] > 0 ? trip >>> 4 : trip;
    }
    if (this.burst[row] === 0) {
      if (this.left[row] < 4) {
        const flags = this.flags[row];
        if ((flags & FLAG_SILENT) !== 0) {
          this.segmentOut(row, fromServer, PSH | ACK, this.segment[row]);
          return ENDED;
        }
        if ((flags & FLAG_RESET) !== 0) {
          this.phase[row] = PHASE_RST;
          this.segmentOut(row, fromServer, PSH | ACK, this.segment[row]);
          return trip;
        }
        this.phase[row] = PHASE_FIN_ACK;
        this.segmentOut(row, fromServer, FIN | ACK, 0);
        return trip;
      }
      fromServer = !fromServer;
      this.flags[row] ^= FLAG_FROM_SERVER;
      // Clients ask in one or two segments, servers answer in more; a bulk transfer hardly ever turns.
      this.burst[row] = !fromServer ? 1 + random.below(2) : kind === KIND_BULK ? 250 : 1 + random.below(8);
    }
    this.burst[row]--;
    this.unacked[row]++;
    const { packet } = this;
    const lastSegment = this.lastSegment[row];
    if (lastSegment !== 0 && this.unacked[row] === 2 && random.oneIn(200)) {
      // A segment sent twice.
      this.segmentOut(row, fromServer, ACK, 0);
      packet.payload = lastSegment;
      packet.seq = (packet.seq - lastSegment) >>> 0;
      return trip;
    }
    const full = this.segment[row];
    const payload = this.burst[row] > 0 ? full : 20 + random.below(full);
    this.lastSegment[row] = payload;
    this.segmentOut(row, fromServer, this.burst[row] === 0 ? PSH | ACK : ACK, payload);
    if (kind === KIND_WEB && random.oneIn(24)) return trip + (random.next() >>> 11);
    return this.burst[row] > 0 ? 20 + random.below(200) : trip;
  }

  /** A SYN that nobody answers, or that is answered by a reset. */
  private scan(row: number): number {
    if (this.phase[row] === PHASE_SYN) {
      this.segmentOut(row, false, SYN, 0);
      this.phase[row] = PHASE_SYN_ACK;
      return --this.left[row] > 0 ? this.trip[row] : ENDED;
    }
    this.packet.window = 0;
    this.serverWindow[row] = 0;
    this.serverSeq[row] = 0;
    this.segmentOut(row, true, RST | ACK, 0);
    return ENDED;
  }

  private datagram(row: number, kind: number): number {
    const { packet, random } = this;
    if (this.burst[row] === 0) {
      this.flags[row] ^= FLAG_FROM_SERVER;
      this.burst[row] = kind === KIND_QUIC ? 1 + random.below(6) : 1;
    }
    this.burst[row]--;
    const fromServer = (this.flags[row] & FLAG_FROM_SERVER) !== 0;
    this.direct(row, fromServer);
    let payload = this.segment[row];
    if (kind === KIND_DNS && fromServer) payload += 16 + random.below(200);
    else if (kind === KIND_QUIC) payload = this.clientSeq[row]++ === 0 ? 1200 : 24 + random.below(payload);
    packet.payload = payload;
    packet.proto = kind === KIND_PING ? ICMP : UDP;
    packet.reply = fromServer;
    if (kind === KIND_PING) {
      packet.seq = this.serverSeq[row] & 0xffff;
      if (fromServer) this.serverSeq[row]++;
    }
    if (--this.left[row] <= 0) return ENDED;
    if (kind === KIND_VOICE) return 10_000;
    if (kind === KIND_QUIC && random.oneIn(32)) return random.next() >>> 11;
    if (kind === KIND_PING && !fromServer) return this.trip[row] >>> 6;
    return this.burst[row] > 0 ? 20 + random.below(200) : this.trip[row];
  }

  private take(): number {
    if (this.free >= 0) {
      const row = this.free;
      this.free = this.next[row];
      return row;
    }
    if (this.rows === this.next.length) this.grow();
    return this.rows++;
  }

  private grow(): void {
    const larger = new Flows(this.packet, this.random, this.next.length * 2);
    for (const [name, column] of Object.entries(this) as [keyof this, unknown][]) {
      if (!ArrayBuffer.isView(column)) continue;
      const grown = (larger as unknown as this)[name] as unknown as Uint32Array;
      grown.set(column as Uint32Array);
      (this[name] as unknown) = grown;
    }
  }
}
