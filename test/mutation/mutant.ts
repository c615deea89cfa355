/** One small fault in one source file. */

export interface Mutant {
  /** Path of the source file, from the root of the repository. */
  file: string;
  line: number;
  /** Characters [start, end) of the source are replaced. */
  start: number;
  end: number;
  was: string;
  becomes: string;
}

/** The source with the mutant's fault in it. */
export function mutated(source: string, { start, end, becomes }: Mutant): string {
  return source.slice(0, start) + becomes + source.slice(end);
}
