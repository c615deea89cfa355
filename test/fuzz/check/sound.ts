/**
 * Captures with sound lengths: a strict walk leads from the first byte to the last. A reader must find the same
 * records, whatever their times. Shares no code with the reader.
 */

/** A record as the walk sees it. `ns` is the time in nanoseconds since 1970. */
export interface SoundRecord {
  offset: number;
  capLen: number;
  origLen: number;
  linkType: number;
  /** Undefined for simple packets, which have no time. */
  ns: bigint | undefined;
}

const RECORD_LIMIT = 262_144;
// The limits of a record are repeated here: an oracle that took them from the reader would share its errors.
const MOST_ORIG_LEN = 16 * 1024 * 1024;
const MAX_NS = BigInt(Number.MAX_SAFE_INTEGER) * 1000n;

/** The records of a capture, null when its lengths are not sound. */
export function soundRecords(bytes: Uint8Array): SoundRecord[] | null {
  if (bytes.length < 24) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (view.getUint32(0)) {
    case 0xa1b2c3d4:
      return pcap(view, false, 16, 1_000_000);
    case 0xd4c3b2a1:
      return pcap(view, true, 16, 1_000_000);
    case 0xa1b23c4d:
      return pcap(view, false, 16, 1_000_000_000);
    case 0x4d3cb2a1:
      return pcap(view, true, 16, 1_000_000_000);
    case 0xa1b2cd34:
      return pcap(view, false, 24, 1_000_000);
    case 0x34cdb2a1:
      return pcap(view, true, 24, 1_000_000);
    case 0x0a0d0d0a:
      return pcapng(view);
    default:
      return null;
  }
}

function pcap(view: DataView, little: boolean, header: number, unit: number): SoundRecord[] | null {
  if (view.getUint16(4, little) !== 2) return null;
  const swapped = view.getUint16(6, little) < 3;
  const linkType = view.getUint32(20, little) & 0xffff;
  // Perhaps a capture of AIX.
  if (view.getUint16(6, little) === 2 && [6, 7, 9, 15, 24].includes(linkType)) return null;
  const records: SoundRecord[] = [];
  let at = 24;
  while (at < view.byteLength) {
    if (at + header > view.byteLength) return null;
    const sub = view.getUint32(at + 4, little);
    const capLen = view.getUint32(at + (swapped ? 12 : 8), little);
    const origLen = view.getUint32(at + (swapped ? 8 : 12), little);
    if (sub >= unit || capLen > RECORD_LIMIT || capLen > origLen || origLen === 0 || origLen > MOST_ORIG_LEN)
      return null;
    const ns = BigInt(view.getUint32(at, little)) * 1_000_000_000n + BigInt(sub) * BigInt(1_000_000_000 / unit);
    records.push({ offset: at, capLen, origLen, linkType, ns });
    at += header + capLen;
  }
  return at === view.byteLength ? records : null;
}

interface Interface {
  linkType: number;
  snaplen: number;
  resolution: number;
  offset: bigint;
}

function pcapng(view: DataView): SoundRecord[] | null {
  const records: SoundRecord[] = [];
  let interfaces: Interface[] = [];
  let little = true;
  for (let at = 0; at < view.byteLength; ) {
    if (at + 12 > view.byteLength) return null;
    const section = view.getUint32(at) === 0x0a0d0d0a;
    if (section) {
      const magic = view.getUint32(at + 8);
      if (magic !== 0x1a2b3c4d && magic !== 0x4d3c2b1a) return null;
      little = magic === 0x4d3c2b1a;
      interfaces = [];
    }
    const type = view.getUint32(at, little);
    const size = view.getUint32(at + 4, little);
    const end = at + size;
    if (size < 12 || size % 4 !== 0 || size > RECORD_LIMIT || end > view.byteLength) return null;
    if (view.getUint32(end - 4, little) !== size || (section && size < 28)) return null;
    if (type === 1) {
      const one = interfaceOf(view, at, end, little);
      if (one === null || interfaces.length >= 60_000) return null;
      interfaces.push(one);
    } else if (type === 6 || type === 2) {
      if (size < 32) return null;
      const source = interfaces[type === 6 ? view.getUint32(at + 8, little) : view.getUint16(at + 8, little)];
      const capLen = view.getUint32(at + 20, little);
      if (source === undefined || capLen > size - 32) return null;
      const units = (BigInt(view.getUint32(at + 12, little)) << 32n) | BigInt(view.getUint32(at + 16, little));
      const origLen = view.getUint32(at + 24, little);
      records.push({ offset: at, capLen, origLen, linkType: source.linkType, ns: timeOf(units, source) });
    } else if (type === 3) {
      const source = interfaces[0];
      if (size < 16 || source === undefined) return null;
      const origLen = view.getUint32(at + 8, little);
      const capLen = Math.min(source.snaplen === 0 ? origLen : Math.min(origLen, source.snaplen), size - 16);
      records.push({ offset: at, capLen, origLen, linkType: source.linkType, ns: undefined });
    }
    at = end;
  }
  return records;
}

function interfaceOf(view: DataView, at: number, end: number, little: boolean): Interface | null {
  if (end - at < 20) return null;
  const one: Interface = {
    linkType: view.getUint16(at + 8, little),
    snaplen: view.getUint32(at + 12, little),
    resolution: 6,
    offset: 0n,
  };
  for (let option = at + 16; option + 4 <= end - 4; ) {
    const code = view.getUint16(option, little);
    const length = view.getUint16(option + 2, little);
    if (code === 0) break;
    const next = option + 4 + Math.ceil(length / 4) * 4;
    if (next > end - 4) return null;
    if (code === 9 && length >= 1) one.resolution = view.getUint8(option + 4);
    if (code === 14 && length >= 8) one.offset = view.getBigInt64(option + 4, little);
    option = next;
  }
  return one;
}

/** The count of units as nanoseconds, moved into the range that times may have. */
function timeOf(units: bigint, { resolution, offset }: Interface): bigint | undefined {
  const exponent = BigInt(resolution & 0x7f);
  // Units so small that they are computed in floating point, and offsets that numbers do not hold, are not held to the nanosecond.
  if ((resolution & 0x80) === 0 ? exponent > 19n : exponent > 64n) return undefined;
  if (offset > 2n ** 43n || offset < -(2n ** 43n)) return undefined;
  const perSecond = (resolution & 0x80) === 0 ? 10n ** exponent : 2n ** exponent;
  const counted = (units * 1_000_000_000n) / perSecond;
  // Beyond exact doubles, adding and clamping commute only far from the limit.
  if (counted > 2n ** 62n) return undefined;
  const ns = counted + offset * 1_000_000_000n;
  return ns < 0n ? 0n : ns >= MAX_NS + 1000n ? MAX_NS : ns;
}
