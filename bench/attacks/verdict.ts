/** Whether an attack was borne: costs in line with bytes, memory in bounds, cost at most a little more than twice for twice the size. */
import { type Attack, MOST_RATIO } from './attack.ts';
import type { Measured } from './run.ts';

/** Cpu seconds below which a difference says nothing. */
const NOISE_SECONDS = 1;
/** The same of the smaller run: a ratio over less is the ratio of two errors. */
const NOISE_OF_ONE_SECONDS = 0.5;
/** Cpu seconds that any run may take beside what an empty one does. */
const FREE_SECONDS = 1;

/** Cost at twice the size over cost at the size, what an empty capture costs taken off both; null where it is too small to tell. */
export function ratioOf(runs: readonly Measured[], empty: Measured): number | null {
  if (runs.length < 2) return null;
  const [one, two] = runs.map(({ cpuSeconds }) => cpuSeconds - empty.cpuSeconds);
  return two < NOISE_SECONDS || one < NOISE_OF_ONE_SECONDS ? null : two / one;
}

/** What is beyond its bound, in words; nothing when all is in bounds. */
export function brokenBounds(attack: Attack, runs: readonly Measured[], empty: Measured): string[] {
  const broken: string[] = [];
  const { bound } = attack;
  for (const run of runs) {
    const of = `${run.size} ${attack.unit}`;
    if (run.exit !== (bound.exit ?? 0)) {
      broken.push(
        `${of}: ${run.exit === null ? run.seen : `exit code ${run.exit}, not ${bound.exit ?? 0}: ${run.seen}`}`,
      );
      continue;
    }
    const allowed = FREE_SECONDS + Math.max(run.storedMB, run.plainMB) * bound.cpuPerMB;
    const cost = run.cpuSeconds - empty.cpuSeconds;
    if (cost > allowed) broken.push(`${of}: ${cost.toFixed(1)} s of cpu, ${allowed.toFixed(1)} allowed`);
    if (run.peakMB > bound.peakMB) broken.push(`${of}: ${run.peakMB.toFixed(0)} MB, ${bound.peakMB} allowed`);
  }
  const ratio = ratioOf(runs, empty);
  if (ratio !== null && ratio > MOST_RATIO) broken.push(`twice the size costs ${ratio.toFixed(1)} times as much`);
  return broken;
}
