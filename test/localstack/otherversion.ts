/** The pipeline of another version of the software: the same code under another number. */

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../../infra/stacks.ts';
import { deployTemplate } from '../../localstack/deploy.ts';
import { localSettings, type SettingTexts } from '../../localstack/pipeline.ts';
import { SOFTWARE } from '../../shared/job/config.ts';

/** Deploys another version over a stack that is there. @param own settings that the stack was deployed with */
export async function deployOtherVersion(
  endpoint: string,
  stackName: string,
  own: SettingTexts,
  version: string,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'flowstitch-version-'));
  try {
    await synthesize(folder, localSettings(own));
    const changed = new Map<string, string>();
    for (const name of await readdir(folder)) {
      if (!name.startsWith('asset.')) continue;
      await changeVersion(join(folder, name, 'index.mjs'), version);
      const digest = name.slice('asset.'.length);
      changed.set(digest, createHash('sha256').update(digest).update(version).digest('hex'));
      await rename(join(folder, name), join(folder, `asset.${changed.get(digest)}`));
    }
    for (const name of await readdir(folder)) {
      if (!name.endsWith('.json')) continue;
      let text = await readFile(join(folder, name), 'utf8');
      for (const [digest, other] of changed) text = text.replaceAll(digest, other);
      await writeFile(join(folder, name), text.replace(`"Value": "${SOFTWARE}"`, `"Value": "${version}"`));
    }
    await deployTemplate({ endpoint, stackName, assemblyFolder: folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws Error when the bundle does not say its version as it used to */
async function changeVersion(file: string, version: string): Promise<void> {
  const code = await readFile(file, 'utf8');
  const said = `SOFTWARE = "${SOFTWARE}"`;
  if (code.split(said).length !== 2) throw new Error(`${file} does not say ${said} just once`);
  await rm(file);
  await writeFile(file, code.replace(said, `SOFTWARE = "${version}"`));
}
