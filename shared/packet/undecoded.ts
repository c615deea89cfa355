/**
 * What records hold that nothing is decoded of, by the number that says so: a link type, an EtherType, a service access
 * point of LLC, ... A decoder notes it in the cursor before it returns a fate; a capture's counts go into its row of
 * the captures table and into the job's summary. undecodednames.ts has the names of common ones.
 */
import { FATE_NOT_IP } from './fate.ts';
import type { PacketCursor } from './packetcursor.ts';
import { undecodedName } from './undecodednames.ts';

/** Distinct ones that are counted by name in a capture; further ones are counted together. */
export const UNDECODED_LISTED = 100;

/** One of a capture: a space and a number in it (undecodednames.ts), and how many records. */
export interface Undecoded {
  readonly space: number;
  readonly number: number;
  readonly count: number;
}

/** Notes what follows in the record, for which there is no decoder. @returns the complement of FATE_NOT_IP */
export function notIp(c: PacketCursor, space: number, number: number): number {
  c.undecoded(space, number);
  return ~FATE_NOT_IP;
}

/** As Undecoded, the number -1 for those beyond UNDECODED_LISTED. */
const OTHERS = { space: 0, number: -1 };

/** Slots of the hash table, a power of two. */
const SLOTS = 256;

/** Counts of one capture: bounded, and nothing is allocated for a record. */
export class UndecodedCounts {
  private readonly slots = new Uint8Array(SLOTS);
  private readonly spaces = new Int32Array(UNDECODED_LISTED);
  private readonly numbers = new Int32Array(UNDECODED_LISTED);
  private readonly counts = new Float64Array(UNDECODED_LISTED);
  private length = 0;
  private others = 0;

  add(space: number, number: number): void {
    let slot = (Math.imul(number ^ (space << 12) ^ space, 0x9e3779b1) >>> 16) & (SLOTS - 1);
    for (;;) {
      const entry = this.slots[slot] - 1;
      if (entry < 0) break;
      if (this.numbers[entry] === number && this.spaces[entry] === space) {
        this.counts[entry]++;
        return;
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
    if (this.length === UNDECODED_LISTED) {
      this.others++;
      return;
    }
    this.spaces[this.length] = space;
    this.numbers[this.length] = number;
    this.counts[this.length] = 1;
    this.slots[slot] = ++this.length;
  }

  /** In order of first appearance, those beyond the bound last. Starts over. */
  take(): Undecoded[] {
    const taken: Undecoded[] = [];
    for (let entry = 0; entry < this.length; entry++)
      taken.push({ space: this.spaces[entry], number: this.numbers[entry], count: this.counts[entry] });
    if (this.others > 0) taken.push({ ...OTHERS, count: this.others });
    this.slots.fill(0);
    this.length = 0;
    this.others = 0;
    return taken;
  }
}

export interface UndecodedName {
  /** As `ethertype_0x0806_ARP` (undecodednames.ts). */
  name: string;
  /** Records. */
  count: number;
}

/** Counts by name, the most frequent first; equal ones by name. */
export function undecodedByName(counted: Iterable<Undecoded>): UndecodedName[] {
  const counts = new Map<string, number>();
  for (const { space, number, count } of counted) {
    const name = number === OTHERS.number ? 'others' : undecodedName(space, number);
    counts.set(name, (counts.get(name) ?? 0) + count);
  }
  const named = Array.from(counts, ([name, count]) => ({ name, count }));
  return named.sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}
