/** Bundles all functions and prints the unzipped size of each: `node infra/bundle/size.ts [arm64 | x86_64]`. */

import { readSettings } from '../settings.ts';
import { bundleFunctions, MOST_BYTES } from './bundle.ts';

const MIB = 1024 * 1024;
const { architecture } = readSettings({ architecture: process.argv[2] });
console.log(`unzipped size for ${architecture}; Lambda takes ${MOST_BYTES / MIB} MiB`);
for (const { name, bytes } of await bundleFunctions({ architecture }))
  console.log(`${name.padEnd(12)} ${(bytes / MIB).toFixed(1).padStart(6)} MiB`);
