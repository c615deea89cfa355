/** Progress text: a line that is rewritten on a terminal, plain lines elsewhere. Goes to standard error. */
import { printable } from '../../shared/text/printable.ts';

const CLEAR_LINE = '\r\x1b[K';

/** Where progress is shown. */
export interface ProgressOutput {
  write(text: string): void;
  /** Columns of the terminal; null when it is not one. */
  columns: number | null;
}

/** A stream as a place for progress. */
export function terminalOf(stream: NodeJS.WriteStream): ProgressOutput {
  return {
    write: (text) => void stream.write(text),
    get columns() {
      // Some terminals do not know their width, and say 0.
      return stream.isTTY === true ? stream.columns || 80 : null;
    },
  };
}

export class LiveLine {
  private readonly output: ProgressOutput | null;

  /** @param output null: say nothing */
  constructor(output: ProgressOutput | null) {
    this.output = output;
  }

  /** Whether there is a terminal, whose line can be rewritten. */
  get live(): boolean {
    return this.output?.columns != null;
  }

  /** Rewrites the terminal's line, cut to its width: one that wraps could not be cleared. Prints nothing elsewhere. */
  renew(text: string): void {
    if (this.output?.columns != null)
      this.output.write(`${CLEAR_LINE}${printable(text).slice(0, Math.max(0, this.output.columns - 1))}`);
  }

  /** A line that stays. */
  line(text: string): void {
    this.output?.write(`${this.output.columns === null ? '' : CLEAR_LINE}${printable(text)}\n`);
  }

  /** Leaves the terminal on a line of its own. */
  end(): void {
    if (this.output?.columns != null) this.output.write(CLEAR_LINE);
  }
}
