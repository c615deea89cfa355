/**
 * The order of captures, for every stage: by the first packet time, the last, and the
 * digest of the records; then by how they are stored; and only then by name.
 *
 * Captures equal in the first three have equal records in equal order. Whichever of
 * them comes first, the merge gives the same packets in the same order, as long as all
 * stages use the same order: map sorts a shard's rows by it, balance joins
 * fragments by it, and reduce merges by the ranks that follow from it. So the order of
 * such captures is visible only in the columns that name captures and offsets.
 */
import type { CaptureOutcome, PlannedCapture } from './tasks/maptask.ts';

/** What distinguishes captures with equal records. */
export type Stored = Pick<PlannedCapture, 'headDigest' | 'size' | 'name'>;

/** What ranks a capture. */
export type Ranked = Pick<CaptureOutcome, 'facts' | 'digest'> & { capture: Stored };

function compareTimes(aUs: number | null, aNs: number | null, bUs: number | null, bNs: number | null): number {
  if (aUs === null || bUs === null) return aUs === bUs ? 0 : aUs === null ? 1 : -1;
  return aUs - bUs || (aNs ?? 0) - (bNs ?? 0);
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Order of two captures with equal records: by their first stored bytes, their size, their name. */
export function compareStored(a: Stored, b: Stored): number {
  return compareTexts(a.headDigest, b.headDigest) || a.size - b.size || compareTexts(a.name, b.name);
}

/** Order of two captures; captures without packets come last. Those that could not be read have no records to compare: by name. */
export function compareCaptures(a: Ranked, b: Ranked): number {
  return (
    compareTimes(a.facts.firstUs, a.facts.firstNs, b.facts.firstUs, b.facts.firstNs) ||
    compareTimes(a.facts.lastUs, a.facts.lastNs, b.facts.lastUs, b.facts.lastNs) ||
    compareTexts(a.digest ?? '', b.digest ?? '') ||
    (a.digest === null ? compareTexts(a.capture.name, b.capture.name) : compareStored(a.capture, b.capture))
  );
}
