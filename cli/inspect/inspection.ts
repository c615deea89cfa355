/** What is shown of a file, whatever it is. */
export interface Inspection {
  /** JSON of everything, the packets or rows included. */
  json: Record<string, unknown>;
  /** The same as text: packets or rows first, then what is known of the whole. */
  text: string;
  /** 2 for a damaged capture. */
  exitCode: 0 | 2;
}
