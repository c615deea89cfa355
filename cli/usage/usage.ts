/** Errors in how the command was called, the general help, and the version. */
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** What the caller must change; printed without a stack. */
export class UsageError extends Error {
  override name = 'UsageError';
}

export const HELP = `flowstitch: sessions from packet captures, correct across file borders

on this machine:
  flowstitch run FILE|FOLDER|GLOB ... --out FOLDER   captures in, Parquet tables out
  flowstitch sql "SELECT ..." --data FOLDER|s3://... query the newest results
  flowstitch inspect FILE [-n N]                     what a capture, shard or result file holds

in the cloud, on the pipeline that npm run deploy makes:
  flowstitch submit s3://BUCKET/PREFIX [--wait]      a job over the captures of a prefix
  flowstitch jobs                                    the jobs there are
  flowstitch status JOB [--watch]                    how a job stands
  flowstitch cancel JOB | resume JOB                 stops a job; goes on with it, and repeats what failed
  flowstitch watch [s3://BUCKET/PREFIX] [--off]      a prefix that starts jobs by itself

  flowstitch COMMAND --help                          the options of a command
  flowstitch --version
`;

/** The package's version, as npm knows it. */
export function packageVersion(): string {
  const path = findPackageJSON(import.meta.url);
  if (path === undefined) throw new Error('the package has no package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
