/** Numbers, times and foreign text in readable form, for all commands. */
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** A count with commas between thousands. */
export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

/** A count with its noun: '1 capture', '12 captures'. */
export function counted(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** Bytes in decimal units, three digits or so. */
export function bytesText(n: number): string {
  let unit = 0;
  // What would be rounded up to 1000 belongs to the next unit.
  while (n >= (unit === 0 ? 1000 : 999.95) && unit < UNITS.length - 1) {
    n /= 1000;
    unit++;
  }
  return `${unit === 0 ? n : n.toFixed(n < 9.995 ? 2 : 1)} ${UNITS[unit]}`;
}

/** Seconds, from tenths up to days. */
export function durationText(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${count(Math.floor(hours / 24))} days ${hours % 24} h`;
}

/** A label and its text, one a line, texts aligned. */
export function fieldLines(fields: readonly (readonly [label: string, text: string])[]): string {
  const width = fields.reduce((widest, [label]) => Math.max(widest, label.length), 0) + 2;
  return fields.map(([label, text]) => `${label.padEnd(width)}${text}\n`).join('');
}

/** How the reader of a message starts this program: as they did, through npx or by its own name. */
export function commandName(): string {
  return process.env.npm_command === 'exec' ? 'npx flowstitch' : 'flowstitch';
}
