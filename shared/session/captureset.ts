/**
 * Which captures hold packets of a session: first, last and the exact number of distinct ones. The two seen latest are
 * kept in the session's slot: most sessions need no more, also when packets alternate between two captures. All others
 * are in a hash table over (session, 32 captures), one bit a capture: a packet costs a constant number of steps,
 * however many captures a session has and in any order.
 */
import { DRAWN_FOR_WORD, draw, hashOfSums } from '../packet/flow/keyhash.ts';
import type { SessionSlots } from './slots.ts';
import * as L from './slots.ts';

/** This process's random numbers: an attacker could choose which captures overlap. */
const DRAWN = draw(2);

/** Capture ranks of all open sessions; their nodes share one pool. */
export class CaptureSets {
  /** Nodes visited so far, for tests. */
  steps = 0;
  private readonly s: SessionSlots;
  private readonly drawn: Int32Array;
  /** Of a node: its session's slot, its group of 32 captures (rank / 32), and a bit for each capture seen. */
  private slot = new Int32Array(64);
  private group = new Int32Array(64);
  private bits = new Int32Array(64);
  /** The next node of the same session, or the next free node; the next of the same hash. -1 = none. */
  private next = new Int32Array(64);
  private chain = new Int32Array(64);
  /** First node by hash; twice as many as nodes. */
  private heads = new Int32Array(128).fill(-1);
  private free = -1;
  private used = 0;

  /** @param drawn random numbers of the hash for 2 words; tests pass their own */
  constructor(slots: SessionSlots, drawn: Int32Array = DRAWN) {
    this.s = slots;
    this.drawn = drawn;
  }

  /** A new session with its first packet. */
  open(slot: number, capture: number): void {
    const words = this.s.words;
    const at = slot * L.WORDS;
    words[at + L.W_CAPTURE_LATEST] = capture;
    words[at + L.W_CAPTURE_BEFORE] = -1;
    words[at + L.W_CAPTURE_FIRST] = capture;
    words[at + L.W_CAPTURE_LAST] = capture;
    words[at + L.W_CAPTURE_MAX] = capture;
    words[at + L.W_CAPTURE_COUNT] = 1;
    words[at + L.W_CAPTURE_LIST] = -1;
  }

  /** Notes that `capture` has a packet or fragment of the session. */
  enter(slot: number, capture: number): void {
    const words = this.s.words;
    const at = slot * L.WORDS;
    const latest = words[at + L.W_CAPTURE_LATEST];
    if (capture === latest) return;
    const before = words[at + L.W_CAPTURE_BEFORE];
    words[at + L.W_CAPTURE_LATEST] = capture;
    words[at + L.W_CAPTURE_BEFORE] = latest;
    if (capture === before) return;
    if (before >= 0) this.put(slot, before);
    if (capture > words[at + L.W_CAPTURE_MAX]) words[at + L.W_CAPTURE_MAX] = capture;
    else if (this.has(slot, capture)) return;
    words[at + L.W_CAPTURE_COUNT]++;
  }

  /** Ranks of the captures in the nodes of a session, ascending: all but those in its slot, some of which too. */
  list(slot: number): number[] {
    const ranks: number[] = [];
    for (let node = this.s.words[slot * L.WORDS + L.W_CAPTURE_LIST]; node >= 0; node = this.next[node])
      for (let bits = this.bits[node]; bits !== 0; bits &= bits - 1)
        ranks.push(this.group[node] * 32 + 31 - Math.clz32(bits & -bits));
    return ranks.sort((a, b) => a - b);
  }

  /** Makes nodes with these ranks for a session that has none; its slot has its other captures. */
  restore(slot: number, ranks: readonly number[]): void {
    this.s.words[slot * L.WORDS + L.W_CAPTURE_LIST] = -1;
    for (const rank of ranks) this.put(slot, rank);
  }

  /** Frees the nodes of a session. */
  close(slot: number): void {
    const words = this.s.words;
    const at = slot * L.WORDS + L.W_CAPTURE_LIST;
    for (let node = words[at]; node >= 0; node = words[at]) {
      words[at] = this.next[node];
      this.unchain(node);
      this.next[node] = this.free;
      this.free = node;
    }
  }

  private has(slot: number, capture: number): boolean {
    const node = this.find(slot, capture >>> 5);
    return node >= 0 && (this.bits[node] & (1 << (capture & 31))) !== 0;
  }

  private put(slot: number, capture: number): void {
    const group = capture >>> 5;
    let node = this.find(slot, group);
    if (node < 0) node = this.add(slot, group);
    this.bits[node] |= 1 << (capture & 31);
  }

  private find(slot: number, group: number): number {
    // Captures mostly come in the order of their ranks: try the latest node first.
    const latest = this.s.words[slot * L.WORDS + L.W_CAPTURE_LIST];
    if (latest < 0 || this.group[latest] === group) return latest;
    let node = this.heads[this.head(slot, group)];
    this.steps++;
    while (node >= 0 && (this.slot[node] !== slot || this.group[node] !== group)) {
      node = this.chain[node];
      this.steps++;
    }
    return node;
  }

  private head(slot: number, group: number): number {
    const d = this.drawn;
    const sum = (at: number): number =>
      Math.imul(d[at], slot & 0xffff) +
      Math.imul(d[at + 1], slot >>> 16) +
      Math.imul(d[at + DRAWN_FOR_WORD], group & 0xffff) +
      Math.imul(d[at + DRAWN_FOR_WORD + 1], group >>> 16);
    return hashOfSums(sum(0), sum(2)) & (this.heads.length - 1);
  }

  private add(slot: number, group: number): number {
    let node = this.free;
    if (node >= 0) this.free = this.next[node];
    else {
      if (this.used === this.slot.length) this.grow();
      node = this.used++;
    }
    const at = slot * L.WORDS + L.W_CAPTURE_LIST;
    this.slot[node] = slot;
    this.group[node] = group;
    this.bits[node] = 0;
    this.next[node] = this.s.words[at];
    this.s.words[at] = node;
    const head = this.head(slot, group);
    this.chain[node] = this.heads[head];
    this.heads[head] = node;
    return node;
  }

  private unchain(node: number): void {
    const head = this.head(this.slot[node], this.group[node]);
    this.steps++;
    if (this.heads[head] === node) {
      this.heads[head] = this.chain[node];
      return;
    }
    let before = this.heads[head];
    while (this.chain[before] !== node) {
      before = this.chain[before];
      this.steps++;
    }
    this.chain[before] = this.chain[node];
  }

  /** Only called when every node is in use. */
  private grow(): void {
    for (const name of ['slot', 'group', 'bits', 'next', 'chain'] as const) {
      const grown = new Int32Array(this.used * 2);
      grown.set(this[name]);
      this[name] = grown;
    }
    this.heads = new Int32Array(this.used * 4).fill(-1);
    for (let node = 0; node < this.used; node++) {
      const head = this.head(this.slot[node], this.group[node]);
      this.chain[node] = this.heads[head];
      this.heads[head] = node;
    }
  }
}
