/**
 * npm run build: dist/ with the command line (flowstitch.js), its worker threads
 * (worker.js), the library (index.js) and its types.
 *
 * Modules that several of them share, and those that import() loads, are chunks
 * beside them. Dependencies stay packages: bundled, Arrow and the AWS SDK would save
 * a tenth of a second of the start, and cost 2 MB that no update of theirs reaches.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { BUNDLING } from '../infra/bundle/bundling.ts';

const ROOT = join(import.meta.dirname, '..');

rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
await build({
  ...BUNDLING,
  logLevel: 'warning',
  absWorkingDir: ROOT,
  entryPoints: {
    flowstitch: 'cli/main.ts',
    worker: 'shared/engine/worker.ts',
    index: 'shared/index.ts',
  },
  outdir: 'dist',
  splitting: true,
  // Beside the entries: the engine looks for worker.js in the folder of its own file.
  chunkNames: '[name]-[hash]',
  packages: 'external',
  sourcemap: true,
  sourcesContent: false,
});
const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json')], { stdio: 'inherit' });
if (status !== 0) process.exit(1);
