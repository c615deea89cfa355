/**
 * Rewrites the golden digests: `npm run golden`, after raising the revision of the changed stage.
 *
 * Refuses if content has changed under the same revision. `--replace` writes anyway: for a revision that was raised but
 * not released yet, as while branches are merged.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { differenceOf, type Fixture, fixtureOf } from './compare.ts';
import { golden } from './run.ts';

export const FIXTURE = new URL('digests.json', import.meta.url);

function known(): Fixture | undefined {
  try {
    return JSON.parse(readFileSync(FIXTURE, 'utf8')) as Fixture;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

if (import.meta.main) {
  const actual = fixtureOf(await golden());
  const difference = differenceOf(known(), actual);
  if (difference === null) {
    console.log('the golden digests are those of this code');
  } else if (difference.kind === 'raise' && !process.argv.includes('--replace')) {
    console.error(difference.message);
    process.exitCode = 1;
  } else {
    writeFileSync(FIXTURE, `${JSON.stringify(actual, null, 2)}\n`);
    console.log(`wrote test/golden/digests.json (${difference.message.replace(/: npm run golden$/, '')})`);
  }
}
