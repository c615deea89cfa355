/** How esbuild bundles Flowstitch's code, for the package as for the functions. */
import type { BuildOptions } from 'esbuild';

export const BUNDLING = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Names and lines stay as they are, so that a stack trace can be read. But syntax is made small, since that alone puts
  // numbers that other files export (a slot's layout, flags) into the code: else the hot loops load each one at each use.
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'silent',
} as const satisfies BuildOptions;
