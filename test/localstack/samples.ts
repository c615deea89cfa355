/** Captures for jobs on LocalStack: few bytes, many shapes. */
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { random } from '../capture/build.ts';
import { type CorpusEntry, corpusEntries, corpusPath } from '../job/corpus.ts';
import { cutStream, demoCaptures, demoPackets, encodePiece } from '../job/cutting.ts';
import { NASTY_KEYS } from '../store/nastykeys.ts';
import type { Captures } from './jobs.ts';

const MOST_KEY_BYTES = 1024;

/** The captures that come with the project, as they are. */
export function demoSamples(prefix: string): Captures {
  return new Map(demoCaptures().map((path) => [prefix + basename(path), readFileSync(path)]));
}

/** The demo's packets cut anew at random places, each piece in a form of its own. */
export async function cutSamples(seed: number, count: number, nameOf: (number: number) => string): Promise<Captures> {
  const next = random(seed);
  const pieces = cutStream(await demoPackets(), count, next);
  return new Map(pieces.map((piece, number) => [nameOf(number), encodePiece(piece, next)]));
}

const LAP_US = 3600e6;

/** Thousands of captures of a few packets each: the demo's packets, again and again an hour later. */
export async function tinySamples(seed: number, count: number, nameOf: (number: number) => string): Promise<Captures> {
  const next = random(seed);
  const once = await demoPackets();
  const laps = Math.ceil((2 * count) / once.length);
  const packets = Array.from({ length: laps }, (_, lap) =>
    once.map((packet) => ({ ...packet, us: packet.us + lap * LAP_US })),
  ).flat();
  const cut = (number: number): number => Math.floor((number * packets.length) / count);
  return new Map(
    Array.from({ length: count }, (_, number) => [
      nameOf(number),
      encodePiece(packets.slice(cut(number), cut(number + 1)), next),
    ]),
  );
}

/** Keys that programs trip over, all different, below a prefix. */
export function nastyKey(prefix: string, number: number): string {
  const nasty = NASTY_KEYS[number % NASTY_KEYS.length];
  const round = Math.floor(number / NASTY_KEYS.length);
  let key = `${prefix}${round === 0 ? '' : round}${nasty}`;
  while (Buffer.byteLength(key) > MOST_KEY_BYTES) key = key.slice(0, -2);
  return key;
}

/** What the corpus's table calls records that readers stumble over. */
const ODD = /trailer-len|bad-record-len|truncated-last|caplen>origlen|subsec-overflow|multi-section|blk0xbad|version2/;
const MOST_ODD_BYTES = 200_000;
const MOST_BYTES = 40_000;
/** One in so many loses its end. */
const CUT_SHORT = 10;
const LOST_BYTES = 5;

/** Captures of the corpus, always the same ones: compressed, odd, cut short, and of every small size. */
export function corpusSamples(count: number, nameOf: (number: number) => string): Captures {
  const sized = corpusEntries()
    .map((entry) => ({ ...entry, size: statSync(corpusPath(entry.capture)).size }))
    .sort((a, b) => a.size - b.size || (a.capture < b.capture ? -1 : 1));
  const compressed = sized.filter(({ capture }) => /\.(gz|zst)$/.test(capture));
  const odd = sized.filter((entry) => ODD.test(entry.odd) && entry.size < MOST_ODD_BYTES);
  const chosen = new Set<CorpusEntry>([...compressed, ...odd]);
  const others = sized.filter((entry) => entry.packets > 0 && entry.size < MOST_BYTES && !chosen.has(entry));
  const missing = count - chosen.size;
  for (let n = 0; n < missing; n++) chosen.add(others[Math.floor(((n + 0.5) * others.length) / missing)]);
  return new Map(
    [...chosen].map(({ capture }, number) => {
      const bytes = readFileSync(corpusPath(capture));
      return [nameOf(number), number % CUT_SHORT === 0 ? bytes.subarray(0, -LOST_BYTES) : bytes] as const;
    }),
  );
}
