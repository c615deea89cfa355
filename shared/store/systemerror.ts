/** Messages for errors of the operating system that say what helps. Codes are those of errno(3). */

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: make room',
  EDQUOT: 'the disk quota is used up: make room',
  EFBIG: 'the file size limit is reached: raise it (ulimit -f)',
  EIO: 'the disk reports errors: see the system log',
  EMFILE: 'this process has too many files open: raise the limit (ulimit -n), or use fewer --workers',
  ENFILE: 'the machine has too many files open: close some programs',
  ENOMEM: 'the machine is out of memory: use fewer --workers',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'the folder is gone',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder',
  ESTALE: 'stale network file handle: mount the file system again',
  ENAMETOOLONG: 'its name is too long',
};

/** Codes of faults of this process or machine, not of the file that could not be opened. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** The system's error code, undefined for an error that is not the system's. */
export function systemCode(error: unknown): string | undefined {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return syscall !== undefined && typeof code === 'string' ? code : undefined;
}

/** Whether a file could not be read for a reason that would affect any other file too. */
export function isMachineFault(error: unknown): boolean {
  return OF_THE_MACHINE.has(systemCode(error) ?? '');
}

/** An error of the system as the end of a sentence: 'the disk is full: make room (ENOSPC)'. */
export function systemWords(error: unknown): string {
  const code = systemCode(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  return `${WORDS[code] ?? (error as Error).message} (${code})`;
}
