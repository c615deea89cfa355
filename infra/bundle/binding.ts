/**
 * DuckDB's native binding for the machine that the functions run on. npm installs
 * only the binding of this machine; another one is fetched as npm would (`npm
 * pack`), checked against the digest in package-lock.json, and cached.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Architecture } from '../settings.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
/** Long enough for 24 MB over a slow line. */
const FETCH_TIMEOUT_MS = 300_000;

interface LockedPackage {
  version: string;
  /** Subresource integrity: sha512-<base64>. */
  integrity: string;
}

/** Node's name for an architecture, as in package names. */
export function nodeArchitecture(architecture: Architecture): 'arm64' | 'x64' {
  return architecture === 'arm64' ? 'arm64' : 'x64';
}

export function bindingPackage(architecture: Architecture): string {
  return `@duckdb/node-bindings-linux-${nodeArchitecture(architecture)}`;
}

function lockedPackage(name: string): LockedPackage {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage | undefined>;
  };
  const locked = lock.packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`package-lock.json does not have ${name}: run npm install`);
  return locked;
}

function isVersion(folder: string, version: string): boolean {
  const file = join(folder, 'package.json');
  return existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version === version;
}

/** @throws Error when a fetched package does not match package-lock.json */
export function checkIntegrity(name: string, tarball: Uint8Array, integrity: string): void {
  const found = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  if (found !== integrity)
    throw new Error(`${name} as fetched does not match package-lock.json (${found}, not ${integrity})`);
}

/**
 * Folder with the unpacked binding for Linux (glibc) on an architecture, fetched if necessary.
 * @throws Error when it can be neither found nor fetched, or is not the locked one
 */
export async function duckdbBinding(architecture: Architecture): Promise<string> {
  const name = bindingPackage(architecture);
  const { version, integrity } = lockedPackage(name);
  const installed = join(ROOT, 'node_modules', name);
  if (isVersion(installed, version)) return installed;
  const kept = join(ROOT, '.cache', 'bindings', `${name.replace('@duckdb/', '')}-${version}`);
  if (isVersion(kept, version)) return kept;
  mkdirSync(join(kept, '..'), { recursive: true });
  const folder = mkdtempSync(`${kept}-`);
  try {
    const tarball = await pack(`${name}@${version}`, folder);
    checkIntegrity(name, readFileSync(tarball), integrity);
    await run('tar', ['-xzf', tarball, '-C', folder]);
    rmSync(kept, { recursive: true, force: true });
    renameSync(join(folder, 'package'), kept);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return kept;
}

async function pack(specification: string, folder: string): Promise<string> {
  try {
    const { stdout } = await run('npm', ['pack', specification, '--json', '--pack-destination', folder], {
      timeout: FETCH_TIMEOUT_MS,
      shell: process.platform === 'win32',
    });
    const [{ filename }] = Object.values(JSON.parse(stdout) as { filename: string }[]);
    return join(folder, filename);
  } catch (cause) {
    throw new Error(`npm could not fetch ${specification}, which the functions need; is the registry reachable?`, {
      cause,
    });
  }
}
