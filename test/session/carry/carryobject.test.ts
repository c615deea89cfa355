/** Carries as objects: their blocks, what is read of them, damage, and sessions that hold very much. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { META_FROM_B, PacketColumns } from '../../../shared/packet/columns.ts';
import { bucketOf, FlowTable, type Sharding, shardHash } from '../../../shared/packet/flow/flowtable.ts';
import { type CarryIndex, decodeIndex } from '../../../shared/session/carry/carryindex.ts';
import { MOST_BYTES } from '../../../shared/session/carry/encodecarry.ts';
import type { CarryObject } from '../../../shared/session/carry/restorecarry.ts';
import { UID_BYTES } from '../../../shared/session/rows/sessionrows.ts';
import { DEFAULTS } from '../../../shared/session/sessionconfig.ts';
import { HISTORY_LIMIT } from '../../../shared/session/slots.ts';
import { RANGES_LIMIT } from '../../../shared/session/tcp/tcpcontents.ts';
import { StoreError } from '../../../shared/store/objectstore.ts';
import { SEED } from '../../seed.ts';
import { ACK, RST, SECOND, SYN, T0 } from '../dialogue.ts';
import { random } from '../walk.ts';
import { cut, Tracked, whole } from './cut.ts';
import type { Stream } from './stream.ts';

const SHARDING: Sharding = { buckets: 4096, seed: 5, by: '5tuple' };
const BORDER = T0 + 10 * SECOND;

const key = (flow: number, proto: number): Uint32Array =>
  Uint32Array.of(0, 0, 0, 10, 0, 0, 0, 100 + flow, (4000 << 16) | 4001, proto, 0, 0);

/** A tracker with one packet of each of `count` UDP flows. */
function manySessions(count: number): Tracked {
  const columns = new PacketColumns(1);
  columns.length = 1;
  columns.us[0] = T0;
  const flows = new FlowTable();
  const one = new Tracked(DEFAULTS);
  for (let flow = 0; flow < count; flow++) {
    columns.flow[0] = flows.lookup(key(flow, 17));
    columns.mark[0] = flow;
    one.packet({ columns, flows }, 0);
  }
  one.tracker.endBefore(BORDER);
  return one;
}

async function indexOf({ key: name, place, read }: CarryObject): Promise<CarryIndex> {
  return decodeIndex(name, await read(place.start, place.end), place);
}

test('blocks are neighbours in order of buckets, and end with a bucket where those are small', async () => {
  const { object } = manySessions(20_000).carry(BORDER, SHARDING);
  const { blocks, borderUs } = await indexOf(object);
  assert.equal(borderUs, BORDER);
  assert.ok(blocks.length > 20);
  assert.equal(
    blocks.reduce((sum, { sessions }) => sum + sessions, 0),
    20_000,
  );
  assert.equal(object.place.sessions, 20_000);
  for (const [i, block] of blocks.entries()) {
    assert.equal(block.start, i === 0 ? 0 : blocks[i - 1].end);
    assert.ok(i === 0 || block.fromBucket >= blocks[i - 1].toBucket, `block ${i} begins in the one before it`);
  }
  assert.equal(object.place.start, blocks[blocks.length - 1].end);
});

test('a large bucket is many blocks', async () => {
  const sharding: Sharding = { ...SHARDING, buckets: 1 };
  const one = manySessions(20_000);
  const { object } = one.carry(BORDER, sharding);
  const { blocks } = await indexOf(object);
  const perSession = MOST_BYTES / Math.max(...blocks.map(({ sessions }) => sessions));
  // The words and doubles of a slot are the least that a session takes, some of them left out.
  assert.ok(perSession > 300 && perSession < 1000, `${perSession} bytes a session`);
  const to = new Tracked(DEFAULTS);
  assert.equal(await to.restore(object, 0, 1), 20_000);
});

test(`a range of buckets gets its sessions, and reads their blocks only (seed ${SEED})`, async () => {
  const from = manySessions(20_000);
  const { object } = from.carry(BORDER, SHARDING);
  const { blocks } = await indexOf(object);
  const next = random(SEED);
  for (let round = 0; round < 20; round++) {
    const low = Math.floor(next() * 4096);
    const high = low + Math.floor(next() * (round < 10 ? 20 : 4097 - low));
    const reads: [number, number][] = [];
    const read = (start: number, end: number): Promise<Uint8Array> => {
      reads.push([start, end]);
      return object.read(start, end);
    };
    const to = new Tracked(DEFAULTS);
    const restored = await to.restore({ ...object, read }, low, high);
    let expected = 0;
    for (let flow = 0; flow < 20_000; flow++) {
      const bucket = bucketOf(shardHash(key(flow, 17), 0, SHARDING.seed, SHARDING.by), SHARDING.buckets);
      if (bucket >= low && bucket < high) expected++;
    }
    assert.deepEqual([restored, to.tracker.openSessions, to.tracker.sessionsResumed], [expected, expected, expected]);
    assert.equal(to.tracker.sessionsOpened, 0);
    const wanted = blocks.filter(({ fromBucket, toBucket }) => fromBucket < high && toBucket > low);
    assert.deepEqual(
      reads.slice(1),
      wanted.length === 0 ? [] : [[wanted[0].start, wanted[wanted.length - 1].end]],
      `buckets ${low} to ${high}`,
    );
  }
});

test('a damaged or shortened block or index is refused, naming the object', async () => {
  const { object, bytes } = manySessions(3000).carry(BORDER, SHARDING, 'carry/7/part-3');
  const { blocks } = await indexOf(object);
  const damagedAt = [...blocks, object.place].flatMap(({ start, end }) => [start, (start + end) >> 1, end - 1]);
  for (const at of damagedAt) {
    const damaged = Uint8Array.from(bytes);
    damaged[at] ^= 4;
    for (const read of [
      async (start: number, end: number) => damaged.slice(start, end),
      async (start: number, end: number) => bytes.slice(start, Math.min(end, at)),
    ])
      await assert.rejects(
        new Tracked(DEFAULTS).restore({ ...object, read }, 0, 4096),
        (error) =>
          error instanceof StoreError &&
          error.reason === 'damaged' &&
          error.message.startsWith('carry/7/part-3 is damaged'),
        `byte ${at}`,
      );
  }
});

test('captures whose ranks are in another order are refused by name', async () => {
  const columns = new PacketColumns(2);
  columns.length = 2;
  columns.us.fill(T0);
  columns.capture[1] = 1;
  const flows = new FlowTable();
  flows.lookup(key(0, 17));
  const one = new Tracked(DEFAULTS);
  for (const row of [0, 1]) one.packet({ columns, flows }, row);
  const { object } = one.carry(BORDER, SHARDING);
  const ranks = new Tracked(DEFAULTS, -1, 5);
  await assert.rejects(
    ranks.restore(object, 0, 4096),
    /^Error: carry has capture capture-0\.pcap before capture-1\.pcap, but this job has them in another order$/,
  );
});

test('a carry that is restored twice is refused', async () => {
  const { object } = manySessions(10).carry(BORDER, SHARDING);
  const to = new Tracked(DEFAULTS);
  await to.restore(object, 0, 4096);
  await assert.rejects(
    to.restore(object, 0, 4096),
    /^Error: carry has a session of a flow that has an open one already: was it restored before\?$/,
  );
});

test('restored sessions have their entry in the directory of the packets table, as sessions with rows written', async () => {
  const from = manySessions(50);
  const to = new Tracked(DEFAULTS);
  await to.restore(from.carry(BORDER, SHARDING).object, 0, 4096);
  const entries = ({ directory }: Tracked): string[] =>
    Array.from({ length: directory.length }, (_, n) =>
      [
        directory.startUs[n],
        directory.startNs[n],
        directory.origIsB[n],
        directory.proto[n],
        directory.uid.subarray(n * UID_BYTES, (n + 1) * UID_BYTES),
      ].join(' '),
    ).sort();
  assert.deepEqual(entries(to), entries(from));
  assert.ok(to.directory.flushed.subarray(0, 50).every((flushed) => flushed === 1));
});

/** Packets of TCP flows that hold as much as a session can: ranges, history, captures. Then what uses them. */
function heavySessions(count: number): { stream: Stream; border: number } {
  const columns = new PacketColumns(1024);
  const flows = new FlowTable();
  let us = T0;
  const packet = (
    flow: number,
    end: number,
    flags: number,
    seq: number,
    ack: number,
    len: number,
    capture = 0,
  ): void => {
    const row = columns.length;
    columns.reserve(row + 1);
    columns.length = row + 1;
    columns.us[row] = us++;
    columns.flow[row] = flows.lookup(key(flow, 6));
    columns.meta[row] = end;
    columns.tcpFlags[row] = flags;
    columns.seq[row] = seq;
    columns.ack[row] = ack;
    columns.payloadLen[row] = len;
    columns.ipLen[row] = 40 + len;
    columns.window[row] = 1000;
    columns.capture[row] = capture;
    columns.mark[row] = row;
  };
  const each = (what: (flow: number) => void): void => {
    for (let flow = 0; flow < count; flow++) what(flow);
  };
  each((flow) => {
    packet(flow, 0, SYN, 100, 0, 0);
    packet(flow, META_FROM_B, SYN | ACK, 500, 101, 0);
    packet(flow, 0, ACK, 101, 501, 0);
    for (let i = 1; i <= RANGES_LIMIT; i++) {
      packet(flow, 0, ACK, 101 + 20 * i, 501, 10);
      packet(flow, META_FROM_B, ACK, 501 + 20 * i, 101, 10);
    }
  });
  // One flow in 10,000 captures, in no order.
  for (let i = 0; i < 10_000; i++) packet(0, 0, ACK, 101, 501, 0, (i * 7919) % 10_000);
  // One whose history is as long as it gets.
  for (let i = 0; i < HISTORY_LIMIT - 100; i++) packet(1, 0, RST, 101 + (i & 1), 0, 0);
  const border = us;
  for (let i = 0; i < 500; i++) packet(1, 0, RST, 101 + (i & 1), 0, 0);
  // Half of the captures are among those before.
  for (let i = 0; i < 4000; i++) packet(0, 0, ACK, 101, 501, 0, 8000 + ((i * 7907) % 4000));
  each((flow) => {
    for (let i = 1; i < RANGES_LIMIT; i += 3) packet(flow, 0, ACK, 111 + 20 * i, 501, 10);
    packet(flow, META_FROM_B, ACK, 501, 101 + 10 * RANGES_LIMIT, 0);
    packet(flow, 0, ACK, 101, 501 + 30 * RANGES_LIMIT, 0);
  });
  return { stream: { columns, flows }, border };
}

test('sessions with every range, a full history and 10,000 captures continue as if there were no border', async () => {
  const { stream, border } = heavySessions(30);
  const expected = whole(stream);
  const histories = expected.sessions.map((row) => row.split(' ')[1].length);
  assert.equal(Math.max(...histories), HISTORY_LIMIT);
  assert.ok(expected.sessions.some((row) => row.includes('"captureCount":12000')));
  const tables = await cut(stream, [border], { ...SHARDING, buckets: 4 }, random(SEED));
  assert.equal(tables.carried, 30);
  assert.deepEqual(tables.sessions, expected.sessions);
  assert.deepEqual(tables.packets, expected.packets);
});
