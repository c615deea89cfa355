/** The sessions and packet rows of a stream: by one tracker, and by trackers that hand their open sessions on. */
import { PacketColumns } from '../../../shared/packet/columns.ts';
import { bucketOf, FlowTable, KEY_WORDS, type Sharding, shardHash } from '../../../shared/packet/flow/flowtable.ts';
import { draw } from '../../../shared/packet/flow/keyhash.ts';
import { MAX_TUNNEL_BYTES } from '../../../shared/packet/flow/tunneltable.ts';
import type { CarryPlace } from '../../../shared/session/carry/carryindex.ts';
import { encodeCarry } from '../../../shared/session/carry/encodecarry.ts';
import { type CarryObject, restoreCarry } from '../../../shared/session/carry/restorecarry.ts';
import { PACKET_COLUMNS, PacketRows } from '../../../shared/session/rows/packetrows.ts';
import { SESSION_COLUMNS, SessionRows, UID_BYTES } from '../../../shared/session/rows/sessionrows.ts';
import { uidText } from '../../../shared/session/rows/uid.ts';
import { DEFAULTS, type SessionConfig } from '../../../shared/session/sessionconfig.ts';
import { SessionDirectory } from '../../../shared/session/sessiondirectory.ts';
import { SessionTracker } from '../../../shared/session/tracker.ts';
import type { Stream } from './stream.ts';

/** What tables would have: session rows, and packet rows with the last direction of their session; both sorted. */
export interface Tables {
  sessions: string[];
  packets: string[];
  orphans: number;
  entered: number;
  /** Sessions that turned after packets of theirs had been written. */
  lateFlips: number;
  /** Sessions that trackers took over, one by one. */
  carried: number;
}

/** Identity of a capture, by its number in the stream. */
const identityOf = (capture: number): string => `capture-${capture}.pcap`;

/** Rows that await the direction of their session. */
interface PacketSeen {
  uid: string;
  text: string;
  origIsB: number;
}

/** A tracker and what comes out of it; its captures have ranks of its own. */
export class Tracked {
  readonly tracker: SessionTracker;
  readonly flows: FlowTable;
  readonly sessions: string[] = [];
  readonly packets: PacketSeen[] = [];
  readonly directory = new SessionDirectory(1);
  private readonly rows = new SessionRows(16);
  private readonly packetRows = new PacketRows(64);
  private readonly one = new PacketColumns(1);
  private readonly rankOf: (capture: number) => number;
  private readonly captureOf: (rank: number) => number;

  constructor(config: SessionConfig, stride = 1, offset = 0) {
    this.rankOf = (capture) => capture * stride + offset;
    this.captureOf = (rank) => (rank - offset) / stride;
    this.flows = new FlowTable(16, draw(KEY_WORDS));
    const output = { rows: this.packetRows, onFull: () => this.writePackets(), directory: this.directory };
    this.tracker = new SessionTracker(config, this.flows, this.rows, () => this.writeSessions(), output);
  }

  packet({ columns, flows }: Stream, row: number): void {
    const { one } = this;
    one.clear();
    one.pushRow(columns, row);
    one.tunnel[0] = this.flows.tunnels.copy(flows.tunnels, columns.tunnel[row]);
    const flow = this.flows.lookup(flows.words, columns.flow[row] * KEY_WORDS);
    this.tracker.packet(one, 0, flow, this.rankOf(columns.capture[row]));
  }

  carry(borderUs: number, sharding: Sharding, key = 'carry'): { object: CarryObject; bytes: Uint8Array } {
    const { place, bytes } = wholeCarry(this.tracker, borderUs, sharding, (rank) => identityOf(this.captureOf(rank)));
    return { bytes, object: { key, place, read: async (start, end) => bytes.slice(start, end) } };
  }

  restore(carry: CarryObject, from: number, to: number): Promise<number> {
    const rankOf = (identity: string): number => this.rankOf(Number(/\d+/.exec(identity)));
    return restoreCarry(carry, from, to, this.tracker, rankOf);
  }

  /** Writes out the rows that are left. */
  flush(): void {
    this.writeSessions();
    this.writePackets();
  }

  /** Last directions of the sessions that turned late. */
  *lateFlips(): Generator<[uid: string, origIsB: number]> {
    for (const n of this.directory.lateFlips) yield [this.uidOf(n), this.directory.origIsB[n]];
  }

  private uidOf(n: number): string {
    return uidText(this.directory.uid, n * UID_BYTES);
  }

  private writeSessions(): void {
    const { rows } = this;
    const tunnel = new Uint8Array(MAX_TUNNEL_BYTES);
    for (let row = 0; row < rows.length; row++) {
      const seen: Record<string, unknown> = {};
      for (const name of SESSION_COLUMNS) seen[name] = rows[name][row];
      seen.captureFirst = identityOf(this.captureOf(rows.captureFirst[row]));
      seen.captureLast = identityOf(this.captureOf(rows.captureLast[row]));
      seen.key = [...rows.key.subarray(row * KEY_WORDS, (row + 1) * KEY_WORDS)];
      seen.tunnel = [...tunnel.subarray(0, rows.tunnels.put(rows.tunnel[row], tunnel, 0))];
      this.sessions.push(`${uidText(rows.uid, row * UID_BYTES)} ${rows.history[row]} ${JSON.stringify(seen)}`);
    }
    rows.clear();
  }

  private writePackets(): void {
    const { packetRows, directory } = this;
    for (let row = 0; row < packetRows.length; row++) {
      const n = packetRows.session[row];
      const seen: Record<string, unknown> = {};
      for (const name of PACKET_COLUMNS) if (name !== 'session') seen[name] = packetRows[name][row];
      seen.capture = identityOf(this.captureOf(packetRows.capture[row]));
      seen.startUs = directory.startUs[n];
      seen.startNs = directory.startNs[n];
      seen.proto = directory.proto[n];
      this.packets.push({ uid: this.uidOf(n), text: JSON.stringify(seen), origIsB: directory.origIsB[n] });
      directory.markFlushed(n);
    }
    packetRows.clear();
  }
}

/** A carry as one array. */
export function wholeCarry(
  tracker: SessionTracker,
  borderUs: number,
  sharding: Sharding,
  identity: (rank: number) => string,
): { bytes: Uint8Array; place: CarryPlace } {
  const pieces: Uint8Array[] = [];
  const encoding = encodeCarry(tracker, borderUs, sharding, identity);
  for (let next = encoding.next(); ; next = encoding.next()) {
    if (next.done === true) return { bytes: Buffer.concat(pieces), place: next.value };
    pieces.push(next.value);
  }
}

function tablesOf(trackers: readonly Tracked[]): Tables {
  const turned = new Map(trackers.flatMap((one) => [...one.lateFlips()]));
  const packets = trackers.flatMap((one) => one.packets);
  const sum = (of: (one: Tracked) => number): number => trackers.reduce((total, one) => total + of(one), 0);
  return {
    sessions: trackers.flatMap((one) => one.sessions).sort(),
    packets: packets.map(({ uid, text, origIsB }) => `${uid} ${turned.get(uid) ?? origIsB} ${text}`).sort(),
    orphans: sum(({ tracker }) => tracker.orphanFragments),
    entered: sum(({ tracker: { rowsEntered: e } }) => e.innermost + e.innermostBytes + e.outer + e.joined),
    lateFlips: sum(({ directory }) => directory.lateFlips.length),
    carried: sum(({ tracker }) => tracker.sessionsResumed),
  };
}

/** The tables by one tracker. */
export function whole(stream: Stream, config = DEFAULTS): Tables {
  const one = new Tracked(config);
  for (let row = 0; row < stream.columns.length; row++) one.packet(stream, row);
  one.tracker.finish();
  one.flush();
  return tablesOf([one]);
}

/**
 * The tables by trackers of intervals that end at `borders`, ascending: in each interval as many as `partitions` says,
 * each for a range of buckets and with ranks of its own.
 *
 * @param onBorder called with all carries of a border
 */
export async function cut(
  stream: Stream,
  borders: readonly number[],
  sharding: Sharding,
  next: () => number,
  config = DEFAULTS,
  onBorder?: (borderUs: number, carries: readonly CarryObject[]) => Promise<void>,
): Promise<Tables> {
  const { columns, flows } = stream;
  const lastUs = columns.us[columns.length - 1];
  const all: Tracked[] = [];
  let carries: CarryObject[] = [];
  let row = 0;
  for (const border of [...borders, Number.POSITIVE_INFINITY]) {
    const cuts = Array.from({ length: Math.floor(next() * 4) }, () => Math.floor(next() * (sharding.buckets + 1)));
    const bounds = [0, ...cuts.sort((a, b) => a - b), sharding.buckets];
    const stride = 1 + Math.floor(next() * 40);
    const trackers = bounds.slice(1).map(() => new Tracked(config, stride, Math.floor(next() * 100)));
    for (const [i, one] of trackers.entries())
      for (const carry of carries) await one.restore(carry, bounds[i], bounds[i + 1]);
    const bucket = (flow: number): number =>
      bucketOf(shardHash(flows.words, flow * KEY_WORDS, sharding.seed, sharding.by), sharding.buckets);
    for (; row < columns.length && columns.us[row] < border; row++) {
      const of = bucket(columns.flow[row]);
      trackers[bounds.findIndex((_, i) => of < bounds[i + 1])].packet(stream, row);
    }
    carries = [];
    for (const one of trackers) {
      if (border < Number.POSITIVE_INFINITY) {
        one.tracker.endBefore(border);
        carries.push(one.carry(border, sharding).object);
      } else one.tracker.finish(lastUs);
      one.flush();
    }
    all.push(...trackers);
    await onBorder?.(border, carries);
  }
  return tablesOf(all);
}
