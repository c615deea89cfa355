/**
 * Generated traffic for measurements: rotating captures of realistic packets, the
 * same bytes for the same parameters on every machine.
 *
 * 65 sessions begin with every 1,000 packets. Most of them are mice of a few packets; two
 * fifths of the packets belong to two dozen elephants. Flows are interleaved as a
 * network interleaves them: each waits for its round trips and pauses, and whenever
 * no mouse has anything to send, the elephants fill the line. Time, too, is integer:
 * a packet comes 1/packetsPerSecond after the last one on average, in trains and gaps.
 */
import { mkdirSync } from 'node:fs';
import { CaptureWriter, type Resolution } from './traffic/capturewriter.ts';
import { ENDED, Flows, KIND_BULK, KIND_INTERACTIVE, KIND_VOICE } from './traffic/flows.ts';
import { FrameWriter, Packet } from './traffic/frames.ts';
import { Random } from './traffic/random.ts';

export interface TrafficOptions {
  /** Folder for the captures; made when it is not there. */
  folder: string;
  packets: number;
  /** 32 bits; default 1. */
  seed?: number;
  /** Default us. */
  resolution?: Resolution;
  /** Bytes of a capture, at most; default 100 MB. */
  fileBytes?: number;
  /** Mean rate, which with `packets` decides the time span; default 100,000. */
  packetsPerSecond?: number;
}

export interface TrafficSummary {
  files: string[];
  packets: number;
  sessions: number;
  /** Bytes of the captures. */
  bytes: number;
  /** Bytes of the frames alone. */
  wireBytes: number;
}

/** 2025-01-01 00:00:00 UTC. */
const FIRST_SECOND = 1_735_689_600;
const SESSIONS_PER_1000 = 65;
const NANOSECONDS = 1_000_000_000;

/** Waiting flows stand in a wheel of slots of 16.384 microseconds. */
const TICK_NS = 16_384;
const SLOTS = 1 << 16;

/** Elephants at work, and of which kind each is. */
const ELEPHANTS = 24;
const ELEPHANT_KINDS = [KIND_INTERACTIVE, KIND_VOICE, KIND_INTERACTIVE, KIND_VOICE, KIND_VOICE, KIND_BULK];
/** Elephants' sizes in packets, taken in turn. */
const ELEPHANT_SIZES = [20_000, 60_000, 8_000, 150_000, 35_000, 400_000, 12_000, 90_000];
/** The longest train of packets of one elephant. */
const LONGEST_TRAIN = 6;

/** Writes the captures. About a million and a half packets a second; memory does not grow with `packets`. */
export function writeTraffic(options: TrafficOptions): TrafficSummary {
  mkdirSync(options.folder, { recursive: true });
  const captures = new CaptureWriter(options.folder, options.resolution ?? 'us', options.fileBytes ?? 100_000_000);
  const frames = new FrameWriter(captures);
  const random = new Random(options.seed ?? 1);
  const packet = new Packet();
  const flows = new Flows(packet, random);
  const wheel = new Wheel(flows);
  const elephants = new Elephants(flows, random);
  const meanGap = Math.floor(NANOSECONDS / (options.packetsPerSecond ?? 100_000));
  let sessions = ELEPHANTS;
  let wireBytes = 0;
  let second = FIRST_SECOND;
  let nanosecond = 0;
  let elapsedNs = 0;
  for (let i = 0; i < options.packets; i++) {
    const gap = gapAfter(random, meanGap);
    elapsedNs += gap;
    nanosecond += gap;
    while (nanosecond >= NANOSECONDS) {
      nanosecond -= NANOSECONDS;
      second++;
    }
    const tick = Math.floor(elapsedNs / TICK_NS);
    wheel.turnTo(tick);
    let mouse = -1;
    if (sessions * 1000 < i * SESSIONS_PER_1000) {
      mouse = flows.beginMouse();
      sessions++;
    } else mouse = wheel.takeReady();
    if (mouse >= 0) {
      const wait = flows.step(mouse);
      if (wait !== ENDED) wheel.put(mouse, tick + 1 + Math.floor((wait * 1000) / TICK_NS));
    } else if (elephants.step()) sessions++;
    wireBytes += frames.write(packet, second, nanosecond);
  }
  captures.end();
  return { files: captures.files, packets: options.packets, sessions, bytes: captures.bytes, wireBytes };
}

/** Three gaps of four are a fifth of the mean on average, the fourth 3.4 means: trains with pauses between them. */
function gapAfter(random: Random, mean: number): number {
  const draw = random.next();
  const range = (draw & 3) === 0 ? mean * 6.8 : mean * 0.4;
  return Math.floor(((draw >>> 2) / 0x40000000) * range);
}

/** Flows that wait for their time. */
class Wheel {
  private readonly flows: Flows;
  private readonly slots = new Int32Array(SLOTS).fill(-1);
  private tick = 0;
  private readyHead = -1;
  private readyTail = -1;

  constructor(flows: Flows) {
    this.flows = flows;
  }

  /** Lets a flow wait until `due`, a tick yet to come. */
  put(row: number, due: number): void {
    const slot = due & (SLOTS - 1);
    this.flows.due[row] = due;
    this.flows.next[row] = this.slots[slot];
    this.slots[slot] = row;
  }

  /** Makes flows ready whose tick has come. */
  turnTo(tick: number): void {
    while (this.tick < tick) {
      const slot = ++this.tick & (SLOTS - 1);
      let row = this.slots[slot];
      if (row < 0) continue;
      const { next, due } = this.flows;
      this.slots[slot] = -1;
      while (row >= 0) {
        const after = next[row];
        if (due[row] > this.tick) {
          // It waits for a later turn of the wheel.
          next[row] = this.slots[slot];
          this.slots[slot] = row;
        } else {
          next[row] = -1;
          if (this.readyTail >= 0) next[this.readyTail] = row;
          else this.readyHead = row;
          this.readyTail = row;
        }
        row = after;
      }
    }
  }

  /** The flow that has been ready for longest, -1 when none is. */
  takeReady(): number {
    const row = this.readyHead;
    if (row < 0) return -1;
    this.readyHead = this.flows.next[row];
    if (this.readyHead < 0) this.readyTail = -1;
    return row;
  }
}

/** The flows that always have something to send. */
class Elephants {
  private readonly flows: Flows;
  private readonly random: Random;
  private readonly rows = new Int32Array(ELEPHANTS);
  private begun = 0;
  private chosen = 0;
  private train = 0;

  constructor(flows: Flows, random: Random) {
    this.flows = flows;
    this.random = random;
    for (let i = 0; i < ELEPHANTS; i++) this.rows[i] = this.begin(i);
  }

  /** Sends a packet. @returns true when an elephant ended with it and another has taken its place */
  step(): boolean {
    if (this.train === 0) {
      // The product of two draws: the first elephants send most.
      this.chosen = Math.floor((this.random.below(ELEPHANTS) * this.random.below(256)) / 256);
      this.train = 1 + this.random.below(LONGEST_TRAIN);
    }
    this.train--;
    if (this.flows.step(this.rows[this.chosen]) !== ENDED) return false;
    this.rows[this.chosen] = this.begin(this.chosen);
    return true;
  }

  private begin(place: number): number {
    const packets = ELEPHANT_SIZES[this.begun++ % ELEPHANT_SIZES.length];
    return this.flows.begin(ELEPHANT_KINDS[place % ELEPHANT_KINDS.length], packets);
  }
}
