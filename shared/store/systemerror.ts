/**
 * What the operating system says no with, in words that tell what helps. Codes are those of errno(3).
 */

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: make room',
  EDQUOT: 'the disk quota is used up: make room',
  EFBIG: 'files may not become as large here: allow it (ulimit -f)',
  EIO: 'the disk fails: the system log says more',
  EMFILE: 'this process has too many files open: allow it more (ulimit -n), or use fewer --workers',
  ENFILE: 'the machine has too many files open: close some programs',
  ENOMEM: 'the machine is out of memory: use fewer --workers',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'the folder is gone',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  ESTALE: 'the network file system has lost it: mount it again',
  ENAMETOOLONG: 'its name is too long',
};

/** Codes of faults that lie with this process or this machine, whatever file it was that could not be opened. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** The system's error code, undefined for an error that is not the system's. */
export function systemCode(error: unknown): string | undefined {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return syscall !== undefined && typeof code === 'string' ? code : undefined;
}

/** Whether a file could not be read for a reason that lies outside of it: another one would fare no better. */
export function isMachineFault(error: unknown): boolean {
  return OF_THE_MACHINE.has(systemCode(error) ?? '');
}

/** An error of the system as a sentence's end: 'the disk is full: make room (ENOSPC)'. */
export function systemWords(error: unknown): string {
  const code = systemCode(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  return `${WORDS[code] ?? (error as Error).message} (${code})`;
}
