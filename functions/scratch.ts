/**
 * Folders for the scratch files of tasks. Lambda keeps /tmp when a process dies in it, by memory or by its own exit, and
 * starts the next one there: what dead tasks have left is removed before a task begins, or the disk is full after some.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BEGINNING = 'flowstitch-task-';
/** Folders of this process's running tasks. */
const taken = new Set<string>();

/** An empty folder for one task. */
export async function takeScratch(): Promise<string> {
  const folder = join(tmpdir(), BEGINNING + randomBytes(6).toString('hex'));
  taken.add(folder);
  await sweep();
  await mkdir(folder);
  return folder;
}

/** Removes a task's folder. What cannot be removed now is removed before the next task, and does not fail this one. */
export async function removeScratch(folder: string): Promise<void> {
  await remove(folder);
  taken.delete(folder);
}

/** A function's /tmp is its own: any other folder of a task there is that of a dead process. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const folder = join(tmpdir(), name);
    if (name.startsWith(BEGINNING) && !taken.has(folder)) await remove(folder);
  }
}

async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}
