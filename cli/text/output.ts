/** The command line's output: written completely, or an error. */
import { fstatSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { systemWords } from '../../shared/store/systemerror.ts';

const STDOUT = 1;

/**
 * Writes to the standard output.
 * @throws Error when it cannot be written. Into a file Node's own stream writes once, and of what a disk that fills
 * does not take it tells nobody.
 */
export function print(text: string): void {
  if (!isFile()) {
    process.stdout.write(text);
    return;
  }
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(STDOUT, bytes, at);
  } catch (cause) {
    throw new Error(unwritten(cause), { cause });
  }
}

/** What is said of output that cannot be written. */
export function unwritten(error: unknown): string {
  return `cannot write the output: ${systemWords(error)}`;
}

function isFile(): boolean {
  const at = fstatSync(STDOUT);
  return at.isFile() || (at.isCharacterDevice() && !isatty(STDOUT));
}
