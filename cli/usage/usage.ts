/** Errors in how the command was called, and the version. */
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** What the caller must change; printed without a stack. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The package's version, as npm knows it. */
export function packageVersion(): string {
  const path = findPackageJSON(import.meta.url);
  if (path === undefined) throw new Error('the package has no package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
