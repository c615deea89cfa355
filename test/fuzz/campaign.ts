/** Runs case after case until time is up; each new finding is shrunk and kept. */

import type { Found } from './check/finding.ts';
import { keepFinding } from './keep.ts';
import { Lane, LIMITS, type Limits } from './lane.ts';
import type { LaneKind } from './lanework.ts';
import { Bases } from './make/bases.ts';
import { type FuzzCase, makeCase } from './make/cases.ts';
import { shrink } from './shrink.ts';

export interface CampaignOptions {
  seed: number;
  seconds: number;
  /** First case, and the most cases. */
  from: number;
  cases: number;
  corpus: boolean;
  /** Folder for findings. */
  findings: string;
  /** Seconds for shrinking one finding. */
  shrinkSeconds: number;
  parts?: string;
  limits?: Partial<Limits>;
  tell(line: string): void;
}

/** Results of a campaign of one kind. */
export interface Campaign {
  kind: LaneKind;
  cases: number;
  bytes: number;
  records: number;
  /** Cases with findings, by signature. */
  findings: Map<string, { found: Found; times: number; first: number; folder: string; bytes: number }>;
}

/** CPU limit for reproducing a finding while shrinking: hangs are detected sooner than at first. */
const SHRINK_CPU_SECONDS = 2;
const SHRINK_TRIES = 4000;

export async function campaign(kind: LaneKind, options: CampaignOptions): Promise<Campaign> {
  const { seed, tell } = options;
  const setup = { kind, corpus: options.corpus, parts: options.parts };
  const lane = new Lane(setup, { ...LIMITS[kind], ...options.limits });
  const done: Campaign = { kind, cases: 0, bytes: 0, records: 0, findings: new Map() };
  const began = performance.now();
  try {
    for (let number = options.from; done.cases < options.cases; number++) {
      if (performance.now() - began > options.seconds * 1000) break;
      const answer = await lane.ask({ seed, number });
      done.cases++;
      done.bytes += answer.bytes;
      done.records += answer.records;
      const { found } = answer;
      if (found === null) continue;
      const known = done.findings.get(found.signature);
      if (known !== undefined) {
        known.times++;
        continue;
      }
      const after = ((performance.now() - began) / 1000).toFixed(1);
      const made = answer.made ?? (await makeCase(seed, number, new Bases(options.corpus)));
      const steps = (made as FuzzCase & { steps?: string[] }).steps ?? [];
      tell(`FOUND after ${after} s, ${done.cases} cases: ${found.check}: ${found.message.slice(0, 1500)}`);
      const small = await shrunk(made, found, lane, kind, options);
      const folder = keepFinding(options.findings, { found, kind, seed, number, steps }, made, small);
      const bytes = small.captures.reduce((sum, capture) => sum + capture.length, 0);
      done.findings.set(found.signature, { found, times: 1, first: number, folder, bytes });
      tell(`  made of: ${steps.join(' | ')}`);
      tell(`  kept, ${bytes} bytes small: ${folder}`);
      tell(
        `  again:   npm run fuzz -- --seed ${seed} --case ${kind === 'jobs' ? 'j' : ''}${number}${options.corpus ? '' : ' --no-corpus'}`,
      );
      tell(`  or:      npm run fuzz -- --again ${folder}`);
    }
  } finally {
    lane.close();
  }
  return done;
}

/** The smallest case found with the same finding. */
async function shrunk(
  made: FuzzCase,
  found: Found,
  lane: Lane,
  kind: LaneKind,
  options: CampaignOptions,
): Promise<FuzzCase> {
  const until = performance.now() + options.shrinkSeconds * 1000;
  const fatal = found.check === 'hang' || found.check === 'crash' || found.check === 'memory';
  // A lane of its own when each attempt costs a process, with lower limits.
  const limits = { ...LIMITS[kind], ...options.limits };
  const cpuSeconds = kind === 'captures' ? Math.min(SHRINK_CPU_SECONDS, limits.cpuSeconds) : limits.cpuSeconds;
  const own = fatal ? new Lane({ kind, corpus: false, parts: options.parts }, { ...limits, cpuSeconds }) : lane;
  try {
    return await shrink(
      made,
      async (candidate) => {
        const { found: again } = await own.ask({ made: candidate });
        return again !== null && (fatal ? again.check === found.check : again.signature === found.signature);
      },
      { tries: SHRINK_TRIES, until },
    );
  } finally {
    if (own !== lane) own.close();
  }
}
