/**
 * Which captures hold packets of a session: first, last and the exact number of
 * distinct ones. The usual one or two cost two comparisons; the others stand in
 * a list with the latest first, so that sessions over interleaved captures find
 * theirs near its head.
 */
import * as L from './slots.ts';

// Constants of this module are folded into the machine code; an import would be loaded at each use.
const { WORDS, W_CAPTURE_COUNT, W_CAPTURE_FIRST, W_CAPTURE_LAST, W_CAPTURE_LATEST, W_CAPTURE_LIST, W_CAPTURE_MAX } = L;

/** Capture ranks of all open sessions; the lists share one pool. */
export class CaptureSets {
  private readonly s: L.SessionSlots;
  private rank = new Int32Array(256);
  private next = new Int32Array(256);
  private free = -1;
  private used = 0;

  constructor(slots: L.SessionSlots) {
    this.s = slots;
  }

  /** A new session with its first packet. */
  open(slot: number, capture: number): void {
    const words = this.s.words;
    const at = slot * WORDS;
    words[at + W_CAPTURE_LATEST] = capture;
    words[at + W_CAPTURE_FIRST] = capture;
    words[at + W_CAPTURE_LAST] = capture;
    words[at + W_CAPTURE_MAX] = capture;
    words[at + W_CAPTURE_COUNT] = 1;
    words[at + W_CAPTURE_LIST] = -1;
  }

  /** A packet or fragment of the session stands in `capture`. */
  enter(slot: number, capture: number): void {
    const words = this.s.words;
    const at = slot * WORDS;
    const latest = words[at + W_CAPTURE_LATEST];
    if (capture === latest) return;
    words[at + W_CAPTURE_LATEST] = capture;
    const isNew = capture > words[at + W_CAPTURE_MAX] || !this.take(at, capture);
    if (isNew) {
      words[at + W_CAPTURE_COUNT]++;
      words[at + W_CAPTURE_MAX] = Math.max(words[at + W_CAPTURE_MAX], capture);
    }
    this.put(at, latest);
  }

  /** Gives the list of a session back. */
  close(slot: number): void {
    const words = this.s.words;
    const at = slot * WORDS + W_CAPTURE_LIST;
    for (let node = words[at]; node >= 0; node = words[at]) {
      words[at] = this.next[node];
      this.next[node] = this.free;
      this.free = node;
    }
  }

  /** Takes `capture` out of the list; false when it is not there. */
  private take(at: number, capture: number): boolean {
    const words = this.s.words;
    let before = -1;
    let node = words[at + W_CAPTURE_LIST];
    while (node >= 0 && this.rank[node] !== capture) {
      before = node;
      node = this.next[node];
    }
    if (node < 0) return false;
    if (before < 0) words[at + W_CAPTURE_LIST] = this.next[node];
    else this.next[before] = this.next[node];
    this.next[node] = this.free;
    this.free = node;
    return true;
  }

  private put(at: number, capture: number): void {
    let node = this.free;
    if (node >= 0) this.free = this.next[node];
    else {
      if (this.used === this.rank.length) this.grow();
      node = this.used++;
    }
    this.rank[node] = capture;
    this.next[node] = this.s.words[at + W_CAPTURE_LIST];
    this.s.words[at + W_CAPTURE_LIST] = node;
  }

  private grow(): void {
    const rank = new Int32Array(this.rank.length * 2);
    rank.set(this.rank);
    this.rank = rank;
    const next = new Int32Array(this.next.length * 2);
    next.set(this.next);
    this.next = next;
  }
}
