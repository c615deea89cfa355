/**
 * Tables of Zeek's connections of captures, in two forms: a line a capture with its connections, or a line a connection
 * for a single capture. The corpus of captures next to the checkout has both.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { DEFAULTS, type SessionConfig } from '../../../shared/session/sessionconfig.ts';
import { type ConnRow, sessionsOf, zeekRow } from '../fidelity.ts';
import { Part, pairRows } from './compare.ts';

/** The corpus; it may be missing. */
export const CORPUS = join(dirname(fileURLToPath(import.meta.url)), '../../../../shared/corpus');
/** Most rows that a capture has in the capped part. */
const CAP = 100;
const IGMP = 2;
/** Marks in `odd` for unreadable bytes; the others are for rare or wrong but readable ones. */
const DAMAGE = /truncated|bad-record|mismatch/;

/** Zeek's connections of one capture. */
interface CaptureTable {
  capture: string;
  odd: string;
  zeek_exit: number;
  zeek_stderr: string;
  conns: Record<string, unknown>[];
}

function lines(path: string): Record<string, unknown>[] {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Zeek's defaults with the server ports of the Zeek that wrote the corpus's tables, where a file names them. */
export function tableConfig(folder: string): SessionConfig {
  const path = [folder, CORPUS].map((f) => join(f, 'likely-server-ports.txt')).find(existsSync);
  if (path === undefined) return DEFAULTS;
  const all = readFileSync(path, 'utf8').split('\n');
  const ports = (proto: string) => {
    const line = all.find((l) => l.startsWith(`oracle ${proto} `));
    if (line === undefined) throw new Error(`${path}: no line "oracle ${proto} PORTS"; write one, or remove the file`);
    return line.split(' ').slice(2).map(Number);
  };
  return { ...DEFAULTS, likelyServerPorts: { tcp: ports('tcp'), udp: ports('udp') } };
}

/** Zeek stops at damage and we read on, so such tables cannot be compared. */
function isReadToEnd(table: CaptureTable): boolean {
  return table.zeek_exit === 0 && !/\berror\b/.test(table.zeek_stderr) && !DAMAGE.test(table.odd);
}

/** IGMP rows are packets that the tables' version of Zeek could not parse. */
function isComparable(row: ConnRow): boolean {
  return row.ip_proto !== IGMP;
}

async function compareCapture(
  path: string,
  name: string,
  conns: readonly Record<string, unknown>[],
  config: SessionConfig,
  parts: readonly Part[],
): Promise<void> {
  const pairs = pairRows(
    (await sessionsOf([path], config)).filter(isComparable),
    conns.map(zeekRow).filter(isComparable),
  );
  for (const part of parts) part.add(name, pairs);
}

/**
 * The captures below `folder` that the table names and that Zeek read to their end.
 *
 * @param sound for those that the table calls odd in nothing
 * @param odd for the others: cut by a snaplen, out of order, with rare marks
 */
async function compareTable(
  folder: string,
  tables: readonly CaptureTable[],
  sound: readonly Part[],
  odd: Part,
): Promise<void> {
  const config = tableConfig(folder);
  for (const table of tables)
    if (isReadToEnd(table))
      await compareCapture(
        join(folder, table.capture),
        table.capture,
        table.conns,
        config,
        table.odd === '' ? sound : [odd],
      );
}

async function compareWalks(parts: Part[]): Promise<void> {
  const folder = join(CORPUS, 'random-walks');
  const conns = lines(join(folder, 'walks-conn.jsonl.gz'));
  await compareCapture(join(folder, 'walks.pcap.gz'), 'walks.pcap.gz', conns, tableConfig(CORPUS), parts);
}

/** The corpus: its undamaged captures, the same with each capture capped, the random walks, and the odd captures. */
export async function compareCorpus(): Promise<Part[]> {
  const all = new Part('corpus');
  const capped = new Part(`corpus, at most ${CAP} rows a capture`, CAP);
  const walks = new Part('random walks');
  const odd = new Part('odd captures');
  const tables = lines(join(CORPUS, 'zeek-conn.jsonl.gz')) as unknown as CaptureTable[];
  await compareTable(join(CORPUS, 'captures'), tables, [all, capped], odd);
  await compareWalks([walks]);
  return [all, capped, walks, odd];
}

/**
 * One capture, or a folder of captures, and a table of either form.
 *
 * @param capture a file, or the folder that the table's names are relative to
 * @throws Error when the table does not name the capture
 */
export async function compareOther(capture: string, isFolder: boolean, table: string): Promise<Part[]> {
  const part = new Part(basename(capture));
  const capped = new Part(`at most ${CAP} rows a capture`, CAP);
  const rows = lines(table);
  if (rows.length > 0 && rows[0].conns === undefined) {
    await compareCapture(capture, basename(capture), rows, tableConfig(dirname(table)), [part]);
    return [part];
  }
  const tables = rows as unknown as CaptureTable[];
  if (isFolder) {
    const odd = new Part('odd captures');
    await compareTable(capture, tables, [part, capped], odd);
    return [part, capped, odd].filter((p) => p.captures > 0);
  }
  const own = tables.find((t) => capture.endsWith(t.capture)) ?? (tables.length === 1 ? tables[0] : undefined);
  if (own === undefined)
    throw new Error(`${table}: no line for ${capture}; its "capture" must be the end of the capture's path`);
  await compareCapture(capture, own.capture, own.conns, tableConfig(dirname(table)), [part]);
  return [part];
}
