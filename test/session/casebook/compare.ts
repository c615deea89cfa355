/** Compares the casebook's rows with our sessions, in the same way as Zeek's logs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULTS } from '../../../shared/session/sessionconfig.ts';
import { Part, pairRows } from '../fidelity/compare.ts';
import { sessionsOf } from '../fidelity.ts';
import { type Case, captureBytes, connRow } from './case.ts';
import { CASES } from './index.ts';

/** Writes a case's captures into a folder. @returns their paths */
export function writeCase(folder: string, { captures }: Case): string[] {
  return captures.map((capture) => {
    const path = join(folder, capture.name);
    writeFileSync(path, captureBytes(capture));
    return path;
  });
}

/** The comparison of some cases, each of which counts as one capture. */
export async function compareCases(cases: readonly Case[] = CASES): Promise<Part> {
  const part = new Part('casebook');
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-casebook-'));
  try {
    for (const one of cases)
      part.add(one.name, pairRows(await sessionsOf(writeCase(folder, one), DEFAULTS), one.rows.map(connRow)));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return part;
}

/** The differences, one line a row, with the reasons of the case. */
export function differencesOf(part: Part, cases: readonly Case[] = CASES): string[] {
  return part.differences.map(({ capture, fields, kind, ours, zeek }) => {
    const rows = cases.find(({ name }) => name === capture)?.rows ?? [];
    const why = rows.find((row) => connRow(row).ts === (zeek ?? ours)?.ts)?.why ?? '';
    const values = fields.map((field) => `${field}: ${ours?.[field]}, not ${zeek?.[field]}`);
    return `${capture} (${kind}): ${values.join('; ')}. ${why}`;
  });
}
