/** The summary of a job: the value of summary.json. */
import { FATE_NOT_IP, FATE_SESSION, FATES } from '../packet/fate.ts';
import { type Undecoded, type UndecodedName, undecodedByName } from '../packet/undecoded.ts';
import type { TableName } from '../table/tables.ts';
import type { Job } from './jobconfig.ts';
import { type ClockApart, clocksApart, type PacketSpan, packetSpan } from './notices/clocks.ts';
import { isForgotten } from './notices/forgotten.ts';
import { isNoCapture, type NoCapture, noCaptures } from './notices/nocapture.ts';
import { type Outside, outsideOf } from './notices/outside.ts';
import type { StageResults } from './protocol/stageresults.ts';
import type { CaptureOutcome, RankedCapture } from './tasks/maptask.ts';
import type { Gained, LongestSpan } from './tasks/reduced.ts';

/** A capture that could not be read completely. */
export interface DamagedCapture {
  capture: string;
  status: string;
  /** Byte offset in the uncompressed capture; null when nothing was read. */
  offset: number | null;
  reason: string;
  detail: string;
}

/** Captures that were not read, or not completely, for a reason that may be temporary. */
export function lostCaptures({ damaged }: Pick<JobSummary, 'damaged'>): DamagedCapture[] {
  return damaged.filter(({ status, offset }) => status === 'unreadable' && offset === null);
}

/** A capture that was still being written: its whole records were used. */
export interface OpenCapture {
  capture: string;
  packets: number;
}

/** Where the records of all captures went: `read` equals the sum of the others. */
export interface Conservation {
  read: number;
  inSessions: number;
  fragmentsCompleted: number;
  fragmentsIncomplete: number;
  notIp: number;
  undecodable: Record<string, number>;
  /** Of captures that hold the same packets as another one, which were passed over. */
  inCopies: number;
}

/** A capture that was passed over, and the one with the same packets that was used. */
export interface CopiedCapture {
  capture: string;
  of: string;
}

/** Names in a summary's `undecoded`. */
const UNDECODED_TOLD = 10;

export interface JobSummary extends PacketSpan {
  job: string;
  dataset: string;
  /** Without the inputs that are none, and those that the data set has forgotten. */
  captures: number;
  /** Bytes of the captures, uncompressed. */
  captureBytes: number;
  packets: number;
  sessions: number;
  /** Sessions with packets in more than one capture. */
  spanning: number;
  longest: LongestSpan | null;
  conservation: Conservation;
  /** Bytes of all shards and fragment files. */
  shuffleBytes: number;
  /** Map tasks whose shards existed already. */
  reusedTasks: number;
  mapTasks: number;
  partitions: number;
  damaged: DamagedCapture[];
  /** Inputs that are no captures, and were passed over. */
  noCaptures: NoCapture[];
  /** Captures that were still being written when they were listed: the next run takes them anew. */
  open: OpenCapture[];
  /** Packets that ended outside sessions although they may belong to one, and why. */
  outside: Outside;
  /** Captures years away from the others. */
  clocksApart: ClockApart[];
  /** What packets hold that is not decoded, by name: the ten most frequent of all captures. */
  undecoded: UndecodedName[];
  /** Captures passed over because another one holds the same packets, in order of rank. */
  copies: CopiedCapture[];
  /** Keys of the tables' files. */
  files: Record<TableName, string[]>;
  /** Bytes of each of them, by key. */
  fileBytes: Record<string, number>;
}

/** Sum of all counts of `conservation` but `read`. */
export function accountedFor(conservation: Conservation): number {
  let sum = conservation.inSessions + conservation.fragmentsCompleted + conservation.fragmentsIncomplete;
  sum += conservation.notIp + conservation.inCopies;
  for (const count of Object.values(conservation.undecodable)) sum += count;
  return sum;
}

/** Counts of undecodable records by reason, without zeroes; also of those that were left out as their hosts are forgotten. */
export function undecodable({
  fates,
  forgotten = 0,
}: Pick<CaptureOutcome, 'fates' | 'forgotten'>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let fate = FATE_NOT_IP + 1; fate < FATES.length; fate++) if (fates[fate] > 0) counts[FATES[fate]] = fates[fate];
  if (forgotten > 0) counts.forgotten = forgotten;
  return counts;
}

/** Every capture with unusable bytes, or none usable, in order of rank. Nothing is lost with a copy of another one. */
export function damagedCaptures(captures: readonly RankedCapture[]): DamagedCapture[] {
  const damaged: DamagedCapture[] = [];
  for (const outcome of captures) {
    const { capture, facts, failure, copyOf } = outcome;
    if (copyOf !== null || isNoCapture(outcome) || isForgotten(capture)) continue;
    if (failure !== null) {
      damaged.push({ capture: capture.name, status: 'unreadable', offset: null, ...failure });
    } else if (facts.status !== 'complete' && facts.status !== 'empty' && facts.status !== 'open') {
      const first = facts.damage[0];
      damaged.push({
        capture: capture.name,
        status: facts.status,
        offset: first?.offset ?? null,
        reason: first?.reason ?? facts.status,
        detail: first?.detail ?? '',
      });
    }
  }
  return damaged;
}

/** Captures that were still being written, in order of rank. */
function openCaptures(captures: readonly RankedCapture[]): OpenCapture[] {
  return captures
    .filter(({ facts }) => facts.status === 'open')
    .map(({ capture, facts }) => ({ capture: capture.name, packets: facts.records }));
}

/** Where the records of all captures went. */
export function conservationOf(captures: readonly RankedCapture[]): Conservation {
  const conservation: Conservation = {
    read: 0,
    inSessions: 0,
    fragmentsCompleted: 0,
    fragmentsIncomplete: 0,
    notIp: 0,
    undecodable: {},
    inCopies: 0,
  };
  for (const outcome of captures) {
    const { facts, fates, fragmentsCompleted, fragmentsIncomplete, copyOf } = outcome;
    conservation.read += facts.records;
    if (copyOf !== null) {
      conservation.inCopies += facts.records;
      continue;
    }
    conservation.inSessions += fates[FATE_SESSION];
    conservation.fragmentsCompleted += fragmentsCompleted;
    conservation.fragmentsIncomplete += fragmentsIncomplete;
    conservation.notIp += fates[FATE_NOT_IP];
    for (const [reason, count] of Object.entries(undecodable(outcome)))
      conservation.undecodable[reason] = (conservation.undecodable[reason] ?? 0) + count;
  }
  return conservation;
}

function* everyUndecoded(captures: readonly RankedCapture[]): Generator<Undecoded> {
  for (const { undecoded, copyOf } of captures) if (copyOf === null) yield* undecoded;
}

function copiedCaptures(captures: readonly RankedCapture[]): CopiedCapture[] {
  return captures.flatMap(({ capture, copyOf }) =>
    copyOf === null ? [] : [{ capture: capture.name, of: captures[copyOf].capture.name }],
  );
}

export function summarize(
  job: Job,
  captures: readonly RankedCapture[],
  mapped: readonly (StageResults['map'] | null)[],
  balance: StageResults['balance'],
  gained: Gained,
  { files, fileBytes }: Pick<JobSummary, 'files' | 'fileBytes'>,
): JobSummary {
  const conservation = conservationOf(captures);
  const none = noCaptures(captures);
  let captureBytes = 0;
  for (const { facts } of captures) captureBytes += facts.bytes;
  return {
    job: job.job,
    dataset: job.config.dataset,
    captures: captures.length - none.length - captures.filter(({ capture }) => isForgotten(capture)).length,
    captureBytes,
    packets: conservation.read,
    ...packetSpan(captures),
    sessions: gained.sessions,
    spanning: gained.spanning,
    longest: gained.longest,
    conservation,
    shuffleBytes: balance.shuffleBytes,
    reusedTasks: mapped.filter((result) => result?.reused).length,
    mapTasks: mapped.length,
    partitions: balance.partitions,
    damaged: damagedCaptures(captures),
    noCaptures: none,
    open: openCaptures(captures),
    outside: outsideOf(captures),
    clocksApart: clocksApart(captures),
    undecoded: undecodedByName(everyUndecoded(captures)).slice(0, UNDECODED_TOLD),
    copies: copiedCaptures(captures),
    files,
    fileBytes,
  };
}
