/** The summary of a run, as text. */
import { accountedFor, type JobSummary } from '../shared/job/summary.ts';
import { bytesText, count, durationText, printable } from './format.ts';

export interface RunSummary extends JobSummary {
  out: string;
  /** Bytes of the captures as stored. */
  storedBytes: number;
  seconds: number;
  cpuSeconds: number;
  peakMemoryBytes: number;
}

/** Damaged captures listed by name. */
const LISTED = 20;

export function printSummary(summary: RunSummary): void {
  const { conservation } = summary;
  const lines: [string, string][] = [];
  const reused = summary.reusedTasks > 0 ? `, ${summary.reusedTasks} of ${summary.mapTasks} map tasks done before` : '';
  lines.push(['captures', `${count(summary.captures)}, ${bytesText(summary.captureBytes)} uncompressed${reused}`]);
  lines.push(['packets', `${count(summary.packets)}`]);
  const longest =
    summary.longest === null ? '' : `; the longest spans ${summary.longest.captures} (uid ${summary.longest.uid})`;
  lines.push(['sessions', `${count(summary.sessions)}, ${count(summary.spanning)} of them span captures${longest}`]);
  lines.push([
    'conservation',
    `${count(conservation.read)} read = ${count(conservation.inSessions)} in sessions` +
      ` + ${count(conservation.fragmentsCompleted)} fragments of whole datagrams` +
      ` + ${count(conservation.fragmentsIncomplete)} of incomplete ones` +
      ` + ${count(conservation.notIp)} not IP` +
      Object.entries(conservation.undecodable)
        .map(([reason, n]) => ` + ${count(n)} ${reason}`)
        .join('') +
      (accountedFor(conservation) === conservation.read ? '' : '  (THE SIDES DIFFER: please report this)'),
  ]);
  const share = summary.captureBytes > 0 ? (100 * summary.shuffleBytes) / summary.captureBytes : 0;
  const each = summary.packets > 0 ? summary.shuffleBytes / summary.packets : 0;
  lines.push([
    'shuffle',
    `${bytesText(summary.shuffleBytes)}, ${each.toFixed(1)} bytes a packet, ${share.toFixed(1)} % of the input`,
  ]);
  lines.push([
    'time',
    `${durationText(summary.seconds)}, ${count(summary.packets / summary.seconds)} packets/s,` +
      ` peak memory ${bytesText(summary.peakMemoryBytes)}`,
  ]);
  for (const [name, text] of lines) process.stdout.write(`${name.padEnd(13)}${text}\n`);
  if (summary.damaged.length > 0) {
    process.stdout.write(`\n${count(summary.damaged.length)} captures could not be read as a whole:\n`);
    for (const { capture, status, offset, reason, detail } of summary.damaged.slice(0, LISTED))
      process.stdout.write(
        `  ${printable(capture)}: ${status}${offset === null ? '' : ` at byte ${offset}`}, ${reason}: ${printable(detail)}\n`,
      );
    if (summary.damaged.length > LISTED)
      process.stdout.write(`  and ${count(summary.damaged.length - LISTED)} more: see the table captures\n`);
  }
  process.stdout.write(
    `\nnext: flowstitch sql "select * from sessions order by capture_count desc limit 10" --data ${summary.out}\n`,
  );
}
