/**
 * Packets that ended outside sessions although they may hold what a session is made of: a job that left most of its
 * packets out must not look like one that had no more. ARP and the like are not meant: they carry no IP.
 */
import { FATE_NOT_IP, FATES } from '../packet/fate.ts';
import type { RankedCapture } from './maptask.ts';
import { INCOMPLETE, remedyOf } from './remedies.ts';

/** Fates of packets that hold nothing of a session: they are complete, and say so. */
const EMPTY = new Set<string>(['teredo_bubble', 'ipv6_no_next', 'ipv6_mobility']);

/** A reason, and the packets that have it. */
export interface OutsideReason {
  /** Name of a fate, `fragments_incomplete`, or of what is not decoded (`link_type_230_...`). */
  reason: string;
  packets: number;
  /** What can be done. */
  remedy: string;
}

/** A capture with more than half of its packets outside sessions. */
export interface UnusedCapture {
  capture: string;
  packets: number;
  outside: number;
  /** The most frequent reason. */
  reason: string;
}

export interface Outside {
  packets: number;
  /** The most frequent first; equal ones by name. */
  reasons: OutsideReason[];
  /** In order of rank. */
  captures: UnusedCapture[];
}

export function outsideOf(captures: readonly RankedCapture[]): Outside {
  const all = new Map<string, number>();
  const unused: UnusedCapture[] = [];
  for (const outcome of captures) {
    // The packets of a copy are in the capture used instead.
    if (outcome.copyOf !== null) continue;
    const own = reasonsOf(outcome);
    let outside = 0;
    for (const [reason, packets] of own) {
      outside += packets;
      all.set(reason, (all.get(reason) ?? 0) + packets);
    }
    const { capture, facts } = outcome;
    if (outside * 2 > facts.records)
      unused.push({ capture: capture.name, packets: facts.records, outside, reason: inOrder(own)[0][0] });
  }
  const reasons = inOrder(all).map(([reason, packets]) => ({ reason, packets, remedy: remedyOf(reason) }));
  return { packets: reasons.reduce((sum, { packets }) => sum + packets, 0), reasons, captures: unused };
}

function inOrder(counts: ReadonlyMap<string, number>): [reason: string, packets: number][] {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** Reasons of one capture's packets. */
function reasonsOf({ fates, fragmentsIncomplete }: RankedCapture): Map<string, number> {
  const reasons = new Map<string, number>();
  const add = (reason: string, packets: number): void => {
    if (packets > 0) reasons.set(reason, (reasons.get(reason) ?? 0) + packets);
  };
  for (let fate = FATE_NOT_IP + 1; fate < FATES.length; fate++)
    if (!EMPTY.has(FATES[fate])) add(FATES[fate], fates[fate]);
  add(INCOMPLETE, fragmentsIncomplete);
  return reasons;
}
