/**
 * Loaded before a test (--import): gives the text of one module with a mutant's fault in it. The file itself is not
 * touched, so any number of mutants can be tried side by side.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { type Mutant, mutated } from './mutant.ts';

/** The variable of the environment that names the mutant. */
export const MUTANT = 'FLOWSTITCH_MUTANT';

const given = process.env[MUTANT];
if (given !== undefined) {
  const mutant = JSON.parse(given) as Mutant;
  const { href } = pathToFileURL(mutant.file);
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      return url === href ? { ...loaded, source: mutated(readFileSync(mutant.file, 'utf8'), mutant) } : loaded;
    },
  });
}
