/** The benchmarks' command line: the whole job, or `libraries`, or `shards`. See README.md. */
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureLibraries } from './libraries.ts';
import { keep } from './measure/report.ts';
import { measureShards } from './shards.ts';
import { measureWhole } from './whole.ts';

const HELP = `npm run bench -- [libraries | shards] [options]

  --packets N          packets of the input (whole: 6,000,000; libraries: 1,000,000; shards: 1,400,000)
  --repeat N           times each whole job is run, the median counts (default 3)
  --workers N          worker threads (default 2)
  --memory-packets N   packets of the shorter input of the memory measurement, 0 for none (default 750,000)
  --rows N             rows that the Parquet writers of libraries get (default 200,000)
  --folder FOLDER      inputs and outputs go to FOLDER/flowstitch-bench (default: the system's temporary folder)
  --keep               leave the inputs there for the next time; otherwise flowstitch-bench is removed
  --write              keep the report below bench/results/
`;

function count(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text.replaceAll(/[,_]/g, ''));
  if (!Number.isInteger(value) || value < 0) throw new RangeError(`'${text}' is no whole number`);
  return value;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      packets: { type: 'string' },
      repeat: { type: 'string' },
      workers: { type: 'string' },
      'memory-packets': { type: 'string' },
      rows: { type: 'string' },
      folder: { type: 'string' },
      keep: { type: 'boolean' },
      write: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const [name = 'main'] = positionals;
  if (values.help || positionals.length > 1 || !['main', 'libraries', 'shards'].includes(name)) {
    process.stdout.write(HELP);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  // A folder of our own, whatever else lies beside it: it is removed at the end.
  const folder = join(values.folder ?? tmpdir(), 'flowstitch-bench');
  mkdirSync(folder, { recursive: true });
  try {
    let report: string;
    if (name === 'libraries')
      report = await measureLibraries(folder, count(values.packets, 1_000_000), count(values.rows, 200_000));
    else if (name === 'shards') report = await measureShards(folder, count(values.packets, 1_400_000));
    else
      report = await measureWhole({
        folder,
        packets: count(values.packets, 6_000_000),
        repeat: Math.max(1, count(values.repeat, 3)),
        workers: Math.max(1, count(values.workers, Math.min(2, availableParallelism()))),
        memoryPackets: count(values['memory-packets'], 750_000),
      });
    process.stdout.write(`${report}\n`);
    if (values.write) keep(name, report);
  } finally {
    if (!values.keep) rmSync(folder, { recursive: true, force: true });
  }
}

await main();
