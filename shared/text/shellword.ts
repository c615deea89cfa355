import { printable } from './printable.ts';

/** A word for a POSIX shell, quoted where it must be. */
export function shellWord(text: string): string {
  // Control characters become octal escapes of their UTF-8 bytes ($'...').
  if (printable(text) !== text) return `$'${ansiC(text)}'`;
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function ansiC(text: string): string {
  const escaped = [...text].map((c) => {
    if (printable(c) === c) return c === "'" || c === '\\' ? `\\${c}` : c;
    // Octal escapes have at most three digits: a digit that follows cannot become part of one.
    return [...Buffer.from(c)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  });
  return escaped.join('');
}
