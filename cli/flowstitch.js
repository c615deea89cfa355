#!/usr/bin/env node
// Written so that old Nodes can read it too: its one task is to say which Node is needed.

if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(`flowstitch needs Node 24 or newer (https://nodejs.org); this is Node ${process.versions.node}.`);
  process.exit(1);
}
// Stacks are for whoever asks for them: then they name the sources' files and lines.
if (process.env.FLOWSTITCH_TRACE !== undefined) process.setSourceMapsEnabled(true);
import('../dist/flowstitch.js').then(
  (module) => module.main(process.argv.slice(2)),
  (error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error(`flowstitch is not built: npm install builds it (${error.message})`);
    process.exit(1);
  },
);
