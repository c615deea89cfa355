/** All checks of a case in one process. */
import { firstDifference } from '../../job/harness.ts';
import type { FuzzCase } from '../make/cases.ts';
import { Dice } from '../make/dice.ts';
import { Finding } from './finding.ts';
import { PARTS, type Parts } from './parts.ts';
import { checkSameReading, readChecked } from './reading.ts';
import type { Tracked } from './rows.ts';
import { type Decoded, decode, sessionLines, track, trackShards } from './stages.ts';

/** CPU time allowed for any case, and for each byte, stored or uncompressed, whichever are more. */
const FREE_US = 150_000;
const BYTE_US = 1.5;
/** Times that a case which took too long is measured again: the minimum counts. */
const MEASUREMENTS = 3;
/** Bytes of a capture that are also read one at a time. */
const BYTEWISE = 2000;
/** Chunks of a capture, about: each costs a turn of the event loop. */
const MOST_CHUNKS = 500;

/** Result of examining a case. */
export interface Examined {
  records: number;
  sessions: number;
  decoded: Decoded;
  tracked: Tracked;
}

/** @throws Finding when a check failed; whatever the parts throw */
export async function examine(made: FuzzCase, parts: Parts = PARTS): Promise<Examined> {
  const dice = new Dice(made.variation);
  const { decoded, tracked, us } = await look(made, parts);
  await checkCost(made, parts, decoded, us);
  await checkChunks(made, parts, decoded, dice);
  const expected = sessionLines(tracked, decoded);
  const sharded = sessionLines(await trackShards(parts, decoded, dice), decoded);
  const difference = firstDifference(sharded, expected);
  if (difference !== null) throw new Finding('shards', `other sessions by way of shards\n${difference}`);
  if (made.captures.length > 1) {
    const listed = made.captures.map((_, number) => number);
    const again = await decode(parts, made, dice.shuffled(listed));
    const other = firstDifference(sessionLines(track(parts, again), again), expected);
    if (other !== null) throw new Finding('order', `other sessions for another order of captures\n${other}`);
  }
  const records = decoded.readings.reduce((sum, { facts }) => sum + facts.records, 0);
  return { records, sessions: tracked.sessions.length, decoded, tracked };
}

/** Cpu time in line with bytes. @param firstUs what the first look took */
async function checkCost(made: FuzzCase, parts: Parts, decoded: Decoded, firstUs: number): Promise<void> {
  let bytes = 0;
  for (const [number, { facts }] of decoded.readings.entries())
    bytes += Math.max(made.captures[number].length, facts.bytes);
  const allowed = FREE_US + bytes * BYTE_US;
  let least = firstUs;
  for (let i = 0; i < MEASUREMENTS && least > allowed; i++) least = Math.min(least, (await look(made, parts)).us);
  if (least > allowed)
    throw new Finding(
      'slow',
      `reading takes more cpu time than its bytes are worth\n${(least / 1e6).toFixed(2)} s of cpu for ${bytes} bytes, ${(allowed / 1e6).toFixed(2)} s allowed`,
    );
}

/** Captures in the order of the list, decoded and tracked, and the cpu microseconds that it took. */
async function look(made: FuzzCase, parts: Parts): Promise<{ decoded: Decoded; tracked: Tracked; us: number }> {
  const before = process.cpuUsage();
  const listed = made.captures.map((_, number) => number);
  const decoded = await decode(parts, made, listed);
  const tracked = track(parts, decoded);
  const { user, system } = process.cpuUsage(before);
  return { decoded, tracked, us: user + system };
}

async function checkChunks(made: FuzzCase, parts: Parts, decoded: Decoded, dice: Dice): Promise<void> {
  for (const [number, bytes] of made.captures.entries()) {
    const most = Math.max(dice.pick([3, 100, 5000]), bytes.length / MOST_CHUNKS);
    const sizes = [() => 1 + dice.below(most)];
    if (bytes.length <= BYTEWISE && dice.chance(0.3)) sizes.push(() => 1);
    for (const size of sizes) checkSameReading(await readChecked(parts, bytes, size), decoded.readings[number]);
  }
}
