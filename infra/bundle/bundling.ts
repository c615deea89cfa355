/** How esbuild bundles Flowstitch's code, for the package as for the functions. */
import type { BuildOptions } from 'esbuild';

export const BUNDLING = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Names and lines are not minified, so that stack traces are readable. Syntax is, since only that inlines
  // numbers that other files export (a slot's layout, flags): otherwise the hot loops load each one at each use.
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'silent',
} as const satisfies BuildOptions;
