/**
 * Sources of cases besides generated conversations: the project's traffic, the demo's captures and, where it is there,
 * the corpus.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeTraffic } from '../../../bench/traffic.ts';
import { AnomalyLog } from '../../../shared/capture/anomaly.ts';
import { readCapture } from '../../../shared/capture/read.ts';
import { chunked } from '../../capture/build.ts';
import { noCorpus } from '../../job/corpus.ts';
import { demoCaptures, type Packet } from '../../job/cutting.ts';
import type { Dice } from './dice.ts';

const CORPUS = fileURLToPath(new URL('../../../../shared/corpus/captures/', import.meta.url));
const TRAFFIC_PACKETS = 4000;
/** Larger captures would cost more time than they reveal. */
const MOST_FILE_BYTES = 100_000;
/** Packets, and bytes of them, that a case takes from a base. */
const MOST_PACKETS = 60;
const MOST_PACKET_BYTES = 30_000;

export class Bases {
  /** Captures of the corpus; none where it is absent or not wanted. */
  readonly corpus: readonly string[];
  private readonly demo = demoCaptures();
  private traffic: Packet[] | undefined;
  private readonly read = new Map<string, Packet[]>();

  constructor(withCorpus = true) {
    this.corpus = withCorpus && noCorpus === false ? filesBelow(CORPUS) : [];
  }

  /** A capture as it was found. */
  file(dice: Dice): Uint8Array {
    return new Uint8Array(readFileSync(this.path(dice)));
  }

  /** Neighbours in a capture as it was found. */
  async captured(dice: Dice): Promise<Packet[]> {
    const path = this.path(dice);
    let packets = this.read.get(path);
    if (packets === undefined) {
      packets = await packetsOf(new Uint8Array(readFileSync(path)));
      this.read.set(path, packets);
    }
    return some(packets, dice);
  }

  /** Neighbours in traffic as benchmarks have it. */
  async generated(dice: Dice): Promise<Packet[]> {
    this.traffic ??= await makeTraffic();
    return some(this.traffic, dice);
  }

  private path(dice: Dice): string {
    return dice.pick(this.corpus.length > 0 && dice.chance(0.7) ? this.corpus : this.demo);
  }
}

function some(packets: readonly Packet[], dice: Dice): Packet[] {
  const from = dice.below(packets.length);
  const taken: Packet[] = [];
  let bytes = 0;
  for (const packet of packets.slice(from, from + dice.between(1, MOST_PACKETS))) {
    bytes += packet.bytes.length;
    if (bytes > MOST_PACKET_BYTES && taken.length > 0) break;
    taken.push(packet);
  }
  return taken;
}

/** The packets of a capture that every format can hold. */
async function packetsOf(file: Uint8Array): Promise<Packet[]> {
  const packets: Packet[] = [];
  const sink = {
    record(
      bytes: Uint8Array,
      start: number,
      capLen: number,
      origLen: number,
      us: number,
      ns: number,
      linkType: number,
    ): void {
      if (capLen === 0 || capLen > 65_535) return;
      packets.push({
        us,
        ns,
        bytes: bytes.slice(start, start + capLen),
        origLen: Math.min(Math.max(origLen, capLen), 1 << 20),
        linkType,
      });
    },
  };
  await readCapture(chunked(file), sink, new AnomalyLog());
  return packets;
}

async function makeTraffic(): Promise<Packet[]> {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-fuzz-'));
  try {
    const { files } = writeTraffic({ folder, packets: TRAFFIC_PACKETS, packetsPerSecond: 200 });
    return await packetsOf(new Uint8Array(readFileSync(files[0])));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function filesBelow(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).size <= MOST_FILE_BYTES);
  return paths.sort();
}
