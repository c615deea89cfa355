/** flowstitch inspect: the kind and contents of a file, from its bytes. */
import { open, stat } from 'node:fs/promises';
import type { OptionValues } from '../../shared/job/options/optiondescription.ts';
import { BOUND_OPTIONS, compressionBounds, JOB_OPTIONS, vxlanPorts } from '../../shared/job/options/options.ts';
import { wholeNumber } from '../../shared/job/options/optionvalues.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import { meantBy, pathBytes, pathText } from '../input/rawpath.ts';
import { interruptibly } from '../signals.ts';
import { print } from '../text/output.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';
import { UsageError } from '../usage/usage.ts';

/** Most packets or rows shown at once: they are kept in memory. */
const MOST_SHOWN = 1_000_000;

const OPTIONS = {
  n: { value: 'N', meaning: 'show the first N packets as lines, or the first N rows as a table', default: '0' },
  'vxlan-port': JOB_OPTIONS['vxlan-port'],
  ...JSON_OPTION,
  ...BOUND_OPTIONS,
} as const;

export const COMMAND = defineCommand({
  name: 'inspect',
  group: 'local',
  operands: { usage: 'FILE', least: 1, most: 1, wanted: 'name one file', files: true },
  summary: 'show what is in a capture, shard or result file',
  description: [
    'Shows what is in a capture (pcap or pcapng, plain or compressed with gzip or zstd), a shard, fragment or run file (Arrow) or a result file (Parquet): format, time span, counts, damage.',
  ],
  options: OPTIONS,
  notes: [
    "A packet's line: offset of its record in the uncompressed capture, time (UTC), source > destination, protocol, [TCP flags], sequence and acknowledgement numbers as sent, window, payload length.",
  ],
  examples: [
    ['inspect trace.pcap.gz -n 5', 'format, counts and damage of a capture, and its first five packets'],
    ['inspect results/sessions/dataset=default/dt=2026-11-30/ID-0.parquet -n 3', 'columns and first rows'],
  ],
  exitCodes: [
    ['0', 'everything was read'],
    ['1', 'usage error, input or output error, or a file of another kind'],
    ['2', 'the capture is damaged'],
  ],
  run: (values, [argument]) => inspect(argument, values),
});

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

/** The files that an argument can name: as text, and as passed to the system. Names need not be UTF-8. */
async function placesOf(argument: string): Promise<{ path: string; place: string | Buffer }[]> {
  const meant = await meantBy(argument);
  if (meant.length === 0) return [{ path: argument, place: argument }];
  return meant.map((raw) => ({ path: pathText(raw), place: pathBytes(raw) }));
}

async function inspect(argument: string, values: OptionValues<typeof OPTIONS>): Promise<number> {
  const shown = wholeNumber(values.n, '-n', 0, MOST_SHOWN) ?? 0;
  const reading = { bounds: compressionBounds(values), vxlanPorts: vxlanPorts(values['vxlan-port']) };
  const [{ path, place }] = await placesOf(argument);
  const at = await stat(place).catch(() => undefined);
  if (at === undefined) throw new UsageError(`there is no file ${printable(path)}`);
  if (at.isDirectory()) throw new UsageError(`${printable(path)} is a folder: inspect takes one file`);
  if (!at.isFile()) throw new UsageError(`${printable(path)} is not a regular file`);
  const look = await INSPECTORS[await kindOf(place)]();
  const { json, text, exitCode } = await interruptibly(() => look(path, shown, reading, place));
  const whole = { file: path, storedBytes: at.size, ...json };
  print(values.json ? `${printableJson(whole)}\n` : `${text}`);
  return exitCode;
}
