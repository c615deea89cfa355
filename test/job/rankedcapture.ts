/** A capture as balance hands it on, made from the few facts that a test is about. */
import type { RankedCapture } from '../../shared/job/tasks/maptask.ts';
import { type FateName, fateOf } from '../../shared/packet/fate.ts';
import type { Undecoded } from '../../shared/packet/undecoded.ts';
import { SPACE_ETHER_TYPE, SPACE_LINK_TYPE } from '../../shared/packet/undecodednames.ts';
import { failedOutcome } from '../../shared/stage/unreadable.ts';

export interface MadeCapture {
  /** Earliest and latest packet, microseconds since 1970; without them there are no packets. */
  first?: number;
  last?: number;
  /** Packets by their fate. */
  fates?: Partial<Record<FateName, number>>;
  /** EtherTypes and link types that are not decoded, by number. */
  etherTypes?: Record<number, number>;
  linkTypes?: Record<number, number>;
  fragmentsCompleted?: number;
  fragmentsIncomplete?: number;
}

function undecoded(space: number, counts: Record<number, number> = {}): Undecoded[] {
  return Object.entries(counts).map(([number, count]) => ({ space, number: Number(number), count }));
}

export function rankedCapture(name: string, made: MadeCapture): RankedCapture {
  const outcome = failedOutcome({ name, location: name, size: 0, version: 'v', headUs: null, headDigest: '' });
  let records = 0;
  for (const [fate, packets] of Object.entries(made.fates ?? {})) {
    outcome.fates[fateOf(fate as FateName)] = packets;
    records += packets;
  }
  outcome.undecoded = [...undecoded(SPACE_ETHER_TYPE, made.etherTypes), ...undecoded(SPACE_LINK_TYPE, made.linkTypes)];
  const { first = null, last = first, fragmentsCompleted = 0, fragmentsIncomplete = 0 } = made;
  const facts = {
    ...outcome.facts,
    status: 'complete' as const,
    records,
    firstUs: first,
    firstNs: 0,
    lastUs: last,
    lastNs: 0,
  };
  return { ...outcome, facts, failure: null, fragmentsCompleted, fragmentsIncomplete, copyOf: null };
}
