/** npm run attacks: each attack through a job, its costs, and whether they are in bounds. Exits with 1 when one is not. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Attack } from './attack.ts';
import { CaptureFile } from './capturefile.ts';
import { ATTACKS } from './list.ts';
import { type Measured, runAttack } from './run.ts';
import { attackTable, type Outcome, withTable } from './table.ts';
import { brokenBounds } from './verdict.ts';

const HELP = `npm run attacks -- [options]

  --scale X      sizes times X (default 1, for which all take some minutes on two processors)
  --only NAME    attacks whose name holds NAME
  --write        put the table into docs/limits.md
`;
const DOCUMENT = new URL('../../docs/limits.md', import.meta.url);

/** What any run costs. */
const EMPTY: Attack = {
  name: 'empty',
  what: '',
  size: 0,
  unit: 'captures',
  make: (folder) => new CaptureFile(`${folder}/empty.pcap`).end(),
  bound: { cpuPerMB: 0, peakMB: 0 },
};

function told({ size, storedMB, cpuSeconds, peakMB, exit, seen }: Measured, unit: string): string {
  return `  ${size} ${unit}, ${storedMB.toFixed(2)} MB: ${cpuSeconds.toFixed(1)} s cpu, ${peakMB.toFixed(0)} MB, exit ${exit}: ${seen}\n`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      scale: { type: 'string' },
      only: { type: 'string' },
      write: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (values.write && values.only !== undefined) throw new RangeError('--write is for all attacks: leave out --only');
  const scale = Number(values.scale ?? 1);
  if (!(scale > 0)) throw new RangeError(`--scale takes a number above 0, not '${values.scale}'`);
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-attacks-'));
  const outcomes: Outcome[] = [];
  try {
    const empty = await runAttack(EMPTY, 0, join(folder, 'run'));
    for (const attack of ATTACKS) {
      if (!attack.name.includes(values.only ?? '')) continue;
      process.stdout.write(`${attack.name}: ${attack.what}\n`);
      const size = attack.once ? attack.size : Math.max(1, Math.round(attack.size * scale));
      const runs: Measured[] = [];
      for (const times of attack.once ? [1] : [1, 2]) {
        const run = await runAttack(attack, size * times, join(folder, 'run'));
        process.stdout.write(told(run, attack.unit));
        runs.push(run);
        // What did not end at one size ends at twice that even less.
        if (run.exit === null) break;
      }
      const broken = brokenBounds(attack, runs, empty);
      for (const bound of broken) process.stdout.write(`  BEYOND ITS BOUND: ${bound}\n`);
      outcomes.push({ attack, runs, broken });
    }
    if (values.write)
      writeFileSync(DOCUMENT, withTable(readFileSync(DOCUMENT, 'utf8'), attackTable(outcomes, empty, scale)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const beyond = outcomes.filter(({ broken }) => broken.length > 0);
  process.stdout.write(`${outcomes.length} attacks, ${beyond.length} beyond their bounds\n`);
  if (beyond.length > 0) process.exitCode = 1;
}

await main();
