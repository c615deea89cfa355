/**
 * Reads a capture and checks what must hold for any bytes: each record is inside the capture and after the one before,
 * the facts agree with the records, every byte of a classic capture is in a record or lost, sound captures are read
 * exactly, and the size of chunks has no influence.
 */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { ANOMALY_ROWS_PER_NAME, AnomalyLog, type AnomalyRow } from '../../../shared/capture/anomaly.ts';
import { type CaptureFacts, DAMAGE_ROWS, MAX_US } from '../../../shared/capture/facts.ts';
import type { RecordSink } from '../../../shared/capture/recordsink.ts';
import { Finding } from './finding.ts';
import type { Parts } from './parts.ts';
import { type SoundRecord, soundRecords } from './sound.ts';

/** Most uncompressed bytes of a compressed capture that is checked by `soundRecords`. */
const MOST_WALKED = 20_000_000;

/** The reader's records, as far as they are compared. */
export class RecordTally implements RecordSink {
  readonly offsets: number[] = [];
  readonly capLens: number[] = [];
  readonly origLens: number[] = [];
  readonly linkTypes: number[] = [];
  readonly us: number[] = [];
  readonly ns: number[] = [];
  private readonly digest = createHash('md5');
  private digested: string | undefined;
  private readonly sink: RecordSink | undefined;

  constructor(sink?: RecordSink) {
    this.sink = sink;
  }

  record(
    bytes: Uint8Array,
    start: number,
    capLen: number,
    origLen: number,
    us: number,
    ns: number,
    linkType: number,
    offset: number,
  ): void {
    if (!(start >= 0 && capLen >= 0 && start + capLen <= bytes.length))
      throw new Finding('facts', `a record of ${capLen} bytes from ${start} on in a chunk of ${bytes.length}`);
    this.offsets.push(offset);
    this.capLens.push(capLen);
    this.origLens.push(origLen);
    this.linkTypes.push(linkType);
    this.us.push(us);
    this.ns.push(ns);
    this.digest.update(bytes.subarray(start, start + capLen));
    this.sink?.record(bytes, start, capLen, origLen, us, ns, linkType, offset);
  }

  /** Record `i` as text. */
  text(i: number): string {
    if (i >= this.offsets.length) return 'no record';
    return `offset ${this.offsets[i]}, ${this.capLens[i]} of ${this.origLens[i]} bytes, link type ${this.linkTypes[i]}, ${this.us[i]} us ${this.ns[i]} ns`;
  }

  /** Digest of all packets' bytes, at the end. */
  get bytesDigest(): string {
    this.digested ??= this.digest.digest('hex');
    return this.digested;
  }
}

export interface Reading {
  tally: RecordTally;
  facts: CaptureFacts;
  /** Anomalies of the reader and of the records' consumer. */
  anomalies: AnomalyRow[];
}

async function* inChunks(bytes: Uint8Array, nextSize: () => number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; ) {
    const size = Math.max(1, nextSize());
    yield bytes.slice(at, at + size);
    at += size;
  }
}

/** Reads a capture in chunks of the sizes that `nextSize` returns, and checks its facts. */
export async function readChecked(
  parts: Parts,
  bytes: Uint8Array,
  nextSize: () => number,
  then?: RecordSink,
  anomalies = new AnomalyLog(),
): Promise<Reading> {
  const tally = new RecordTally(then);
  const before = anomalies.rows.length;
  const source = (): AsyncGenerator<Uint8Array, void> => inChunks(bytes, nextSize);
  const facts = await parts.readCapture(source(), tally, anomalies, { reopen: source });
  checkFacts(facts, tally, recordHeader(bytes, facts));
  const names = new Map<string, number>();
  const told = anomalies.rows.slice(before);
  for (const { name } of told) names.set(name, (names.get(name) ?? 0) + 1);
  for (const [name, rows] of names)
    if (rows > ANOMALY_ROWS_PER_NAME + 1) throw new Finding('facts', `${rows} rows of the anomaly ${name}`);
  return { tally, facts, anomalies: told };
}

/** @param header bytes of a record header, where they are known */
function checkFacts(facts: CaptureFacts, tally: RecordTally, header: number): void {
  const { offsets, capLens, us, ns } = tally;
  const wrong = (what: string): Finding => new Finding('facts', what);
  if (facts.records !== offsets.length) throw wrong(`facts say ${facts.records} records, ${offsets.length} came`);
  let first = -1;
  let last = -1;
  let late = 0;
  let end = 0;
  for (let i = 0; i < offsets.length; i++) {
    if (offsets[i] < end)
      throw wrong(`record ${i} at ${offsets[i]} begins before byte ${end}, where the one before ends`);
    end = offsets[i] + capLens[i] + 16;
    if (end > facts.bytes) throw wrong(`record ${i} ends at ${end} of ${facts.bytes} bytes`);
    if (!Number.isInteger(us[i]) || us[i] < 0 || us[i] > MAX_US) throw wrong(`record ${i} has the time ${us[i]} us`);
    if (!Number.isInteger(ns[i]) || ns[i] < 0 || ns[i] > 999) throw wrong(`record ${i} has ${ns[i]} ns below its us`);
    if (i > 0 && (us[i] < us[i - 1] || (us[i] === us[i - 1] && ns[i] < ns[i - 1]))) late++;
    if (first < 0 || us[i] < us[first] || (us[i] === us[first] && ns[i] < ns[first])) first = i;
    if (last < 0 || us[i] > us[last] || (us[i] === us[last] && ns[i] > ns[last])) last = i;
  }
  const times = first < 0 ? [null, null, null, null] : [us[first], ns[first], us[last], ns[last]];
  const said = [facts.firstUs, facts.firstNs, facts.lastUs, facts.lastNs];
  if (times.some((time, i) => time !== said[i])) throw wrong(`facts say times ${said}, records have ${times}`);
  if (facts.outOfOrder !== late) throw wrong(`facts say ${facts.outOfOrder} out of order, ${late} are`);
  if (facts.bytesLost < 0 || facts.bytesLost > facts.bytes)
    throw wrong(`${facts.bytesLost} of ${facts.bytes} bytes are lost`);
  if (facts.damage.length !== Math.min(facts.damageCount, DAMAGE_ROWS))
    throw wrong(`${facts.damage.length} rows of ${facts.damageCount} places of damage`);
  if (facts.format === 'pcap' && facts.status !== 'unreadable' && header > 0 && facts.bytes >= 24) {
    const used = 24 + capLens.reduce((sum, capLen) => sum + header + capLen, 0) + facts.bytesLost;
    if (used !== facts.bytes) throw wrong(`records and lost bytes make ${used} bytes of ${facts.bytes} in a pcap`);
  }
}

/** Bytes of a record header in a classic capture; 0 where compression, another format or several captures in one hide them. */
function recordHeader(bytes: Uint8Array, { dialects = [], parts }: CaptureFacts): number {
  if (bytes.length < 4 || parts !== undefined) return 0;
  if (dialects.includes('nokia')) return 20;
  if (dialects.includes('red_hat_6_1')) return 24;
  if (dialects.includes('suse_6_3')) return 28;
  const magic = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  if (magic === 0xa1b2cd34 || magic === 0x34cdb2a1) return 24;
  return magic === 0xa1b2c3d4 || magic === 0xd4c3b2a1 || magic === 0xa1b23c4d || magic === 0x4d3cb2a1 ? 16 : 0;
}

/** A capture whose lengths lead from its start to its end must be read exactly. */
export function checkSound(bytes: Uint8Array, { tally, facts }: Reading): void {
  const plain = facts.compression === 'none' ? bytes : facts.compression === 'gzip' ? inflated(bytes) : null;
  const records = plain === null ? null : soundRecords(plain);
  if (records === null) return;
  const count = Math.max(records.length, tally.offsets.length);
  for (let i = 0; i < count; i++) {
    if (i < records.length && i < tally.offsets.length && agrees(records[i], tally, i)) continue;
    const expected =
      i < records.length ? Object.entries(records[i]).map(([name, value]) => `${name} ${value}`) : ['no record'];
    throw new Finding(
      'sound',
      `a capture of sound lengths is read as something else\nrecord ${i} of ${records.length} is ${expected.join(', ')}; read ${tally.offsets.length}, there ${tally.text(i)}`,
    );
  }
}

function agrees(record: SoundRecord, tally: RecordTally, i: number): boolean {
  return (
    record.offset === tally.offsets[i] &&
    record.capLen === tally.capLens[i] &&
    record.origLen === tally.origLens[i] &&
    record.linkType === tally.linkTypes[i] &&
    (record.ns === undefined || record.ns === BigInt(tally.us[i]) * 1000n + BigInt(tally.ns[i]))
  );
}

function inflated(bytes: Uint8Array): Uint8Array | null {
  try {
    return new Uint8Array(gunzipSync(bytes, { maxOutputLength: MOST_WALKED }));
  } catch {
    return null;
  }
}

/** Two readings of the same bytes must be equal. */
export function checkSameReading(one: Reading, other: Reading): void {
  const differs = (what: string, how: string): Finding =>
    new Finding('chunks', `other ${what} in other chunks of the same bytes\n${how}`);
  const records = Math.max(one.tally.offsets.length, other.tally.offsets.length);
  for (let i = 0; i < records; i++)
    if (one.tally.text(i) !== other.tally.text(i))
      throw differs('records', `record ${i} is ${one.tally.text(i)}; and ${other.tally.text(i)}`);
  if (one.tally.bytesDigest !== other.tally.bytesDigest) throw differs('packets', 'their bytes differ');
  for (const [name, value] of Object.entries(one.facts)) {
    const [is, was] = [value, other.facts[name as keyof CaptureFacts]].map((said) => JSON.stringify(said));
    if (is !== was) throw differs(`facts (${name})`, `${is} and ${was}`);
  }
}
