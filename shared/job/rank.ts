/**
 * The order of captures: by their first packet time, their last, and the digest of
 * their records; never by name or arrival. Captures equal in all three hold the
 * same records, so their order cannot matter to a result.
 */
import type { CaptureOutcome } from './types.ts';

/** What ranks a capture. */
export type Ranked = Pick<CaptureOutcome, 'facts' | 'digest'>;

function compareTimes(aUs: number | null, aNs: number | null, bUs: number | null, bNs: number | null): number {
  if (aUs === null || bUs === null) return aUs === bUs ? 0 : aUs === null ? 1 : -1;
  return aUs - bUs || (aNs ?? 0) - (bNs ?? 0);
}

/** Order of two captures; captures without records come last. */
export function compareTriples(a: Ranked, b: Ranked): number {
  return (
    compareTimes(a.facts.firstUs, a.facts.firstNs, b.facts.firstUs, b.facts.firstNs) ||
    compareTimes(a.facts.lastUs, a.facts.lastNs, b.facts.lastUs, b.facts.lastNs) ||
    (a.digest === b.digest ? 0 : (a.digest ?? '') < (b.digest ?? '') ? -1 : 1)
  );
}
