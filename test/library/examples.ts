/** The examples of docs/library.md, and the captures of which they speak. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzip } from '../capture/build.ts';
import { START_US, udpCapture } from '../cli/harness.ts';

const PAGE = join(import.meta.dirname, '../../docs/library.md');

/** Its blocks of TypeScript, each a whole program. */
export function examples(): string[] {
  return [...readFileSync(PAGE, 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
}

/** Two captures of one UDP flow of 20 packets, under the names that the examples give. */
export const EXAMPLE_CAPTURES = {
  'captures/monday.pcap': udpCapture(10),
  'captures/tuesday.pcap.gz': gzip(udpCapture(10, START_US + 1e6)),
};

/** What the examples print of them. */
export const EXAMPLE_OUTPUT = [
  '1 sessions, 1 of them over several captures\nproto n\nudp 1\n',
  'pcap, 10 records, the largest of 72 bytes, complete\n',
];
