/** The assembly of software with other rules: the same code under another revision of the map. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MAPPING_REVISION, RELEASE } from '../../shared/job/revisions.ts';

const OTHER_REVISION = MAPPING_REVISION + 1000;

/** Makes an assembly of the pipeline one of other revisions. @returns its release */
export async function makeOtherVersion(assembly: string): Promise<string> {
  const other = RELEASE.replace(`+${MAPPING_REVISION}.`, `+${OTHER_REVISION}.`);
  const digests = new Map<string, string>();
  for (const name of await readdir(assembly)) {
    if (!name.startsWith('asset.')) continue;
    await changeRevision(join(assembly, name, 'index.mjs'));
    // What CDK deploys is told apart by its digest.
    const digest = name.slice('asset.'.length);
    const changed = createHash('sha256').update(digest).update(other).digest('hex');
    digests.set(digest, changed);
    await rename(join(assembly, name), join(assembly, `asset.${changed}`));
  }
  for (const name of await readdir(assembly)) {
    if (!name.endsWith('.json')) continue;
    let text = await readFile(join(assembly, name), 'utf8');
    for (const [digest, changed] of digests) text = text.replaceAll(digest, changed);
    await writeFile(join(assembly, name), text.replace(`"Value": "${RELEASE}"`, `"Value": "${other}"`));
  }
  return other;
}

/** @throws Error when a bundle does not say its revision as it used to */
async function changeRevision(file: string): Promise<void> {
  const code = await readFile(file, 'utf8');
  const said = `MAPPING_REVISION = ${MAPPING_REVISION}`;
  if (code.split(said).length !== 2) throw new Error(`${file} does not say ${said} just once`);
  await writeFile(file, code.replace(said, `MAPPING_REVISION = ${OTHER_REVISION}`));
}
