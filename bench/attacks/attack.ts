/** What an attack is: captures made from a size, and what they may cost. */

export interface Attack {
  name: string;
  /** What is hostile about it, in a few words. */
  what: string;
  /** Sizes at scale 1: the second one twice the first, so that their costs show whether cost grows with size. */
  size: number;
  /** In what sizes are counted. */
  unit: string;
  /** Attacks of one size only: what grows is not the cost. */
  once?: boolean;
  /** Writes the captures of a size into an empty folder. */
  make(folder: string, size: number): void | Promise<void>;
  /** Arguments for `flowstitch run`. */
  options?: readonly string[];
  bound: Bound;
}

/** What must hold, with room for machines three times as slow. */
export interface Bound {
  /** Cpu seconds beyond those of an empty capture, for each million bytes: stored ones, or uncompressed ones where these are more. */
  cpuPerMB: number;
  /** Peak memory in millions of bytes. */
  peakMB: number;
  /** Exit code; 0 when absent. */
  exit?: number;
}

/** Cost of twice the size, at most, as a multiple of the cost of the size. */
export const MOST_RATIO = 3;
