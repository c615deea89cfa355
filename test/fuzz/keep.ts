/** Findings in files: the captures shrunk and as they were, and how to reproduce the finding. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Found } from './check/finding.ts';
import type { LaneKind } from './lanework.ts';
import type { FuzzCase } from './make/cases.ts';

export interface KeptCase {
  found: Found;
  kind: LaneKind;
  seed: number;
  number: number;
  steps: string[];
  keyVlan: boolean;
  keyVni: boolean;
  variation: number;
  bytes: number[];
}

/** Writes a finding into a folder of its own. @returns the folder */
export function keepFinding(
  parent: string,
  kept: Omit<KeptCase, 'keyVlan' | 'keyVni' | 'variation' | 'bytes'>,
  original: FuzzCase,
  small: FuzzCase,
): string {
  const folder = join(parent, `${kept.found.check}-${kept.seed}-${kept.kind === 'jobs' ? 'j' : ''}${kept.number}`);
  mkdirSync(folder, { recursive: true });
  const { keyVlan, keyVni, variation } = small;
  const whole: KeptCase = { ...kept, keyVlan, keyVni, variation, bytes: small.captures.map(({ length }) => length) };
  writeFileSync(join(folder, 'finding.json'), `${JSON.stringify(whole, null, 2)}\n`);
  for (const [i, bytes] of small.captures.entries()) writeFileSync(join(folder, `capture-${i}`), bytes);
  for (const [i, bytes] of original.captures.entries()) writeFileSync(join(folder, `original-${i}`), bytes);
  return folder;
}

/** A kept finding, with its shrunk captures. */
export function readFinding(folder: string): { kept: KeptCase; made: FuzzCase } {
  const kept = JSON.parse(readFileSync(join(folder, 'finding.json'), 'utf8')) as KeptCase;
  const names = readdirSync(folder).filter((name) => name.startsWith('capture-'));
  const captures = names.map((_, i) => new Uint8Array(readFileSync(join(folder, `capture-${i}`))));
  const { keyVlan, keyVni, variation } = kept;
  return { kept, made: { captures, keyVlan, keyVni, variation } };
}
