/** Compares the golden digests with those of this code: what has changed, and which revision must be raised. */
import { MAPPING_REVISION, PUBLISHING_REVISION, TRACKING_REVISION } from '../../shared/job/revisions.ts';
import type { Digests } from './run.ts';

/** Stages in order: each reads the output of the one before. */
export const HELD = ['mapping', 'tracking', 'publishing'] as const;
export type Held = (typeof HELD)[number];

/** test/golden/digests.json */
export interface Fixture {
  /** Digest of the captures. */
  inputs: string;
  /** For each stage its revision, with those of the stages before it, and the digests of its output. */
  mapping: { revision: string; digests: Digests };
  tracking: { revision: string; digests: Digests };
  publishing: { revision: string; digests: Digests };
}

const CONSTANTS: Record<Held, string> = {
  mapping: 'MAPPING_REVISION',
  tracking: 'TRACKING_REVISION',
  publishing: 'PUBLISHING_REVISION',
};

/** The revision of each stage, including those before it, whose output it reads. */
export const CURRENT: Record<Held, string> = {
  mapping: `${MAPPING_REVISION}`,
  tracking: `${MAPPING_REVISION}.${TRACKING_REVISION}`,
  publishing: `${MAPPING_REVISION}.${TRACKING_REVISION}.${PUBLISHING_REVISION}`,
};

/** Most parts that are named: one change affects many. */
const NAMED = 12;

export function fixtureOf(
  golden: { inputs: string } & Record<Held, Digests>,
  revisions: Record<Held, string> = CURRENT,
): Fixture {
  const held = (stage: Held): Fixture[Held] => ({ revision: revisions[stage], digests: golden[stage] });
  return {
    inputs: golden.inputs,
    mapping: held('mapping'),
    tracking: held('tracking'),
    publishing: held('publishing'),
  };
}

export interface Difference {
  /** raise: content has changed under an old revision. write: the fixture must be rewritten, and may be. */
  kind: 'raise' | 'write';
  message: string;
}

/** @returns null when the fixture agrees with this code */
export function differenceOf(known: Fixture | undefined, actual: Fixture): Difference | null {
  if (known === undefined) return { kind: 'write', message: 'there are no golden digests: npm run golden' };
  if (known.inputs !== actual.inputs)
    return {
      kind: 'write',
      message: 'the golden captures have changed (in a commit that changes nothing else, please): npm run golden',
    };
  for (const stage of HELD) {
    if (known[stage].revision !== actual[stage].revision)
      return {
        kind: 'write',
        message: `the golden digests are those of ${stage} revision ${known[stage].revision}, this is ${actual[stage].revision}: npm run golden`,
      };
    const changed = changedParts(known[stage].digests, actual[stage].digests);
    if (changed.length > 0)
      return {
        kind: 'raise',
        message:
          `what ${stage} writes has changed, and ${CONSTANTS[stage]} has not: jobs and shards made before would be taken ` +
          `for those of this code. If the change is meant, raise ${CONSTANTS[stage]} in shared/job/revisions.ts, then ` +
          `npm run golden. Changed: ${changed.slice(0, NAMED).join('; ')}` +
          (changed.length > NAMED ? `; and ${changed.length - NAMED} more` : ''),
      };
  }
  return null;
}

function changedParts(known: Digests, actual: Digests): string[] {
  const parts = new Set([...Object.keys(known), ...Object.keys(actual)]);
  return [...parts].filter((part) => known[part] !== actual[part]);
}
