/** flowstitch inspect: what a file is and holds, told from its bytes. */
import { open, stat } from 'node:fs/promises';
import { BOUND_OPTIONS, BOUNDS_HELP, compressionBounds } from '../../shared/job/options.ts';
import { wholeNumber } from '../../shared/job/optionvalues.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import { meantBy, pathBytes, pathText } from '../input/rawpath.ts';
import { interruptibly } from '../signals.ts';
import { print } from '../text/output.ts';
import { readOptions } from '../usage/options.ts';
import { UsageError } from '../usage/usage.ts';

const INSPECT_HELP = `flowstitch inspect FILE [-n N]

Tells what a capture (pcap, pcapng; plain, or in gzip or zstd), a shard, fragment or run file (Arrow)
or a result file (Parquet) is: format, time span, counts, damage.

  -n N      the first N packets as lines, or the first N rows as a table
  --json    as JSON
${BOUNDS_HELP}
A packet's line is: offset of its record in the uncompressed capture, time (UTC), source > destination,
protocol, [TCP flags], sequence and acknowledgement numbers as sent, window, payload length.

Exit codes: 0 all was read; 1 usage, input/output or no such kind of file; 2 the capture is damaged.
`;

/** Packets or rows that may be asked for at once: they are kept in memory. */
const MOST_SHOWN = 1_000_000;

/** What to show of a file, whatever it is. */
export interface Inspection {
  /** JSON of everything, the packets or rows included. */
  json: Record<string, unknown>;
  /** The same as text: packets or rows first, then what is known of the whole. */
  text: string;
  exitCode: 0 | 2;
}

/** Tells a file's kind from its first bytes. */
export async function kindOf(path: string | Buffer): Promise<'parquet' | 'arrow' | 'capture'> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(8), 0, 8, 0);
    const head = Buffer.from(buffer.subarray(0, bytesRead)).toString('latin1');
    if (head.startsWith('PAR1')) return 'parquet';
    if (head.startsWith('ARROW1') || head.startsWith('\xff\xff\xff\xff')) return 'arrow';
    return 'capture';
  } finally {
    await file.close();
  }
}

/** Loaded when needed, as in main.ts. */
const INSPECTORS = {
  parquet: async () => (await import('../inspect/parquetfile.ts')).inspectParquet,
  arrow: async () => (await import('../inspect/arrowfile.ts')).inspectArrow,
  capture: async () => (await import('../inspect/capturefile.ts')).inspectCapture,
};

/** What an argument names: how it reads, and what the system is asked for. Names need not be UTF-8. */
async function placesOf(argument: string): Promise<{ path: string; place: string | Buffer }[]> {
  const meant = await meantBy(argument);
  if (meant.length === 0) return [{ path: argument, place: argument }];
  return meant.map((raw) => ({ path: pathText(raw), place: pathBytes(raw) }));
}

/** @returns the exit code */
export async function inspect(args: string[]): Promise<number> {
  const { values, positionals } = readOptions('inspect', args, {
    n: { type: 'string', short: 'n' },
    ...BOUND_OPTIONS,
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    print(INSPECT_HELP);
    return 0;
  }
  if (positionals.length !== 1) throw new UsageError('inspect: which file? Name one');
  const shown = wholeNumber(values.n, '-n', 0, MOST_SHOWN) ?? 0;
  const bounds = compressionBounds(values);
  const [{ path, place }] = await placesOf(positionals[0]);
  const at = await stat(place).catch(() => undefined);
  if (at === undefined) throw new UsageError(`there is no file ${printable(path)}`);
  if (at.isDirectory()) throw new UsageError(`${printable(path)} is a folder: inspect takes one file`);
  if (!at.isFile()) throw new UsageError(`${printable(path)} is no regular file`);
  const look = await INSPECTORS[await kindOf(place)]();
  const { json, text, exitCode } = await interruptibly(() => look(path, shown, bounds, place));
  const whole = { file: path, storedBytes: at.size, ...json };
  print(values.json ? `${printableJson(whole)}\n` : `${text}`);
  return exitCode;
}
