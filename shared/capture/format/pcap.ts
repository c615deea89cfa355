/**
 * Classic captures (draft-ietf-opsawg-pcap): a 24-byte file header, then
 * records of a 16-byte header and the captured bytes.
 *
 * It reads versions 2.x and 543.0 in both byte orders with microseconds (a1b2c3d4) or nanoseconds (a1b23c4d), the
 * modified format (a1b2cd34), and the dialects that the first records tell (dialect.ts). Other versions are refused.
 */

import type { CaptureLedger } from '../facts.ts';
import type { RecordSink } from '../recordsink.ts';
import { DialectChoice } from './dialect.ts';
import { FILE_HEADER, isLittlePcap, type PcapFileHeader, pcapFileHeader, readsVersion } from './fileheader.ts';
import type { FormatReader } from './formatreader.ts';
import { PcapRecords } from './pcaprecords.ts';
import { MICROSECONDS, NANOSECONDS } from './shape.ts';

const LINK_TYPE_AT = 20;

/** What a dialect is, for people. */
const MEANING = {
  aix: 'interface types of RFC 1573, nanoseconds',
  nokia: 'record headers of 20 bytes',
  red_hat_6_1: 'record headers of 24 bytes',
  suse_6_3: 'record headers of 28 bytes',
  lengths_exchanged: 'the length on the wire stands before the captured one',
  lengths_not_exchanged: 'the captured length stands before the one on the wire',
};

/** Reads a classic capture. */
export class PcapReader implements FormatReader {
  need = FILE_HEADER;
  another = false;
  refused = false;
  private readonly sink: RecordSink;
  private readonly ledger: CaptureLedger;
  private header: PcapFileHeader | undefined;
  private records: PcapRecords | undefined;

  /** @param magic the first four bytes, read big-endian */
  constructor(magic: number, sink: RecordSink, ledger: CaptureLedger) {
    this.sink = sink;
    this.ledger = ledger;
    ledger.begins('pcap');
    ledger.ordered(isLittlePcap(magic));
  }

  run(bytes: Uint8Array, view: DataView, start: number, end: number, base: number, ended: boolean): number {
    let at = start;
    if (this.header === undefined) {
      if (end - at < FILE_HEADER) {
        this.need = FILE_HEADER;
        if (!ended) return at;
        this.ledger.truncated(base + at, 'truncated_file_header', end - at, FILE_HEADER);
        return end;
      }
      this.header = this.fileHeader(view, at, base);
      at += FILE_HEADER;
      if (this.refused) return at;
    }
    if (this.records === undefined) {
      const choice = new DialectChoice();
      const records = this.settle(choice, this.header, view, at, end, base, ended);
      if (records === undefined) {
        this.need = choice.wanted - at;
        return at;
      }
      this.records = records;
    }
    const used = this.records.run(bytes, view, at, end, base, ended);
    this.need = this.records.need;
    this.another = this.records.another;
    return used;
  }

  private fileHeader(view: DataView, at: number, base: number): PcapFileHeader {
    const { ledger } = this;
    const header = pcapFileHeader(view, at);
    const { major, minor, linkField, snaplen, kind } = header;
    ledger.version ??= `${major}.${minor}`;
    if (!readsVersion(major, minor)) {
      ledger.describe(linkField & 0xffff, snaplen, kind === 'ns' ? 'ns' : 'us');
      ledger.unreadable(base + at, 'unsupported_version', `${major}.${minor}`);
      this.refused = true;
    } else if (linkField >>> 16 !== 0) {
      const detail = `0x${linkField.toString(16).padStart(8, '0')}`;
      ledger.odd('link_type_high_bits', -1, 0, base + at + LINK_TYPE_AT, detail);
    }
    return header;
  }

  /** The reader of the records, the first of which is at `at`; undefined when more bytes are needed to tell their dialect. */
  private settle(
    choice: DialectChoice,
    header: PcapFileHeader,
    view: DataView,
    at: number,
    end: number,
    base: number,
    ended: boolean,
  ): PcapRecords | undefined {
    const { ledger, sink } = this;
    const dialect = choice.choose(view, at, end, ended, header);
    if (dialect === undefined) return undefined;
    const { name, shape, linkType } = dialect;
    ledger.describe(linkType, header.snaplen, shape.unit === MICROSECONDS ? 'us' : 'ns');
    // The modified format has a magic of its own.
    if (name !== '' && name !== 'modified') ledger.dialect(name, base + at, MEANING[name]);
    if (shape.unit === NANOSECONDS && header.kind !== 'ns' && name !== 'aix') ledger.nanoseconds(base + at);
    return new PcapRecords(shape, linkType, sink, ledger);
  }
}
