/** A Python environment with LocalStack in it, made once in a cache folder and used by all that start one. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digest, prepareVenv, run } from './venv.ts';

const HERE = import.meta.dirname;
const EXECUTOR = join(HERE, 'executor');

async function executorFiles(): Promise<string[]> {
  const entries = await readdir(EXECUTOR, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && /\.(py|mjs|toml)$/.test(entry.name));
  return files.map((entry) => join(entry.parentPath, entry.name)).sort();
}

async function installExecutor(python: string, venv: string): Promise<void> {
  const marker = join(venv, 'executor.digest');
  const wanted = await digest(await executorFiles());
  if ((await readFile(marker, 'utf8').catch(() => '')) === wanted) return;
  const options = [
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--no-index',
    '--no-build-isolation',
    '--force-reinstall',
  ];
  await run(python, ['-m', 'pip', 'install', ...options, EXECUTOR]);
  await writeFile(marker, wanted);
}

/**
 * Path of a Python that has LocalStack and the executor, installing them when this has not been done (320 MB).
 * @param onStep told what takes long
 * @throws NoPython; Error with the installer's own words when it fails
 */
export function preparePython(onStep?: (step: string) => void): Promise<string> {
  const requirements = join(HERE, 'requirements.txt');
  return prepareVenv({ name: 'localstack', what: 'LocalStack', requirements, onStep, more: installExecutor });
}
