/**
 * Files that are no captures of a supported format: what they are, from their first bytes. Text and files of other
 * programs are plainly no captures; an archive or another compression may hold some, and the command that opens it is
 * named; other programs' captures are named; and of the rest it is only known how it begins.
 */
import type { CaptureLedger, Compression } from '../facts.ts';
import type { FormatReader } from './formatreader.ts';

/** Bytes that are looked at: up to the magic number of a tar archive. */
const HEAD = 512;

/** What a file is. */
interface Kind {
  words: string;
  /** It holds no packets, whatever follows. */
  plain?: true;
}

/** A magic number: where, its bytes as Latin-1, and what has it. */
type Magic = readonly [at: number, bytes: string, words: string];

/** Captures of formats that are not read. */
const CAPTURES: readonly Magic[] = [
  [0, 'snoop\0\0\0', 'snoop, RFC 1761'],
  [0, '\xa1\x2b\x3c\x4d', 'pcap as Navtel writes it'],
  [0, '\x4d\x3c\x2b\xa1', 'pcap as Navtel writes it'],
  [0, '\x1c\0\x01\xac', 'pcap as Ixia hardware writes it'],
  [0, '\xac\x01\0\x1c', 'pcap as Ixia hardware writes it'],
  [0, '\x1c\0\x01\xab', 'pcap as Ixia software writes it'],
  [0, '\xab\x01\0\x1c', 'pcap as Ixia software writes it'],
  [0, 'GMBU', 'a capture of Microsoft Network Monitor'],
  [0, 'RTSS', 'a capture of Microsoft Network Monitor'],
  [0, 'TRSNIFF data    \x1a', 'a capture of Sniffer'],
  [0, 'XCP\0', 'a capture of NetXRay or Sniffer'],
  [0, 'btsnoop\0', 'btsnoop, a capture of Bluetooth'],
  [0, '\x7fver', 'a capture of EtherPeek'],
  [0, 'iptrace 1.0', 'a capture of iptrace'],
  [0, 'iptrace 2.0', 'a capture of iptrace'],
];

/** What may hold captures, and the command that opens it. */
const PACKED: readonly (readonly [...magic: Magic, command: string])[] = [
  [0, '\x1f\x8b', 'gzip', 'gzip -d FILE'],
  [0, '\x28\xb5\x2f\xfd', 'zstd', 'zstd -d --rm FILE'],
  [4, '1AY&SY', 'bzip2', 'bzip2 -d FILE'],
  [4, '\x17\x72\x45\x38\x50\x90', 'bzip2', 'bzip2 -d FILE'],
  [0, '\xfd7zXZ\0', 'xz', 'xz -d FILE'],
  [0, '\x04\x22\x4d\x18', 'lz4', 'lz4 -d --rm FILE'],
  [0, '\x02\x21\x4c\x18', 'lz4', 'lz4 -d --rm FILE'],
  [0, '\x1f\x9d', 'compress', 'gzip -d FILE'],
  [0, 'LZIP', 'lzip', 'lzip -d FILE'],
  [0, '\x89LZO\0\r\n\x1a\n', 'lzop', 'lzop -d FILE'],
  [0, '\xff\x06\0\0sNaPpY', 'snappy', 'snzip -d FILE'],
  [0, 'PK\x03\x04', 'zip', 'unzip FILE'],
  [0, 'PK\x05\x06', 'zip', 'unzip FILE'],
  [0, 'PK\x07\x08', 'zip', 'unzip FILE'],
  [0, '7z\xbc\xaf\x27\x1c', '7z', '7z x FILE'],
  [0, 'Rar!\x1a\x07', 'rar', 'unrar x FILE'],
  [0, 'MSCF\0\0\0\0', 'a cabinet', 'cabextract FILE'],
  [257, 'ustar', 'tar', 'tar -xf FILE'],
];

/** Files of other programs. */
const PLAIN: readonly Magic[] = [
  [0, 'PAR1', 'Parquet'],
  [0, 'ARROW1', 'Arrow'],
  [0, 'ORC', 'ORC'],
  [0, 'Obj\x01', 'Avro'],
  [0, 'SQLite format 3\0', 'a database of SQLite'],
  [0, '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'a compound file of Windows, such as Thumbs.db'],
  [0, '\0\0\0\x01Bud1', 'a .DS_Store of macOS'],
  [0, '\x4c\0\0\0\x01\x14\x02\0', 'a shortcut of Windows'],
  [0, 'ElfFile\0', 'an event log of Windows'],
  [0, 'MDMP', 'a memory dump of Windows'],
  [0, 'PAGEDU', 'a memory dump of Windows'],
  [0, 'LPKSHHRH', 'a journal of systemd'],
  [0, 'bplist00', 'a property list of macOS'],
  [0, '%PDF-', 'PDF'],
  [0, '\x89PNG\r\n\x1a\n', 'a picture'],
  [0, '\xff\xd8\xff', 'a picture'],
  [0, 'GIF8', 'a picture'],
  [0, 'II*\0', 'a picture'],
  [0, 'MM\0*', 'a picture'],
  [0, 'RIFF', 'sound or film'],
  [0, 'OggS', 'sound or film'],
  [0, 'ID3', 'sound or film'],
  [4, 'ftyp', 'sound or film'],
  [0, '\x7fELF', 'a program'],
  [0, 'MZ\x90\0', 'a program'],
  [0, '\xca\xfe\xba\xbe', 'a program'],
  [0, '\xcf\xfa\xed\xfe', 'a program'],
  [0, '!<arch>\n', 'a library or package'],
  [0, '\xed\xab\xee\xdb', 'a package'],
  [0, '\xde\xad\xbe\xef', 'flows of SiLK'],
  [0, '\x0c\xa5\x01\0', 'flows of nfdump'],
  [0, '\x0c\xa5\x02\0', 'flows of nfdump'],
];

/** First names in zip archives of documents and programs, which hold no captures. */
const ZIPPED_DOCUMENT = /^(\[Content_Types\]\.xml|_rels\/|docProps\/|mimetype|META-INF\/|AndroidManifest\.xml)/;
/** Where the first name of a zip archive is, and its length. */
const ZIP_NAME = 30;
const ZIP_NAME_LENGTH = 26;

/** Reads what no other reader knows: nothing but the first bytes. */
export class ForeignReader implements FormatReader {
  need = HEAD;
  refused = false;
  readonly another = false;
  private readonly ledger: CaptureLedger;

  constructor(ledger: CaptureLedger) {
    this.ledger = ledger;
  }

  run(bytes: Uint8Array, _view: DataView, start: number, end: number, _base: number, ended: boolean): number {
    if (end - start < HEAD && !ended) return start;
    const head = bytes.subarray(start, Math.min(end, start + HEAD));
    this.refused = true;
    refuse(this.ledger, head, ended && end - start <= HEAD);
    return start + head.length;
  }
}

/** Enters why a file cannot be read. @param whole `head` is all of it */
function refuse(ledger: CaptureLedger, head: Uint8Array, whole: boolean): void {
  const kind = kindOfFile(head, whole, ledger.compression);
  const hex = Buffer.from(head.subarray(0, 4)).toString('hex');
  const detail = `begins with 0x${hex}${kind === undefined ? '' : `: ${kind.words}`}`;
  ledger.format = 'unknown';
  ledger.unreadable(0, kind?.plain ? 'no_capture' : 'unsupported_format', detail);
}

/**
 * A file of fewer bytes than a format is known by.
 * @returns whether it is text, which has been entered
 */
export function refuseShortText(ledger: CaptureLedger, bytes: Uint8Array): boolean {
  if (!isText(bytes, true)) return false;
  refuse(ledger, bytes, true);
  return true;
}

/** What a file is, undefined when that is unknown. @param outer the compression around these bytes */
function kindOfFile(head: Uint8Array, whole: boolean, outer: Compression): Kind | undefined {
  const text = Buffer.from(head).toString('latin1');
  const has = ([at, bytes]: readonly [number, string, ...unknown[]]): boolean => text.startsWith(bytes, at);
  const capture = CAPTURES.find(has);
  if (capture !== undefined) return { words: capture[2] };
  const packed = PACKED.find(has);
  if (packed !== undefined) {
    if (packed[2] === 'zip' && ZIPPED_DOCUMENT.test(firstZipped(text)))
      return { words: 'a document or program in a zip archive', plain: true };
    return { words: packedWords(packed[2], packed[3], outer) };
  }
  const plain = PLAIN.find(has);
  if (plain !== undefined) return { words: plain[2], plain: true };
  return isText(head, whole) ? { words: 'text', plain: true } : undefined;
}

function firstZipped(text: string): string {
  const length = (text.charCodeAt(ZIP_NAME_LENGTH) || 0) | ((text.charCodeAt(ZIP_NAME_LENGTH + 1) || 0) << 8);
  return text.slice(ZIP_NAME, ZIP_NAME + length);
}

/** "xz; 'xz -d FILE' gives what is in it". */
function packedWords(name: string, command: string, outer: Compression): string {
  if (outer === 'none') return `${name}; '${command}' gives what is in it`;
  const opened = outer === 'gzip' ? 'gzip -dc FILE' : 'zstd -dc FILE';
  const inner = name === 'tar' ? 'tar -xf -' : `${command.split(' ')[0]} -dc > CAPTURE`;
  const piped = command.includes(' -d ') || name === 'tar';
  const whole = piped ? `${opened} | ${inner}` : `${opened} > ARCHIVE; ${command.replace('FILE', 'ARCHIVE')}`;
  return `${name} within ${outer}; '${whole}' gives what is in it`;
}

/** Bytes that text in a single-byte encoding must have to be told from others by chance: whatever they are, and if most are ASCII. */
const LEAST_LATIN = 64;
const LEAST_ASCII = 4;
/** The share of ASCII in short text: one letter in four of a word may have an accent. */
const ASCII_SHARE = 3 / 4;

/**
 * Whether bytes are text: something visible, and no control characters but those of text and terminals; in UTF-8, in
 * UTF-16 with its mark, or in a single-byte encoding where there is enough of it, or a whole file that is mostly ASCII.
 */
function isText(head: Uint8Array, whole: boolean): boolean {
  if (head.length >= 4 && ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff))) {
    const utf16 = new TextDecoder(head[0] === 0xff ? 'utf-16le' : 'utf-16be').decode(
      head.subarray(0, head.length & ~1),
    );
    return !CONTROLS.test(utf16) && VISIBLE.test(utf16);
  }
  try {
    const utf8 = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: !whole });
    return !CONTROLS.test(utf8) && VISIBLE.test(utf8);
  } catch {
    const latin = Buffer.from(head).toString('latin1');
    const enough = head.length >= LEAST_LATIN || (whole && head.length >= LEAST_ASCII && isMostlyAscii(head));
    return enough && !CONTROLS.test(latin) && VISIBLE.test(latin);
  }
}

function isMostlyAscii(bytes: Uint8Array): boolean {
  let ascii = 0;
  for (const byte of bytes) if (byte < 0x80) ascii++;
  return ascii >= bytes.length * ASCII_SHARE;
}

/** C0 but bell, backspace, tab, line feed, vertical tab, form feed, carriage return and escape; DEL. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\0-\x06\x0e-\x1a\x1c-\x1f\x7f]/;
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;
