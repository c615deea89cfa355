/**
 * Dialects of classic captures: which layout the record headers of one have. The file header does not tell it: writers
 * kept magic and version, and appended fields to the record header, exchanged its lengths, or counted nanoseconds. So
 * the first records are read in each layout that the file header allows, and the usual one is only left if it leads to
 * something that is no record, while another leads through several sound ones.
 *
 * Facts about the dialects are from libpcap's and Wireshark's readers: AIX (version 2.2, interface types of RFC 1573 in
 * place of link types, nanoseconds); Nokia (4 bytes more); Red Hat 6.1 (8 more); the modified format of Kuznetzov's
 * patches (its own magic, 8 more) and SuSE 6.3 (12 more); the lengths exchanged before version 2.3 and by DG/UX
 * (version 543.0), and in 2.3 by some writers.
 */

import { recordLimit } from '../facts.ts';
import { beginsPart, DG_UX_MAJOR, type PcapFileHeader } from './fileheader.ts';
import { capturedLength, far, MICROSECONDS, NANOSECONDS, oddLengths, type RecordShape } from './shape.ts';

/** Records that are looked at. */
const LOOK = 64;
/** Bytes in which they begin. */
const LOOK_BYTES = 128 * 1024;
/** Sound records that the usual layout is believed by. */
const USUAL_CHAIN = 4;
/** Sound records that another layout is believed by; fewer where they end with the capture, or are cut off by it. */
const OTHER_CHAIN = 8;
const OTHER_CUT = 4;
const OTHER_WHOLE = 2;
/** Records whose lengths differ that exchanged ones are believed by: damage to a single length looks the same. */
const EXCHANGED = 2;

/** Values of 10^6 and more that are taken for nanoseconds in mid-file, where the values before them were less. */
const TURN = 8;

/** Link types of AIX's interface types: Ethernet, 802.3, token ring, FDDI, loopback. */
const AIX_LINK_TYPES = new Map([
  [6, 1],
  [7, 1],
  [9, 6],
  [15, 10],
  [24, 0],
]);

/** A layout, and what it is called. */
export interface Dialect {
  /** Empty for the one that the format describes. */
  name: '' | 'aix' | 'nokia' | 'red_hat_6_1' | 'suse_6_3' | 'modified' | 'lengths_exchanged' | 'lengths_not_exchanged';
  linkType: number;
  shape: RecordShape;
}

/** What the first records look like in a layout. */
interface Look {
  sound: number;
  stop: 'odd' | 'end' | 'cut' | 'enough' | 'more';
  /** Records whose two lengths differ. */
  cut: number;
  /** Sub-second values from 1 to 999,999, and above. */
  small: number;
  large: number;
}

/** Chooses the dialect of one capture. */
export class DialectChoice {
  /** After undefined: index up to which bytes are needed. */
  wanted = 0;
  /** Sound records that spoke for the last choice, and whether they end where the capture, or its part, does. */
  sound = 0;
  whole = false;

  /**
   * The dialect of the records from `at` on.
   *
   * @param ended no bytes follow `end`
   * @returns undefined when bytes up to `wanted` are needed first, at most LOOK_BYTES and a record header
   */
  choose(view: DataView, at: number, end: number, ended: boolean, header: PcapFileHeader): Dialect | undefined {
    let [usual, ...others] = dialectsOf(header);
    let look = this.look(view, at, end, ended, usual.shape, false);
    if (look.stop !== 'more' && usual.name === 'aix' && look.small > look.large) {
      // An old capture: its link type is one, and it counts microseconds.
      [usual, ...others] = others;
      look = this.look(view, at, end, ended, usual.shape, false);
    }
    if (look.stop === 'more') return undefined;
    const unlikely = look.stop === 'odd' || look.stop === 'cut';
    if (unlikely && look.sound < USUAL_CHAIN)
      for (const other of others) {
        const seen = this.look(view, at, end, ended, other.shape, true);
        if (seen.stop === 'more') return undefined;
        if (other.name.startsWith('lengths') && seen.cut < EXCHANGED) continue;
        if (seen.sound > look.sound && convincing(seen)) return this.chosen(other, seen);
      }
    return this.chosen(usual, look);
  }

  /**
   * Whether sub-second values under a magic for microseconds are nanoseconds from the record at `at` on, in mid-file:
   * of it and the next ones, LOOK at most, more than half of the values that are not zero are 10^6 or more, at least
   * TURN of them, and none is 10^9. At the beginning of a file the same is asked without TURN.
   *
   * @returns undefined when bytes up to `wanted` are needed first
   */
  countsNanoseconds(view: DataView, at: number, end: number, ended: boolean, shape: RecordShape): boolean | undefined {
    const look = this.look(view, at, end, ended, shape, false);
    return look.stop === 'more' ? undefined : look.large > look.small && look.large >= TURN;
  }

  private chosen(dialect: Dialect, { sound, stop, small, large }: Look): Dialect {
    this.sound = sound;
    this.whole = stop === 'end';
    if (large > small) dialect.shape.unit = NANOSECONDS;
    return dialect;
  }

  private look(view: DataView, at: number, end: number, ended: boolean, shape: RecordShape, strict: boolean): Look {
    const { little, header } = shape;
    const look: Look = { sound: 0, stop: 'enough', cut: 0, small: 0, large: 0 };
    let nearSec = Number.NaN;
    for (let pos = at; look.sound < LOOK && pos - at <= LOOK_BYTES; look.sound++) {
      if ((pos === end && ended) || beginsPart(view, pos, end)) return { ...look, stop: 'end' };
      if (pos + header > end) {
        this.wanted = pos + header;
        return { ...look, stop: ended ? 'cut' : 'more' };
      }
      const sec = view.getUint32(pos, little);
      const sub = view.getUint32(pos + 4, little);
      // No unit has so many in a second: what comes before is not in nanoseconds either.
      if (sub >= NANOSECONDS) return { ...look, large: 0, stop: 'odd' };
      if (oddLengths(view, pos, shape) > 0 || (strict && far(sec, nearSec))) return { ...look, stop: 'odd' };
      if (sub >= MICROSECONDS) look.large++;
      else if (sub > 0) look.small++;
      const cap = capturedLength(view, pos, shape);
      if (cap !== Math.max(view.getUint32(pos + shape.capAt, little), view.getUint32(pos + shape.lenAt, little)))
        look.cut++;
      nearSec = sec;
      pos += header + cap;
    }
    return look;
  }
}

function convincing({ sound, stop }: Look): boolean {
  if (sound >= OTHER_CHAIN) return true;
  return stop === 'end' ? sound >= OTHER_WHOLE : stop !== 'odd' && sound >= OTHER_CUT;
}

/** The layouts that a file header allows, the usual one first. */
function dialectsOf({ little, kind, major, minor, snaplen, linkField }: PcapFileHeader): Dialect[] {
  const linkType = linkField & 0xffff;
  const dialect = (name: Dialect['name'], header: number, exchanged = false): Dialect => ({
    name,
    linkType,
    shape: {
      little,
      header,
      unit: kind === 'ns' ? NANOSECONDS : MICROSECONDS,
      limit: recordLimit(snaplen, linkType),
      capAt: exchanged ? 12 : 8,
      lenAt: exchanged ? 8 : 12,
      either: false,
    },
  });
  const exchanges = major === DG_UX_MAJOR || minor < 3;
  if (kind === 'modified') return [dialect('modified', 24, exchanges), dialect('suse_6_3', 28, exchanges)];
  if (exchanges) {
    const aix = major === 2 && minor === 2 ? AIX_LINK_TYPES.get(linkType) : undefined;
    const others = [dialect('', 16, true), dialect('lengths_not_exchanged', 16)];
    if (aix === undefined) return others;
    const { shape } = dialect('aix', 16);
    return [{ name: 'aix', linkType: aix, shape: { ...shape, unit: NANOSECONDS } }, ...others];
  }
  const usual = dialect('', 16);
  if (minor === 3) usual.shape.either = true;
  const exchanged = dialect('lengths_exchanged', 16, true);
  if (kind === 'ns') return [usual, exchanged];
  return [usual, dialect('nokia', 20), dialect('red_hat_6_1', 24), exchanged];
}
