/** Bundles all functions and prints the unzipped size of each: `node infra/bundle/size.ts`. */

import { bundleFunctions, MOST_BYTES } from './bundle.ts';

const MIB = 1024 * 1024;
console.log(`unzipped size; Lambda takes ${MOST_BYTES / MIB} MiB`);
for (const { name, bytes } of await bundleFunctions())
  console.log(`${name.padEnd(12)} ${(bytes / MIB).toFixed(1).padStart(6)} MiB`);
