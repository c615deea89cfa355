/** The contents of a capture: its facts, its records by fate, and its first packets. */
import { createReadStream } from 'node:fs';
import { AnomalyLog, type AnomalyRow } from '../../shared/capture/anomaly.ts';
import type { CompressionBounds } from '../../shared/capture/compression/bounds.ts';
import type { CaptureFacts } from '../../shared/capture/facts.ts';
import { linkTypeName } from '../../shared/capture/linktypes.ts';
import { readCapture } from '../../shared/capture/read.ts';
import { PacketColumns } from '../../shared/packet/columns.ts';
import { PacketDecoder } from '../../shared/packet/decode.ts';
import { FATE_FRAGMENT, FATE_NOT_IP, FATE_SESSION, FATES } from '../../shared/packet/fate.ts';
import { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import { FragmentColumns } from '../../shared/packet/fragmentcolumns.ts';
import { UndecodedCounts, type UndecodedName, undecodedByName } from '../../shared/packet/undecoded.ts';
import { listedFile } from '../../shared/store/capturesource.ts';
import { printable } from '../../shared/text/printable.ts';
import { timeText } from '../../shared/text/timetext.ts';
import { bytesText, count, counted, fieldLines } from '../text/format.ts';
import { UsageError } from '../usage/usage.ts';
import type { Inspection } from './inspection.ts';
import { fragmentLine, packetLine } from './packetline.ts';

const READ_BYTES = 1 << 20;
/** Flows known at once; they matter for nothing but the packet at hand. */
const MOST_FLOWS = 65_536;
/** Most places of damage, and names of anomalies, that are printed. */
const LISTED = 20;

/** How a capture is read. */
export interface Reading {
  /** Limits on its compression. */
  bounds: CompressionBounds;
  /** UDP ports of VXLAN besides those that are known. */
  vxlanPorts: readonly number[];
}

/** Something odd, by name. */
interface Oddity {
  name: string;
  count: number;
  firstOffset: number;
  detail: string;
}

/**
 * Reads a capture to its end.
 * @param shown packets to show
 * @param reading how it is read
 * @param place the path for the system, where `path` is its text
 * @throws UsageError when its bytes are of no format that is read here
 */
export async function inspectCapture(
  path: string,
  shown: number,
  { bounds, vxlanPorts }: Reading,
  place: string | Buffer = path,
): Promise<Inspection> {
  const lines: string[] = [];
  const fates = new Float64Array(FATES.length);
  const columns = new PacketColumns(1);
  const flows = new FlowTable();
  const fragments = new FragmentColumns(1);
  const anomalies = new AnomalyLog();
  const counts = new UndecodedCounts();
  const decoder = new PacketDecoder({ keyVlan: false, vxlanPorts }, columns, flows, fragments, anomalies);
  const record = (...packet: Parameters<PacketDecoder['packet']>): void => {
    const fate = decoder.packet(...packet);
    fates[fate]++;
    if (fate >= FATE_NOT_IP) decoder.countUndecoded(counts, fate);
    if (lines.length < shown) lines.push(line(fate, packet));
    columns.length = 0;
    fragments.clear();
    if (flows.count > MOST_FLOWS) flows.clear();
  };
  const line = (
    fate: number,
    [, , capLen, , us, ns, linkType, offset]: Parameters<PacketDecoder['packet']>,
  ): string => {
    let text: string;
    if (fate === FATE_SESSION) text = packetLine(columns, columns.length - 1, flows);
    else if (fate === FATE_FRAGMENT) text = fragmentLine(fragments, fragments.length - 1);
    else text = `${timeText(us, ns)} ${FATES[fate]}, ${linkTypeName(linkType)}, length ${capLen}`;
    return `${String(offset).padStart(8)}  ${text}`;
  };
  const listed = await listedFile(place);
  const stream = (): AsyncIterable<Uint8Array> => createReadStream(place, { highWaterMark: READ_BYTES });
  const facts = await readCapture(stream(), { record }, anomalies, { reopen: stream, bounds });
  if (facts.format === 'unknown' && facts.records === 0) throw new UsageError(foreign(path, facts));

  const odd = oddities(anomalies.rows, facts);
  const byFate = Object.fromEntries(FATES.map((name, fate) => [name, fates[fate]]).filter(([, n]) => n !== 0));
  const undecoded = undecodedByName(counts.take());
  if (facts.status === 'truncated' && listed?.recent) facts.status = 'open';
  const sound = facts.status === 'complete' || facts.status === 'empty' || facts.status === 'open';
  return {
    json: captureJson(facts, byFate, undecoded, odd, lines),
    text: `${lines.map((text) => `${text}\n`).join('')}${lines.length > 0 ? '\n' : ''}${captureText(path, facts, byFate, undecoded, odd)}`,
    exitCode: sound ? 0 : 2,
  };
}

function foreign(path: string, { compression, damage }: CaptureFacts): string {
  const inside = compression === 'none' ? '' : ` inside its ${compression}`;
  const why = damage.length === 0 ? '' : `: ${damage[0].reason}, ${damage[0].detail}`;
  return `${printable(path)} is not a capture, shard or result file${inside}${printable(why)}`;
}

/** What is odd apart from the damage and the fates, which are told on their own. */
function oddities(rows: readonly AnomalyRow[], { damage }: CaptureFacts): Oddity[] {
  const told = new Set<string>([...FATES, 'capture_gap', ...damage.map(({ reason }) => reason)]);
  const byName = new Map<string, Oddity>();
  for (const { name, offset, detail, count: more } of rows) {
    if (told.has(name)) continue;
    const known = byName.get(name);
    if (known === undefined) byName.set(name, { name, count: more, firstOffset: offset, detail });
    else known.count += more;
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function captureJson(
  facts: CaptureFacts,
  fates: Record<string, number>,
  undecoded: readonly UndecodedName[],
  odd: readonly Oddity[],
  lines: string[],
): Record<string, unknown> {
  const { records, firstUs, firstNs, lastUs, lastNs, linkTypes, ...rest } = facts;
  return {
    kind: 'capture',
    ...rest,
    linkTypes: linkTypes.map(linkTypeName),
    packets: records,
    first: firstUs === null ? null : timeText(firstUs, firstNs ?? 0),
    last: lastUs === null ? null : timeText(lastUs, lastNs ?? 0),
    fates,
    undecoded,
    odd,
    lines,
  };
}

function captureText(
  path: string,
  facts: CaptureFacts,
  fates: Record<string, number>,
  undecoded: readonly UndecodedName[],
  odd: readonly Oddity[],
): string {
  const fields: [string, string][] = [['capture', `${printable(path)}, ${formatText(facts)}`]];
  if (facts.parts !== undefined) fields.push(['parts', `${count(facts.parts)} captures, one behind the other`]);
  if (facts.interfaces > 0) {
    const snaplen = facts.snaplen === null ? 'none given' : facts.snaplen === 0 ? 'no limit' : count(facts.snaplen);
    const types = facts.linkTypes.map(linkTypeName).join(', ');
    fields.push(['interfaces', `${count(facts.interfaces)}: ${types}; snaplen ${snaplen}`]);
  }
  if (facts.firstUs !== null && facts.lastUs !== null) {
    const span = (facts.lastUs - facts.firstUs) / 1e6;
    fields.push(['first', timeText(facts.firstUs, facts.firstNs ?? 0)]);
    fields.push(['last', `${timeText(facts.lastUs, facts.lastNs ?? 0)}, ${span} s later`]);
  }
  const order = facts.outOfOrder === 0 ? 'in time order' : `${count(facts.outOfOrder)} out of order`;
  fields.push(['packets', `${count(facts.records)}${facts.records > 1 ? `, ${order}` : ''}`]);
  if (facts.records > 0)
    fields.push([
      'fates',
      Object.entries(fates)
        .map(([name, n]) => `${count(n)} ${name}`)
        .join(', '),
    ]);
  if (undecoded.length > 0) {
    const names = undecoded.slice(0, LISTED).map(({ name, count: n }) => `${count(n)} ${name}`);
    if (undecoded.length > LISTED) names.push(`and ${undecoded.length - LISTED} more`);
    fields.push(['not decoded', names.join(', ')]);
  }
  fields.push(['bytes', `${count(facts.bytes)} uncompressed`]);
  const lost = facts.bytesLost > 0 ? `, ${bytesText(facts.bytesLost)} lost` : '';
  const why = facts.status === 'open' ? ': written to within the last minute, so it may still be growing' : '';
  fields.push(['status', `${facts.status}${lost}${why}`]);
  return fieldLines(fields) + damageText(facts) + oddText(odd);
}

function formatText({ format, compression, byteOrder, version, resolution, dialects = [] }: CaptureFacts): string {
  const parts = [version === null ? format : `${format} ${version}`];
  if (compression !== 'none') parts.push(`in ${compression}`);
  if (byteOrder !== null) parts.push(byteOrder === 'mixed' ? 'both byte orders' : `${byteOrder}-endian`);
  if (resolution !== null) parts.push(`times in ${resolution}`);
  if (dialects.length > 0) parts.push(`in the dialect ${dialects.join(', ')}`);
  return parts.join(', ');
}

function damageText({ damage, damageCount }: CaptureFacts): string {
  if (damageCount === 0) return '';
  const lines = damage
    .slice(0, LISTED)
    .map(({ offset, reason, detail }) => `  at byte ${offset}: ${reason}, ${printable(detail)}\n`);
  const rest = damageCount - lines.length;
  if (rest > 0) lines.push(`  and ${counted(rest, 'place')} more\n`);
  return `damage\n${lines.join('')}`;
}

function oddText(odd: readonly Oddity[]): string {
  if (odd.length === 0) return '';
  const lines = odd.slice(0, LISTED).map(({ name, count: n, firstOffset, detail }) => {
    const what = detail === '' ? '' : `: ${printable(detail)}`;
    return `  ${name}, ${counted(n, 'time')}, first at byte ${firstOffset}${what}\n`;
  });
  if (odd.length > LISTED) lines.push(`  and ${counted(odd.length - LISTED, 'name')} more\n`);
  return `anomalies\n${lines.join('')}`;
}
