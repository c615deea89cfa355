/**
 * Loaded before the command line: removes the folder $VANISHING when the first file of a table is put in its place there,
 * before that or, with $VANISHING_AFTER, once it is there. Nothing else would hit the moment on every machine.
 */
import { rmSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const folder = process.env.VANISHING!;
const after = process.env.VANISHING_AFTER !== undefined;
const { rename } = fs;
let done = false;
fs.rename = async (from, to) => {
  const now = !done && String(to).startsWith(`${folder}/`) && String(to).endsWith('.parquet');
  if (now) done = true;
  if (now && !after) rmSync(folder, { recursive: true });
  await rename(from, to);
  if (now && after) rmSync(folder, { recursive: true });
};
syncBuiltinESMExports();
