/**
 * Captures that hold the same packets as another one: the same file under another name, compressed, or in another
 * format. "The same" is an equal digest of all records (packet/recorddigest.ts), and as many of them; captures without
 * records are no copies of each other, nor are those that could not be read to their end.
 */
import type { CaptureOutcome } from '../tasks/maptask.ts';

/**
 * Of each capture that is a copy, the rank of the one that is used instead, else null. Used is the one without damage,
 * and among several such the first by name.
 *
 * @param captures by rank: copies of each other are neighbours
 */
export function copiesAmong(captures: readonly CaptureOutcome[]): (number | null)[] {
  const copyOf = new Array<number | null>(captures.length).fill(null);
  for (let from = 0, to = 1; from < captures.length; from = to++) {
    while (to < captures.length && holdTheSame(captures[from], captures[to])) to++;
    let used = from;
    for (let rank = from + 1; rank < to; rank++) if (isPreferred(captures[rank], captures[used])) used = rank;
    for (let rank = from; rank < to; rank++) if (rank !== used) copyOf[rank] = used;
  }
  return copyOf;
}

function holdTheSame(a: CaptureOutcome, b: CaptureOutcome): boolean {
  return a.digest !== null && a.digest === b.digest && a.facts.records === b.facts.records && a.facts.records > 0;
}

function isPreferred(a: CaptureOutcome, b: CaptureOutcome): boolean {
  const isWhole = a.facts.status === 'complete';
  if (isWhole !== (b.facts.status === 'complete')) return isWhole;
  return a.capture.name < b.capture.name;
}
