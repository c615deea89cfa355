/** The summary of a job, as text: of a run on this machine, and of a job in the cloud. */
import type { ClockApart } from '../../shared/job/notices/clocks.ts';
import type { NoCapture } from '../../shared/job/notices/nocapture.ts';
import type { Outside } from '../../shared/job/notices/outside.ts';
import {
  accountedFor,
  type Conservation,
  type CopiedCapture,
  type DamagedCapture,
  type JobSummary,
  type OpenCapture,
} from '../../shared/job/summary.ts';
import { printable } from '../../shared/text/printable.ts';
import { shellWord } from '../../shared/text/shellword.ts';
import { bytesText, commandName, count, counted, durationText, fieldLines } from './format.ts';

export interface RunSummary extends JobSummary {
  out: string;
  /** Bytes of the captures as stored. */
  storedBytes: number;
  /** The job was done before: seconds and memory are those of checking that. */
  committedBefore: boolean;
  /** Another run was doing the job when this one began, and was waited for. */
  waited?: true;
  seconds: number;
  cpuSeconds: number;
  peakMemoryBytes: number;
}

/** Captures listed by name, of each kind. */
const LISTED = 20;
/** A saved query whose rows, too, fit a terminal. */
const NEXT_QUERY = 'by_protocol';
/** Share of the packets outside sessions from which on that is told, and how many reasons are. */
const OUTSIDE_TOLD = 0.01;
const REASONS_TOLD = 3;

export function summaryText(summary: RunSummary): string {
  const { out, committedBefore } = summary;
  return jobSummaryText(summary, { fields: [['time', timeText(summary)]], data: out, committedBefore });
}

/** What is printed of a job besides its summary. */
export interface Told {
  /** Further lines: time, and what it took. */
  fields: [label: string, text: string][];
  /** Where its tables are, as `sql --data` takes it. */
  data: string;
  /** The job was done before: nothing of it was new. */
  committedBefore: boolean;
}

export function jobSummaryText(summary: JobSummary, { fields, data, committedBefore }: Told): string {
  const lines: [string, string][] = [
    ['captures', capturesText(summary, committedBefore)],
    ['packets', count(summary.packets)],
    ...spanFields(summary),
    ['sessions', sessionsText(summary)],
    ['conservation', conservationText(summary.conservation)],
    ...undecodedFields(summary),
    ['shuffle', shuffleText(summary)],
    ...fields,
  ];
  const dataset = summary.dataset === 'default' ? '' : ` --dataset ${summary.dataset}`;
  const next = `${commandName()} sql --query ${NEXT_QUERY} --data ${shellWord(data)}${dataset}`;
  return `${fieldLines(lines)}${noticesText(summary)}\nnext: ${next}\n`;
}

function capturesText({ captures, captureBytes, reusedTasks, mapTasks }: JobSummary, committedBefore: boolean): string {
  const reused =
    reusedTasks > 0 && !committedBefore ? `, ${count(reusedTasks)} of ${counted(mapTasks, 'map task')} reused` : '';
  return `${count(captures)}, ${bytesText(captureBytes)} uncompressed${reused}`;
}

function sessionsText({ sessions, spanning, longest }: JobSummary): string {
  if (longest === null) return `${count(sessions)}, none spanning several captures`;
  return (
    `${count(sessions)}, ${count(spanning)} spanning several captures, ` +
    `the longest ${count(longest.captures)} (uid ${longest.uid})`
  );
}

/** Both sides of the equation; kinds that did not occur are left out. */
function conservationText(conservation: Conservation): string {
  const terms: [number, string][] = [
    [conservation.inSessions, 'in sessions'],
    [conservation.fragmentsCompleted, 'fragments of complete datagrams'],
    [conservation.fragmentsIncomplete, 'fragments of incomplete datagrams'],
    [conservation.notIp, 'not IP'],
    ...Object.entries(conservation.undecodable).map(([reason, n]): [number, string] => [n, reason]),
    [conservation.inCopies, 'in copies'],
  ];
  const right = terms.filter(([n], i) => n > 0 || i === 0).map(([n, what]) => `${count(n)} ${what}`);
  const differ =
    accountedFor(conservation) === conservation.read ? '' : '  (the sides differ: please report this as a bug)';
  return `${count(conservation.read)} read = ${right.join(' + ')}${differ}`;
}

function shuffleText({ shuffleBytes, captureBytes, packets }: JobSummary): string {
  if (packets === 0) return bytesText(shuffleBytes);
  const share = (100 * shuffleBytes) / captureBytes;
  return `${bytesText(shuffleBytes)}, ${(shuffleBytes / packets).toFixed(1)} bytes per packet, ${share.toFixed(1)} % of the input`;
}

function timeText({ committedBefore, waited, seconds, packets, peakMemoryBytes }: RunSummary): string {
  if (committedBefore && waited) return `${durationText(seconds)}, waiting for the run that did this job`;
  if (committedBefore) return 'none: this job was already done';
  return `${durationText(seconds)}, ${count(packets / seconds)} packets/s, peak memory ${bytesText(peakMemoryBytes)}`;
}

/** The most frequent protocols that nothing is decoded of. */
function undecodedFields({ undecoded }: JobSummary): [string, string][] {
  if (undecoded.length === 0) return [];
  return [['not decoded', undecoded.map(({ name, count: packets }) => `${count(packets)} ${name}`).join(', ')]];
}

function spanFields({ firstPacket, lastPacket }: JobSummary): [string, string][] {
  if (firstPacket === null || lastPacket === null) return [];
  const seconds = (Date.parse(lastPacket) - Date.parse(firstPacket)) / 1000;
  return [
    ['first packet', firstPacket],
    ['last packet', `${lastPacket}, ${durationText(seconds)} later`],
  ];
}

/** What the reader of a summary should know before using the tables: a paragraph each. */
function noticesText({ damaged, open, noCaptures, copies, outside, packets, clocksApart }: JobSummary): string {
  return [
    damageText(damaged),
    openText(open),
    noCapturesText(noCaptures),
    copiesText(copies),
    outsideText(outside, packets),
    unusedText(outside),
    clocksText(clocksApart),
  ].join('');
}

/** A paragraph on some captures. @param lines one each, without its indent, of which the first are shown */
function listed(heading: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  const shown = lines.slice(0, LISTED).map((line) => `  ${line}\n`);
  const rest = lines.length - LISTED;
  if (rest > 0) shown.push(`  and ${count(rest)} more: see the captures table\n`);
  return `\n${heading}:\n${shown.join('')}`;
}

function damageText(damaged: readonly DamagedCapture[]): string {
  return listed(
    `${counted(damaged.length, 'capture')} could not be read completely`,
    damaged.map(({ capture, status, offset, reason, detail }) => {
      const place = offset === null ? '' : ` at byte ${offset}`;
      return `${printable(capture)}: ${status}${place}, ${reason}${detail === '' ? '' : `: ${printable(detail)}`}`;
    }),
  );
}

function noCapturesText(none: readonly NoCapture[]): string {
  return listed(
    `${counted(none.length, 'input')} passed over: no capture`,
    none.map(({ input, detail }) => `${printable(input)}: ${printable(detail)}`),
  );
}

function copiesText(copies: readonly CopiedCapture[]): string {
  return listed(
    `${counted(copies.length, 'capture')} passed over, as others hold the same packets (--keep-copies uses them too)`,
    copies.map(({ capture, of }) => `${printable(capture)} holds the same packets as ${printable(of)}`),
  );
}

function openText(open: readonly OpenCapture[]): string {
  return listed(
    `${counted(open.length, 'capture')} still being written, up to the last whole packet; the next run takes them anew`,
    open.map(({ capture, packets }) => `${printable(capture)}: ${counted(packets, 'packet')} so far`),
  );
}

function outsideText(outside: Outside, packets: number): string {
  if (outside.packets <= packets * OUTSIDE_TOLD) return '';
  return listed(
    `warning: ${count(outside.packets)} of ${counted(packets, 'packet')} (${shareText(outside.packets, packets)}) are in no session`,
    outside.reasons
      .slice(0, REASONS_TOLD)
      .map(({ reason, packets, remedy }) => `${count(packets)} ${reason}: ${remedy}`),
  );
}

function unusedText({ captures }: Outside): string {
  return listed(
    `warning: most packets of ${counted(captures.length, 'capture')} are in no session`,
    captures.map(
      ({ capture, packets, outside, reason }) =>
        `${printable(capture)}: ${count(outside)} of ${count(packets)}, ${reason}`,
    ),
  );
}

function clocksText(clocksApart: readonly ClockApart[]): string {
  return listed(
    `warning: the packets of ${counted(clocksApart.length, 'capture')} are more than a year from the others, or from each other; the clock may be wrong`,
    clocksApart.map(
      ({ capture, firstPacket, lastPacket }) => `${printable(capture)}: from ${firstPacket} to ${lastPacket}`,
    ),
  );
}

function shareText(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
