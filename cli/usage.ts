/** Errors in how the command was called, and the help texts. */

/** What the caller must change; printed without a stack. */
export class UsageError extends Error {
  override name = 'UsageError';
}

export const HELP = `flowstitch: sessions from packet captures, correct across file borders

  flowstitch run FILE|FOLDER|GLOB ... --out FOLDER   captures in, Parquet tables out
  flowstitch sql "SELECT ..." --data FOLDER          query the newest results
  flowstitch inspect FILE [-n N]                     what a capture, shard or result file holds
  flowstitch COMMAND --help                          the options of a command
`;
