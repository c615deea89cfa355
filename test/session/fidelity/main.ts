/**
 * Compares sessions with Zeek's conn.log.
 *
 *     npm run fidelity                                  # the casebook, and the corpus where it lies beside the checkout
 *     npm run fidelity -- CAPTURE TABLE.jsonl.gz        # any capture, or folder of captures, and Zeek's table of it
 *
 * --list FILE  where every difference is written, a line of JSON each; .cache/fidelity.jsonl without it
 * --write      keep the table and the shares of the corpus in test/session/, which the tests use as lower bounds
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compareCases, differencesOf } from '../casebook/compare.ts';
import type { Part } from './compare.ts';
import { CORPUS, compareCorpus, compareOther } from './corpus.ts';
import { differencesText, reportText, shares } from './report.ts';

const HERE = dirname(dirname(fileURLToPath(import.meta.url)));
const HEAD = `# Agreement with Zeek

What \`npm run fidelity -- --write\` printed: sessions of the corpus's undamaged captures beside the conn.log of Zeek 8.2.2.
[differences.md](differences.md) has the causes of what differs.

`;

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

/** The cases with rows derived by hand: they need only the checkout. @returns whether all rows are equal */
async function compareCasebook(): Promise<boolean> {
  const part = await compareCases();
  const { captures, capturesEqual, rows, equal } = part;
  console.log(
    `casebook: ${equal} of ${rows} rows and ${capturesEqual} of ${captures} cases are as derived in test/session/casebook/`,
  );
  for (const difference of differencesOf(part)) console.log(`  ${difference}`);
  return equal === rows;
}

async function compareFiles(paths: readonly string[]): Promise<Part[]> {
  const [capture, table] = paths;
  for (const path of paths) if (!existsSync(path)) fail(`${path}: no such file or folder`);
  return compareOther(capture, statSync(capture).isDirectory(), table);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: 'string' }, write: { type: 'boolean' } },
});
if (positionals.length !== 0 && positionals.length !== 2)
  fail('give a capture (or a folder of captures) and its table by Zeek, or neither for the corpus');
if (values.write && positionals.length > 0) fail('--write keeps the shares of the corpus: give no capture with it');
const own = positionals.length === 0;
if (own) {
  if (!(await compareCasebook())) process.exitCode = 1;
  if (!existsSync(CORPUS)) {
    if (values.write) fail(`--write keeps the shares of the corpus, and there is none at ${CORPUS}`);
    console.log(
      'The corpus of captures with their logs of Zeek is not here; give a capture and such a log to compare more.',
    );
    process.exit();
  }
}
const parts = await (own ? compareCorpus() : compareFiles(positionals));
if (parts.length === 0) fail(`${positionals[1]}: Zeek read none of the captures that it names to their end`);
const text = reportText(parts);
process.stdout.write(text);
const list = values.list ?? '.cache/fidelity.jsonl';
mkdirSync(dirname(list), { recursive: true });
writeFileSync(list, differencesText(parts));
console.log(`\nEvery difference: ${list}`);
if (values.write) {
  writeFileSync(join(HERE, 'fidelity.md'), HEAD + text);
  const held = Object.fromEntries(parts.map((part) => [part.name, shares(part)]));
  writeFileSync(join(HERE, 'fidelity.json'), `${JSON.stringify(held, null, 2)}\n`);
}
