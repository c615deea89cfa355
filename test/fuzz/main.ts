/** npm run fuzz: see README.md. Exits with 1 when something was found. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Campaign, campaign } from './campaign.ts';
import { readFinding } from './keep.ts';
import { Lane } from './lane.ts';
import type { LaneKind } from './lanework.ts';
import { Bases } from './make/bases.ts';

const HELP = `npm run fuzz -- [options]

  --seconds N        how long (default 60)
  --seed S           seed of all cases (default: drawn, and said)
  --jobs             whole jobs too, in a process of their own at the same time
  --case K           this case alone; jK is a case of whole jobs
  --from K           the first case (default 0)
  --again FOLDER     look again at a finding that was kept
  --findings FOLDER  where findings are kept (default: a new folder below the system's temporary one)
  --shrink N         seconds for making one finding small (default 30)
  --no-corpus        leave out ../shared/corpus even where it is there
`;

function whole(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 0) throw new RangeError(`'${text}' is no whole number`);
  return value;
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** @returns whether the finding is still there */
async function again(folder: string): Promise<boolean> {
  const { kept, made } = readFinding(folder);
  const lane = new Lane({ kind: kept.kind, corpus: false });
  try {
    const { found } = await lane.ask({ made });
    tell(found === null ? 'nothing is found any more' : `${found.check}: ${found.message}\n${found.stack}`);
    return found !== null;
  } finally {
    lane.close();
  }
}

function report({ kind, cases, bytes, records, findings }: Campaign, seconds: number): void {
  tell(
    `${kind}: ${cases} cases, ${(bytes / 1e6).toFixed(1)} MB, ${records} records in ${seconds.toFixed(0)} s; ${findings.size} findings`,
  );
  for (const [signature, { times, folder }] of findings) tell(`  ${times} x ${signature}\n      ${folder}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string' },
      seed: { type: 'string' },
      jobs: { type: 'boolean' },
      case: { type: 'string' },
      from: { type: 'string' },
      again: { type: 'string' },
      findings: { type: 'string' },
      shrink: { type: 'string' },
      'no-corpus': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return tell(HELP);
  if (values.again !== undefined) {
    process.exitCode = (await again(values.again)) ? 1 : 0;
    return;
  }
  const seed = whole(values.seed, Date.now() % 1e9);
  const corpus = values['no-corpus'] !== true;
  const one = /^(j?)(\d+)$/.exec(values.case ?? '');
  if (values.case !== undefined && one === null) throw new RangeError(`--case takes a number, or j and a number`);
  const kinds: LaneKind[] =
    one === null ? (values.jobs ? ['captures', 'jobs'] : ['captures']) : [one[1] === 'j' ? 'jobs' : 'captures'];
  const found = new Bases(corpus).corpus.length;
  tell(`seed ${seed}; ${found > 0 ? `${found} captures of the corpus` : 'without the corpus'}`);
  const began = performance.now();
  const options = {
    seed,
    corpus,
    seconds: whole(values.seconds, 60),
    from: one === null ? whole(values.from, 0) : Number(one[2]),
    cases: one === null ? Number.POSITIVE_INFINITY : 1,
    findings: values.findings ?? mkdtempSync(join(tmpdir(), 'flowstitch-findings-')),
    shrinkSeconds: whole(values.shrink, 30),
    tell,
  };
  const campaigns = await Promise.all(kinds.map((kind) => campaign(kind, options)));
  for (const ended of campaigns) report(ended, (performance.now() - began) / 1000);
  if (campaigns.some(({ findings }) => findings.size > 0)) process.exitCode = 1;
}

await main();
