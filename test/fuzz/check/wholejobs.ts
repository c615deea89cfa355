/**
 * Captures through whole jobs, twice: as `flowstitch run` would, and with other names, order, buckets, sizes and
 * workers. The tables must be the same, contain all of the captures, and agree with the stages in one process.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsScreen } from '../../../shared/capture/screen.ts';
import { runEmbedded } from '../../../shared/engine/embedded.ts';
import type { JobConfig } from '../../../shared/job/jobconfig.ts';
import { accountedFor } from '../../../shared/job/summary.ts';
import { CONN_STATES } from '../../../shared/session/rows/sessionrows.ts';
import { meaninglessNames } from '../../job/cutting.ts';
import {
  captureRefs,
  firstDifference,
  lines,
  plainConfig,
  type Row,
  readTables,
  type Tables,
  temporaryFolder,
} from '../../job/harness.ts';
import type { FuzzCase } from '../make/cases.ts';
import { Dice } from '../make/dice.ts';
import { Finding } from './finding.ts';
import { PARTS } from './parts.ts';
import { decode, track } from './stages.ts';

const FATES = [
  ...['packets_in_sessions', 'fragments_completed', 'fragments_incomplete', 'not_ip', 'undecodable'],
  'packets_of_copy',
];
/** Columns of captures that captures of equal packets may have exchanged, and those that names and times of files decide. */
const EXCHANGED = ['fragments_completed', 'fragments_incomplete', 'rank'];
const OF_THE_FILE = ['capture', 'version'];

/** @throws Finding when a check failed; whatever a job throws */
export async function examineJob(made: FuzzCase): Promise<{ records: number }> {
  using folder = temporaryFolder();
  const dice = new Dice(made.variation, 1);
  const decoding = { keyVlan: made.keyVlan, keyVni: made.keyVni };
  const names = made.captures.map((_, number) => `capture-${number}`);
  // The stages in one process, which whole jobs are compared with, take every capture.
  const plain = plainConfig({ packets: true, keepCopies: true, decode: decoding });
  const one = await job(join(folder.path, 'one'), made, names, plain, 1);
  checkTables(one, made);
  const otherNames = dice.shuffled(meaninglessNames(names.length, dice.unit));
  const other = await job(join(folder.path, 'other'), made, otherNames, variation(dice, decoding), dice.between(1, 3));
  checkTables(other, made);
  checkSame(other, one, [otherNames, names]);
  await checkStages(one, made);
  return { records: one.captures.reduce((sum, { packets }) => sum + Number(packets), 0) };
}

function variation(dice: Dice, decoding: JobConfig['decode']): JobConfig {
  return plainConfig({
    packets: true,
    keepCopies: true,
    decode: decoding,
    sharding: {
      buckets: dice.pick([1, 7, 64, 1024, 65_536]),
      seed: dice.below(2 ** 32),
      by: dice.pick(['5tuple', '4tuple', '2tuple'] as const),
    },
    sizes: {
      taskBytes: dice.pick([1, 5000, 256 << 20]),
      shardRows: dice.pick([70, 200, 1_500_000]),
      batchRows: dice.pick([1, 20, 4096]),
      openRows: dice.pick([1, 400, 1_000_000]),
      partitionRows: dice.pick([1, 50, 2_000_000]),
      partitions: dice.pick([1, 4]),
      fileRows: dice.pick([1, 10, 1_000_000]),
    },
  });
}

async function job(
  folder: string,
  made: FuzzCase,
  names: readonly string[],
  config: JobConfig,
  workers: number,
): Promise<Tables> {
  const input = join(folder, 'in');
  mkdirSync(input, { recursive: true });
  const paths = names.map((name) => join(input, name));
  for (const [number, path] of paths.entries()) writeFileSync(path, made.captures[number]);
  const out = join(folder, 'out');
  const captures = await captureRefs(paths);
  const summary = await runEmbedded({ out, captures, config, workers });
  const { read } = summary.conservation;
  if (accountedFor(summary.conservation) !== read || summary.packets !== read)
    throw new Finding('conservation', `the summary of a job does not add up\n${JSON.stringify(summary.conservation)}`);
  const tables = await readTables(out, summary.files);
  if (tables.sessions.length !== summary.sessions)
    throw new Finding(
      'conservation',
      `the summary says ${summary.sessions} sessions, the table has ${tables.sessions.length}`,
    );
  rmSync(out, { recursive: true, force: true });
  return tables;
}

/** What must hold of the tables of any job. */
function checkTables(tables: Tables, made: FuzzCase): void {
  if (tables.captures.length !== made.captures.length)
    throw new Finding('conservation', `${made.captures.length} captures, ${tables.captures.length} in the table`);
  // Records that have a row, and those that have one of an innermost packet.
  const records = new Map<unknown, Set<unknown>>();
  const innermost = new Map<unknown, Set<unknown>>();
  const enter = (into: Map<unknown, Set<unknown>>, capture: unknown, offset: unknown): void => {
    const offsets = into.get(capture);
    if (offsets === undefined) into.set(capture, new Set([offset]));
    else offsets.add(offset);
  };
  for (const { capture, level, offset } of tables.packets) {
    enter(records, capture, offset);
    if (level === 0) enter(innermost, capture, offset);
  }
  for (const row of tables.captures) {
    const fates = FATES.reduce((sum, fate) => sum + Number(row[fate]), 0);
    if (fates !== Number(row.packets))
      throw new Finding('conservation', `a capture of ${row.packets} packets has fates for ${fates}`);
    const whole = Number(row.packets_in_sessions);
    const kept = whole + Number(row.fragments_completed);
    // A datagram that was joined counts as whole also where the packet inside of it cannot be read: it has outer rows only.
    const inner = innermost.get(row.capture)?.size ?? 0;
    const any = records.get(row.capture)?.size ?? 0;
    if (inner < whole || inner > kept || any < kept)
      throw new Finding(
        'conservation',
        `${whole} records belong to sessions, ${kept} with fragments; ${inner} are in packets as innermost ones, ${any} at all`,
      );
  }
  const sessions = new Map<unknown, Row>();
  for (const session of tables.sessions) {
    if (sessions.has(session.uid)) throw new Finding('uid', 'two sessions of a job have one uid');
    sessions.set(session.uid, session);
    for (const port of ['orig_p', 'resp_p'])
      if (!(Number(session[port]) >= 0 && Number(session[port]) <= 65_535))
        throw new Finding('row', `a session has the port ${session[port]}`);
    if (BigInt(session.end_ns as bigint) < BigInt(session.ts_ns as bigint))
      throw new Finding('row', 'a session ends before it begins');
  }
  for (const packet of tables.packets) {
    const session = sessions.get(packet.uid);
    if (session === undefined) throw new Finding('conservation', 'a packet of no session');
  }
}

/** What stands for a capture: its records, where captures of equal records may change places. */
function contentsOf(tables: Tables, made: FuzzCase, names: readonly string[]): Map<unknown, string> {
  return new Map(
    tables.captures.map(({ capture, digest }) => {
      const bytes = made.captures[names.indexOf(String(capture))] ?? new Uint8Array(0);
      return [capture, String(digest ?? createHash('md5').update(bytes).digest('hex'))];
    }),
  );
}

function checkSame(other: Tables, one: Tables, [otherNames, names]: readonly string[][]): void {
  const [left, right] = [told(other, otherNames), told(one, names)];
  for (const table of ['captures', 'anomalies', 'sessions', 'packets'] as const) {
    const difference = firstDifference(left[table], right[table]);
    if (difference !== null) throw new Finding('job', `another table of ${table} by another way\n${difference}`);
  }
}

/** The tables as sorted lines without what may differ. */
function told(tables: Tables, names: readonly string[]): Record<keyof Tables, string[]> {
  const made = { captures: [] as Uint8Array[] } as FuzzCase;
  const contents = contentsOf(tables, made, names);
  const twice = new Set(contents.values()).size < contents.size;
  const content = (name: unknown): string => contents.get(name) ?? '';
  const anomalies = new Map<string, number>();
  for (const { capture, name, count } of tables.anomalies) {
    const key = `${content(capture)} ${name}`;
    anomalies.set(key, (anomalies.get(key) ?? 0) + Number(count));
  }
  return {
    captures: lines(tables.captures, twice ? [...OF_THE_FILE, ...EXCHANGED] : OF_THE_FILE).sort(),
    anomalies: [...anomalies].map(([key, count]) => `${count} ${key}`).sort(),
    sessions: lines(
      tables.sessions.map((row) => ({
        ...row,
        capture_first: content(row.capture_first),
        capture_last: content(row.capture_last),
      })),
    ),
    packets: lines(
      tables.packets.map((row) => ({ ...row, capture: content(row.capture) })),
      twice ? ['offset'] : [],
    ),
  };
}

/** The job's sessions are those of the stages in one process. */
async function checkStages(tables: Tables, made: FuzzCase): Promise<void> {
  const listed = made.captures.map((_, number) => number);
  const decoded = await decode(PARTS, made, listed);
  // A job leaves out records behind damage whose times are implausible; these stages read all.
  if (decoded.readings.some(({ facts }) => needsScreen(facts))) return;
  const { sessions } = track(PARTS, decoded);
  const expected = sessions.map((s) =>
    [s.uid, CONN_STATES[s.connState], s.history, s.origPkts, s.respPkts, s.origIpBytes, s.respIpBytes].join(' '),
  );
  const actual = tables.sessions.map((row) =>
    [row.uid, row.conn_state, row.history, row.orig_pkts, row.resp_pkts, row.orig_ip_bytes, row.resp_ip_bytes].join(
      ' ',
    ),
  );
  const difference = firstDifference(actual.sort(), expected.sort());
  if (difference !== null) throw new Finding('stages', `a job has other sessions than its stages\n${difference}`);
}
