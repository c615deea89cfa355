#!/usr/bin/env node
// Old Node versions must be able to parse this file: it says which Node is needed.

if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(`flowstitch needs Node 24 or newer (https://nodejs.org); this is Node ${process.versions.node}.`);
  process.exit(1);
}
// Stack traces, when asked for, name the sources' files and lines.
if (process.env.FLOWSTITCH_TRACE !== undefined) process.setSourceMapsEnabled(true);
import('../dist/flowstitch.js').then(
  (module) => module.main(process.argv.slice(2)),
  (error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error(`flowstitch is not built: npm install builds it (${error.message})`);
    process.exit(1);
  },
);
