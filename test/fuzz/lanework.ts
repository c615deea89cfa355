/**
 * The process in which cases are looked at: it does one at a time, as its parent asks, and says what it
 * found. Whoever looks from outside can end it, whatever it is caught in.
 */

import { examine } from './check/examine.ts';
import { type Found, foundOf } from './check/finding.ts';
import { PARTS, type Parts } from './check/parts.ts';
import { examineJob } from './check/wholejobs.ts';
import { Bases } from './make/bases.ts';
import { type FuzzCase, makeCase } from './make/cases.ts';

/** What cases are looked at for. */
export type LaneKind = 'captures' | 'jobs';

/** What the process is told when it begins: its argument. */
export interface LaneSetup {
  kind: LaneKind;
  corpus: boolean;
  /** A module whose `parts` take the place of Flowstitch's own. */
  parts?: string;
}

/** Which case to do: one that is made here, or the captures as they are. */
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
