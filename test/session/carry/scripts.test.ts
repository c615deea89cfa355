/** Short conversations, each with a border at every tick, whose rows depend on one thing that a session remembers. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { PacketColumns } from '../../../shared/packet/columns.ts';
import { FlowTable } from '../../../shared/packet/flow/flowtable.ts';
import { DEFAULTS } from '../../../shared/session/sessionconfig.ts';
import { ACK, FIN, RST, SECOND, SYN, T0 } from '../dialogue.ts';
import { random } from '../walk.ts';
import { cut, whole } from './cut.ts';
import type { Stream } from './stream.ts';

/** Milliseconds, end, flags, sequence number, acknowledgement, payload bytes, mark. */
type Packet = readonly [ms: number, end: 0 | 1, flags: number, seq: number, ack: number, length: number, mark?: number];

function streamOf(proto: number, packets: readonly Packet[]): Stream {
  const flows = new FlowTable();
  const flow = flows.lookup4(10, 11, (40_000 << 16) | 5000, proto, 0, 0);
  const columns = new PacketColumns(packets.length);
  columns.length = packets.length;
  for (const [row, [ms, end, flags, seq, ack, length, mark]] of packets.entries()) {
    columns.us[row] = T0 + ms * 1000;
    columns.flow[row] = flow;
    columns.meta[row] = end;
    columns.tcpFlags[row] = flags;
    columns.seq[row] = seq;
    columns.ack[row] = ack;
    columns.payloadLen[row] = length;
    columns.ipLen[row] = 40 + length;
    columns.window[row] = 1000;
    columns.mark[row] = mark ?? row + 1000;
  }
  return { columns, flows };
}

const OPENING: readonly Packet[] = [
  [0, 0, SYN, 100, 0, 0],
  [10, 1, SYN | ACK, 500, 101, 0],
  [20, 0, ACK, 101, 501, 0],
];
const datagrams = (marks: readonly number[]): Packet[] => marks.map((mark, ms) => [ms, 0, 0, 0, 0, 30, mark]);
const from = (end: 0 | 1, packets: readonly Packet[]): Packet[] =>
  packets.map(([ms, sender, ...rest]) => [ms, end === 0 ? sender : sender === 0 ? 1 : 0, ...rest]);

const SCRIPTS: readonly { what: string; proto: number; packets: readonly Packet[]; has: RegExp }[] = [
  {
    what: 'a datagram repeats one behind six others',
    proto: 17,
    packets: datagrams([1, 2, 3, 4, 5, 6, 7, 1, 3, 9, 5]),
    has: /"duplicate":3,/,
  },
  {
    what: 'a datagram repeats the last one',
    proto: 17,
    packets: datagrams([1, 1, 2, 2]),
    has: /"duplicate":2,/,
  },
  ...([0, 1] as const).map((end) => ({
    what: `a reset after a FIN ends the session after a time of its own (end ${end})`,
    proto: 6,
    packets: from(end, [
      ...OPENING,
      [30, 0, FIN | ACK, 101, 501, 0],
      [40, 0, RST, 102, 501, 0],
      [50, 1, ACK, 501, 102, 0],
      [3000, 1, ACK, 501, 102, 0],
    ]),
    has: /"endReason":2,/,
  })),
  ...([0, 1] as const).map((end) => ({
    what: `a second reset is in the history if its number is another one (end ${end})`,
    proto: 6,
    packets: from(end, [
      ...OPENING,
      [30, 0, RST, 101, 0, 0],
      [40, 0, RST, 101, 0, 0],
      [50, 0, RST, 105, 0, 0],
      [60, 0, RST, 105, 0, 0],
    ]),
    has: /ShARR /,
  })),
  ...([0, 1] as const).map((end) => ({
    what: `a close does not wait for bytes that were acknowledged (end ${end})`,
    proto: 6,
    packets: from(end, [
      ...OPENING,
      [30, 1, ACK, 501, 101, 10],
      [40, 0, ACK, 101, 511, 0],
      [50, 1, ACK, 511, 101, 10],
      [60, 0, ACK, 101, 521, 0],
      [70, 0, FIN, 101, 0, 0],
      [80, 1, FIN | ACK, 521, 102, 0],
      [7000, 0, ACK, 102, 522, 0],
    ]),
    has: /"endReason":1,/,
  })),
  {
    what: 'the tenth gap is in the history',
    proto: 6,
    packets: [
      ...OPENING,
      ...Array.from({ length: 12 }, (_, i): Packet[] => [
        [30 + 2 * i, 0, ACK, 101 + 30 * i + 20, 501, 10],
        [31 + 2 * i, 1, ACK, 501, 101 + 30 * i + 30, 0],
      ]).flat(),
    ],
    has: /G.*G.*"missedBytes":240,/,
  },
];

for (const { what, proto, packets, has } of SCRIPTS)
  test(`${what}, wherever the border is`, async () => {
    const config = { ...DEFAULTS, tcpResetDelayUs: 2 * SECOND };
    const stream = streamOf(proto, packets);
    const expected = whole(stream, config);
    assert.ok(
      expected.sessions.some((row) => has.test(row)),
      `the script does not show what it is for: ${expected.sessions.join('\n')}`,
    );
    const times = [...new Set(stream.columns.us)].slice(1);
    const inSilence = times.flatMap((us, i) => (i > 0 && us - times[i - 1] > SECOND ? [times[i - 1] + SECOND] : []));
    const all = [...times, ...inSilence].sort((a, b) => a - b);
    for (const borders of [all, ...all.map((us) => [us])]) {
      const tables = await cut(stream, borders, { buckets: 4, seed: 1, by: '5tuple' }, random(1), config);
      assert.deepEqual([tables.sessions, tables.packets], [expected.sessions, expected.packets]);
    }
  });
