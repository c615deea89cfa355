/** Python environments in a cache folder: each made once, from pinned packages, and used by all that need it. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const HERE = import.meta.dirname;
const CACHE = join(HERE, '..', '.cache');
const CANDIDATES = ['python3.11', 'python3.10', 'python3'];
const LOCK_WAIT_MS = 10 * 60_000;

/** No Python that the packages could run on. */
export class NoPython extends Error {}

/**
 * The first Python on PATH that is 3.11 or 3.10, with venv.
 * @param what what it is for
 * @throws NoPython, with the remedy
 */
export function findPython(what: string): string {
  const check = 'import ensurepip, sys, venv; print(*sys.version_info[:2], sep=".")';
  for (const candidate of CANDIDATES) {
    const { status, stdout } = spawnSync(candidate, ['-c', check], { encoding: 'utf8' });
    if (status === 0 && /^3\.1[01]$/.test(stdout.trim())) return candidate;
  }
  throw new NoPython(
    `${what} runs on Python 3.11 or 3.10 with its venv module, and none of ${CANDIDATES.join(', ')} on the PATH is that. ` +
      'Install one (Debian and Ubuntu: apt install python3.11-venv; macOS: brew install python@3.11).',
  );
}

/** Runs a program to its end. @throws Error with the end of what it printed when it fails */
export async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${status}:\n${output.slice(-4000)}`);
}

/** Of the names and contents of files. */
export async function digest(paths: readonly string[], more = ''): Promise<string> {
  const hash = createHash('sha256').update(more);
  for (const path of paths) hash.update(`/${relative(HERE, path)}`).update(await readFile(path));
  return hash.digest('hex').slice(0, 16);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Runs one caller at a time, among all processes of this machine; a lock whose holder is gone counts for nothing. */
async function locked<T>(path: string, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (holder && !isAlive(holder)) await rm(path, { force: true });
    else if (Date.now() > deadline) throw new Error(`waited 10 minutes for ${path}: remove it if nothing is installed`);
    else await sleep(200);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** uv installs in seconds what takes pip more than a minute; where uv has no build or no way to the index, pip does it. */
async function installPackages(python: string, venv: string, requirements: string): Promise<void> {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--require-hashes', '-r'];
  try {
    await run(python, [...pip, join(HERE, 'uv.txt')]);
    const uv = join(venv, 'bin', 'uv');
    await run(uv, ['pip', 'install', '--quiet', '--python', python, '--require-hashes', '-r', requirements]);
  } catch {
    await run(python, [...pip, requirements]);
  }
}

export interface Venv {
  /** Folder below .cache/. */
  name: string;
  /** What people call what is in it. */
  what: string;
  /** Path of the pinned packages, with hashes. */
  requirements: string;
  /** Told what takes long. */
  onStep?: (step: string) => void;
  /** What else there is to install, each time. @param venv folder of the environment */
  more?: (python: string, venv: string) => Promise<void>;
}

/**
 * Path of a Python that has the packages, installing them when this has not been done.
 * @throws NoPython; Error with the installer's own words when it fails
 */
export async function prepareVenv({ name, what, requirements, onStep, more }: Venv): Promise<string> {
  const base = findPython(what);
  const version = spawnSync(base, ['--version'], { encoding: 'utf8' }).stdout;
  const venv = join(CACHE, name, `venv-${await digest([requirements], version)}`);
  const python = join(venv, 'bin', 'python');
  const complete = join(venv, 'complete');
  await mkdir(dirname(venv), { recursive: true });
  return locked(`${venv}.lock`, async () => {
    if ((await readFile(complete).catch(() => null)) === null) {
      onStep?.(`installing ${what} from PyPI (once)`);
      await rm(venv, { recursive: true, force: true });
      await run(base, ['-m', 'venv', venv]);
      await installPackages(python, venv, requirements);
      await writeFile(complete, '');
    }
    await more?.(python, venv);
    return python;
  });
}
