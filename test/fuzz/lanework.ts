/**
 * The process that examines cases: one at a time, as its parent requests, and reports its findings. The parent can kill
 * it in any state.
 */

import { examine } from './check/examine.ts';
import { type Found, foundOf } from './check/finding.ts';
import { PARTS, type Parts } from './check/parts.ts';
import { examineJob } from './check/wholejobs.ts';
import { Bases } from './make/bases.ts';
import { type FuzzCase, makeCase } from './make/cases.ts';

/** Kind of examination. */
export type LaneKind = 'captures' | 'jobs';

/** The process's argument. */
export interface LaneSetup {
  kind: LaneKind;
  corpus: boolean;
  /** A module whose `parts` take the place of Flowstitch's own. */
  parts?: string;
}

/** The case to examine: one to generate here, or given captures. */
export type Asked = { seed: number; number: number } | { made: FuzzCase };

export interface Answer {
  /** Null when nothing was found. */
  found: Found | null;
  /** The case that was made, where something was found. */
  made?: FuzzCase & { steps?: string[] };
  bytes: number;
  records: number;
}

async function main(setup: LaneSetup): Promise<void> {
  const parts = setup.parts === undefined ? PARTS : ((await import(setup.parts)) as { parts: Parts }).parts;
  const bases = new Bases(setup.corpus);
  const answer = async (asked: Asked): Promise<Answer> => {
    const made = 'made' in asked ? asked.made : await makeCase(asked.seed, asked.number, bases);
    const bytes = made.captures.reduce((sum, capture) => sum + capture.length, 0);
    try {
      const { records } = setup.kind === 'jobs' ? await examineJob(made) : await examine(made, parts);
      return { found: null, bytes, records };
    } catch (error) {
      return { found: foundOf(error), made, bytes, records: 0 };
    }
  };
  process.on('message', (asked: Asked) => {
    void answer(asked).then((said) => process.send!(said));
  });
  process.on('disconnect', () => process.exit());
  process.send!('ready');
}

if (import.meta.main) await main(JSON.parse(process.argv[2]) as LaneSetup);
