#!/usr/bin/env node
// Written so that any Node can read it: its one task is to say which Node is needed.
'use strict';

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    'flowstitch needs Node 24 or newer (it reads zstd natively); this is Node ' +
      process.versions.node +
      '. Install a newer one, for example with: npx -p node@24 -c "flowstitch ..."',
  );
  process.exit(1);
}
import('../dist/cli/main.js').then((module) => module.main(process.argv.slice(2)));
