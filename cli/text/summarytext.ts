/** The summary of a job, as text: of a run on this machine, and of a job in the cloud. */
import { accountedFor, type Conservation, type DamagedCapture, type JobSummary } from '../../shared/job/summary.ts';
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

/** Damaged captures listed by name. */
const LISTED = 20;
const NEXT_QUERY = 'select * from sessions order by capture_count desc limit 10';

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
    ['sessions', sessionsText(summary)],
    ['conservation', conservationText(summary.conservation)],
    ['shuffle', shuffleText(summary)],
    ...fields,
  ];
  const dataset = summary.dataset === 'default' ? '' : ` --dataset ${summary.dataset}`;
  const next = `${commandName()} sql "${NEXT_QUERY}" --data ${shellWord(data)}${dataset}`;
  return `${fieldLines(lines)}${damageText(summary.damaged)}\nnext: ${next}\n`;
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

function damageText(damaged: readonly DamagedCapture[]): string {
  if (damaged.length === 0) return '';
  const lines = damaged.slice(0, LISTED).map(({ capture, status, offset, reason, detail }) => {
    const place = offset === null ? '' : ` at byte ${offset}`;
    return `  ${printable(capture)}: ${status}${place}, ${reason}${detail === '' ? '' : `: ${printable(detail)}`}\n`;
  });
  const rest = damaged.length - LISTED;
  if (rest > 0) lines.push(`  and ${count(rest)} more: see the captures table\n`);
  return `\n${counted(damaged.length, 'capture')} could not be read completely:\n${lines.join('')}`;
}
