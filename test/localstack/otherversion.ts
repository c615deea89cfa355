/** The assembly of another version of the software: the same code under another number. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SOFTWARE } from '../../shared/job/config.ts';

/** Makes an assembly of the pipeline one of another version. */
export async function makeOtherVersion(assembly: string, version: string): Promise<void> {
  const digests = new Map<string, string>();
  for (const name of await readdir(assembly)) {
    if (!name.startsWith('asset.')) continue;
    await changeVersion(join(assembly, name, 'index.mjs'), version);
    // What CDK deploys is told apart by its digest.
    const digest = name.slice('asset.'.length);
    const other = createHash('sha256').update(digest).update(version).digest('hex');
    digests.set(digest, other);
    await rename(join(assembly, name), join(assembly, `asset.${other}`));
  }
  for (const name of await readdir(assembly)) {
    if (!name.endsWith('.json')) continue;
    let text = await readFile(join(assembly, name), 'utf8');
    for (const [digest, other] of digests) text = text.replaceAll(digest, other);
    await writeFile(join(assembly, name), text.replace(`"Value": "${SOFTWARE}"`, `"Value": "${version}"`));
  }
}

/** @throws Error when a bundle does not say its version as it used to */
async function changeVersion(file: string, version: string): Promise<void> {
  const code = await readFile(file, 'utf8');
  const said = `SOFTWARE = "${SOFTWARE}"`;
  if (code.split(said).length !== 2) throw new Error(`${file} does not say ${said} just once`);
  await writeFile(file, code.replace(said, `SOFTWARE = "${version}"`));
}
