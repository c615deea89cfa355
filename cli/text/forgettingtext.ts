/** What forgetting captures or hosts comes to, in words. */
import type { Forgetting } from '../../shared/control/dataset/forget.ts';
import type { HostRows } from '../../shared/engine/forgetting.ts';
import { printable } from '../../shared/text/printable.ts';
import { count, counted } from './format.ts';

/** What is forgotten of hosts. */
export interface OfHosts extends HostRows {
  hosts: readonly string[];
}

/** Most names that are listed. */
const NAMED = 20;

/** What programs are told. */
export function told(
  { names, packets, already, across, copies, elsewhere, again }: Forgetting,
  ofHosts?: OfHosts,
): object {
  if (ofHosts !== undefined) return { ...ofHosts, already, elsewhere, readAgain: again.map(({ name }) => name) };
  return { captures: names, packets, already, across, copies, elsewhere, readAgain: again.map(({ name }) => name) };
}

export function forgettingText(
  { names, packets, already, across, copies, elsewhere, again }: Forgetting,
  dataset: string,
  ofHosts?: OfHosts,
): string {
  if (ofHosts !== undefined) return hostsText(ofHosts, { already, elsewhere, again }, dataset);
  const lines = [`data set '${dataset}': ${counted(names.length, 'capture')} to forget, ${counted(packets, 'packet')}`];
  for (const name of names.slice(0, NAMED)) lines.push(`  ${printable(name)}`);
  if (names.length > NAMED) lines.push(`  and ${count(names.length - NAMED)} more`);
  if (already > 0) lines.push(`${counted(already, 'capture')} had been forgotten before`);
  for (const name of across.slice(0, NAMED))
    lines.push(`${printable(name)} has packets after that time, too, and stays whole`);
  if (across.length > NAMED) lines.push(`and so do ${count(across.length - NAMED)} more`);
  for (const { name, of } of copies.slice(0, NAMED))
    lines.push(`${printable(name)} holds the same packets as ${printable(of)}, and stays: forget it too`);
  for (const other of elsewhere)
    lines.push(
      `data set '${other.dataset}' holds ${count(other.captures)} of them too, and keeps them: forget them there too`,
    );
  if (again.length > 0) lines.push(`${counted(again.length, 'capture')} of the others will be read again`);
  return `${lines.join('\n')}\n`;
}

function hostsText(
  { hosts, sessions, packets, files }: OfHosts,
  { already, elsewhere, again }: Pick<Forgetting, 'already' | 'elsewhere' | 'again'>,
  dataset: string,
): string {
  const lines = [
    `data set '${dataset}': ${counted(hosts.length, 'host')} to forget (${hosts.join(', ')}), ${counted(sessions, 'session')}` +
      (packets === null ? '' : `, ${count(packets)} of the rows of packets`),
  ];
  if (already > 0) lines.push(`${counted(already, 'host')} had been forgotten before`);
  for (const other of elsewhere)
    lines.push(
      `data set '${other.dataset}' holds ${count(other.captures)} of the captures too: forget the hosts there too`,
    );
  if (again.length > 0) {
    lines.push(`${counted(again.length, 'capture')} will be read again, and all files of tables written anew:`);
    for (const [table, number] of Object.entries(files)) lines.push(`  ${table}: ${counted(number, 'file')}`);
  }
  return `${lines.join('\n')}\n`;
}
