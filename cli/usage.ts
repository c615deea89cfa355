/** Errors in how the command was called, the general help, and the version. */
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** What the caller must change; printed without a stack. */
export class UsageError extends Error {
  override name = 'UsageError';
}

export const HELP = `flowstitch: sessions from packet captures, correct across file borders

  flowstitch run FILE|FOLDER|GLOB ... --out FOLDER   captures in, Parquet tables out
  flowstitch sql "SELECT ..." --data FOLDER          query the newest results
  flowstitch inspect FILE [-n N]                     what a capture, shard or result file holds
  flowstitch COMMAND --help                          the options of a command
  flowstitch --version
`;

/** The package's version, as npm knows it. */
export function packageVersion(): string {
  const path = findPackageJSON(import.meta.url);
  if (path === undefined) throw new Error('the package has no package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
