import { printable } from './printable.ts';

/** A word for a POSIX shell, quoted where it must be. */
export function shellWord(text: string): string {
  // What would steer the terminal goes as escapes that shells know ($'...'), bytes of UTF-8.
  if (printable(text) !== text) return `$'${ansiC(text)}'`;
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function ansiC(text: string): string {
  const escaped = [...text].map((c) => {
    if (printable(c) === c) return c === "'" || c === '\\' ? `\\${c}` : c;
    // Octal escapes have three digits at most: what comes after cannot become part of one.
    return [...Buffer.from(c)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  });
  return escaped.join('');
}
