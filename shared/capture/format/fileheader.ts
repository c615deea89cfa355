/**
 * The first bytes of a capture, by which its format is told: the file header of a classic capture
 * (draft-ietf-opsawg-pcap) and the section header of pcapng. Captures that were written or joined one behind another
 * have such a header in mid-file: where a record header would stand, and with fields that no record has.
 */

export const FILE_HEADER = 24;
/** Bytes of a file header, or of a section header, by which it is told in mid-file. */
export const PART_BYTES = 16;

const VERSION_MAJOR = 4;
const VERSION_MINOR = 6;
const ZONE = 8;
const SIGFIGS = 12;
const SNAPLEN = 16;
const LINK_TYPE = 20;

const MAGIC_US = 0xa1b2c3d4;
const MAGIC_NS = 0xa1b23c4d;
const MAGIC_MODIFIED = 0xa1b2cd34;
const MAGIC_US_LITTLE = 0xd4c3b2a1;
const MAGIC_NS_LITTLE = 0x4d3cb2a1;
const MAGIC_MODIFIED_LITTLE = 0x34cdb2a1;

/** The type of a section header block, the same in both byte orders. */
const SECTION = 0x0a0d0d0a;
const SECTION_BYTES = 28;
/** Most bytes of a section header that is believed in mid-file. */
const SECTION_LIMIT = 1024 * 1024;
const SECTION_MAGIC = 0x1a2b3c4d;
const SECTION_MAGIC_LITTLE = 0x4d3c2b1a;

/** DG/UX's tcpdump. */
export const DG_UX_MAJOR = 543;

/** True if the first four bytes, read big-endian, begin a classic capture. */
export function isPcapMagic(magic: number): boolean {
  switch (magic) {
    case MAGIC_US:
    case MAGIC_NS:
    case MAGIC_MODIFIED:
    case MAGIC_US_LITTLE:
    case MAGIC_NS_LITTLE:
    case MAGIC_MODIFIED_LITTLE:
      return true;
    default:
      return false;
  }
}

/** True if the first four bytes, read big-endian, begin a pcapng capture. */
export function isPcapngMagic(magic: number): boolean {
  return magic === SECTION;
}

/** The file header of a classic capture. */
export interface PcapFileHeader {
  little: boolean;
  kind: 'us' | 'ns' | 'modified';
  major: number;
  minor: number;
  snaplen: number;
  /** The link type, and above it the frame check sequence's length and reserved bits. */
  linkField: number;
}

/** The file header at `at`, whose magic is known. */
export function pcapFileHeader(view: DataView, at: number): PcapFileHeader {
  const magic = view.getUint32(at);
  const little = isLittlePcap(magic);
  const native = view.getUint32(at, little);
  return {
    little,
    kind: native === MAGIC_NS ? 'ns' : native === MAGIC_MODIFIED ? 'modified' : 'us',
    major: view.getUint16(at + VERSION_MAJOR, little),
    minor: view.getUint16(at + VERSION_MINOR, little),
    snaplen: view.getUint32(at + SNAPLEN, little),
    linkField: view.getUint32(at + LINK_TYPE, little),
  };
}

/** Whether a classic capture of this version is read. */
export function readsVersion(major: number, minor: number): boolean {
  return major === 2 || (major === DG_UX_MAJOR && minor === 0);
}

/** Whether the magic of a classic capture, read big-endian, is of a little-endian one. */
export function isLittlePcap(magic: number): boolean {
  return magic === MAGIC_US_LITTLE || magic === MAGIC_NS_LITTLE || magic === MAGIC_MODIFIED_LITTLE;
}

/**
 * Whether a capture begins at `at`, in the middle of another one: a file header with a version that exists, and with
 * the fields that writers leave zero, or nearly so; or a section header with a possible length. False with fewer than
 * PART_BYTES there.
 */
export function beginsPart(view: DataView, at: number, end: number): boolean {
  if (at + PART_BYTES > end) return false;
  const magic = view.getUint32(at);
  if (isPcapMagic(magic)) {
    const little = isLittlePcap(magic);
    const major = view.getUint16(at + VERSION_MAJOR, little);
    const minor = view.getUint16(at + VERSION_MINOR, little);
    return (
      (major === 2 ? minor <= 4 : readsVersion(major, minor)) &&
      Math.abs(view.getInt32(at + ZONE, little)) <= 86_400 &&
      view.getUint32(at + SIGFIGS, little) <= 9
    );
  }
  if (!isPcapngMagic(magic)) return false;
  const order = view.getUint32(at + 8);
  if (order !== SECTION_MAGIC && order !== SECTION_MAGIC_LITTLE) return false;
  const little = order === SECTION_MAGIC_LITTLE;
  const total = view.getUint32(at + 4, little);
  return total >= SECTION_BYTES && total <= SECTION_LIMIT && total % 4 === 0 && view.getUint16(at + 12, little) === 1;
}
