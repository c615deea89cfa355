/** The tables with one file per job: where commit finds the rows of each. */
import type { AnomalyRow } from '../../capture/anomaly.ts';
import { linkTypeName } from '../../capture/linktypes.ts';
import { requireJson } from '../../job/context.ts';
import { isForgotten } from '../../job/notices/forgotten.ts';
import { isNoCapture } from '../../job/notices/nocapture.ts';
import { readParts } from '../../job/protocol/listparts.ts';
import type { StageResults } from '../../job/protocol/stageresults.ts';
import { undecodable } from '../../job/summary.ts';
import { type AnomalyPlaces, groupsIn, type RankedCapture } from '../../job/tasks/maptask.ts';
import { FATE_NOT_IP, FATE_SESSION } from '../../packet/fate.ts';
import { undecodedByName } from '../../packet/undecoded.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { ANOMALIES, type NamedAnomaly } from '../../table/anomalies.ts';
import { AnomalySort } from '../../table/anomalysort.ts';
import { CAPTURES, type CaptureRow } from '../../table/captures.ts';
import { writeRows } from '../../table/parquet/tablefile.ts';
import type { JobTable } from '../../table/tables.ts';

/** Results of the stages before commit. */
export interface Found {
  store: ObjectStore;
  /** By rank. */
  captures: readonly RankedCapture[];
  mapped: readonly (StageResults['map'] | null)[];
  balance: StageResults['balance'];
}

/** Writes a table's file. @param scratch folder for what does not fit into memory. @returns how many rows there were, and how many are in the file */
type Writer = (path: string, found: Found, scratch: string) => Promise<{ given: number; written: number }>;

export const WRITERS: Readonly<Record<JobTable, Writer>> = {
  async captures(path, { captures }) {
    const { rows } = await writeRows(path, CAPTURES, captureRows(captures));
    return { given: captures.length, written: rows };
  },

  async anomalies(path, found, scratch) {
    const sort = new AnomalySort(scratch);
    try {
      for await (const rows of anomalyRows(found)) for (const row of rows) sort.add(row);
      const { rows } = await writeRows(path, ANOMALIES, named(sort.sorted(), found.captures));
      return { given: sort.rows, written: rows };
    } finally {
      sort.close();
    }
  },
};

function* captureRows(captures: readonly RankedCapture[]): Generator<CaptureRow> {
  for (const [rank, outcome] of captures.entries()) yield captureRow(outcome, rank, captures);
}

function captureRow(outcome: RankedCapture, rank: number, captures: readonly RankedCapture[]): CaptureRow {
  const { capture, facts, failure, copyOf } = outcome;
  // None of the packets of a copy was used.
  const fates = copyOf === null ? outcome.fates : outcome.fates.map(() => 0);
  const first = facts.damage[0];
  return {
    capture: capture.name,
    format: facts.format,
    compression: facts.compression,
    linkTypes: facts.linkTypes.map(linkTypeName),
    snaplen: facts.snaplen,
    timestampResolution: facts.resolution,
    first: facts.firstUs === null ? null : { us: facts.firstUs, ns: facts.firstNs ?? 0 },
    last: facts.lastUs === null ? null : { us: facts.lastUs, ns: facts.lastNs ?? 0 },
    packets: facts.records,
    bytes: facts.bytes,
    storedBytes: capture.size,
    outOfOrder: facts.outOfOrder,
    status: statusOf(outcome),
    damageOffset: first?.offset ?? null,
    damageReason: isForgotten(capture) ? null : (failure?.reason ?? first?.reason ?? null),
    packetsInSessions: fates[FATE_SESSION],
    fragmentsCompleted: outcome.fragmentsCompleted,
    fragmentsIncomplete: outcome.fragmentsIncomplete,
    notIp: fates[FATE_NOT_IP],
    undecodable: copyOf === null ? undecodable(outcome) : {},
    undecoded: copyOf === null ? undecodedByName(outcome.undecoded) : [],
    packetsOfCopy: copyOf === null ? 0 : facts.records,
    copyOf: copyOf === null ? null : captures[copyOf].capture.name,
    version: capture.version,
    digest: outcome.digest,
    rank,
  };
}

function statusOf(outcome: RankedCapture): string {
  if (isForgotten(outcome.capture)) return 'forgotten';
  if (isNoCapture(outcome)) return 'no_capture';
  return outcome.copyOf === null ? outcome.facts.status : 'copy';
}

function* named(rows: Iterable<AnomalyRow>, captures: readonly RankedCapture[]): Generator<NamedAnomaly> {
  for (const row of rows) yield { ...row, captureName: captures[row.capture].capture.name };
}

/**
 * The anomalies of all map tasks, one part at a time, and then balance's; `capture` is the rank. Those that map found in
 * copies are left out, as their packets are.
 */
async function* anomalyRows({ store, mapped, balance, captures }: Found): AsyncGenerator<AnomalyRow[]> {
  const { ranks, parts } = await requireJson<AnomalyPlaces>(store, balance.anomalies);
  let group = 0;
  for (const result of mapped) {
    const summaries = result === null ? [] : groupsIn(await requireJson(store, result.summary));
    for (const { anomalies, anomalyParts = [] } of summaries) {
      const own = ranks[group++];
      const ranked = (rows: readonly AnomalyRow[]): AnomalyRow[] =>
        rows
          .map((row) => ({ ...row, capture: own[row.capture] }))
          .filter(({ capture }) => captures[capture].copyOf === null);
      for await (const rows of readParts<AnomalyRow>(store, anomalyParts)) yield ranked(rows);
      yield ranked(anomalies);
    }
    if (result === null) group++;
  }
  yield* readParts<AnomalyRow>(store, parts);
}
