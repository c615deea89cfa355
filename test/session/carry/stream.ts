/** Random packets with everything that a session holds: for the tests of carries. */
import {
  HINT_DNS_ANSWER,
  HINT_FTP_COMMAND,
  HINT_FTP_REPLY,
  HINT_NTP_CLIENT,
  HINT_NTP_SERVER,
  HINT_SSH_BANNER,
  META_BROKEN,
  META_DATAGRAM,
  META_FRAGMENT,
  META_LEVEL_SHIFT,
  META_TRUNCATED,
  PacketColumns,
} from '../../../shared/packet/columns.ts';
import { FlowTable, KEY_FLAG_V6, KEY_PROTO, KEY_WORDS } from '../../../shared/packet/flow/flowtable.ts';
import {
  LAYER_HAS_ID,
  LAYER_ID,
  LAYER_SOURCE,
  LAYER_V6,
  LAYER_WORDS,
  MAX_LAYERS,
} from '../../../shared/packet/tunnellayers.ts';
import { ACK, FIN, RST, SECOND, SYN, T0 } from '../dialogue.ts';
import { random } from '../walk.ts';

/** Packets in the order in which a tracker gets them. */
export interface Stream {
  columns: PacketColumns;
  flows: FlowTable;
}

const TCP = 6;
const UDP = 17;
const PROTOCOLS = [TCP, TCP, TCP, TCP, UDP, UDP, UDP, 1, 58, 132, 47];
const PORTS = [80, 22, 21, 5000, 53, 123, 5353];
const REPEATED = ['tcpFlags', 'seq', 'ack', 'payloadLen', 'ipLen', 'window', 'mark', 'hint', 'meta', 'ageUs'] as const;
const HINTS = [HINT_SSH_BANNER, HINT_FTP_REPLY, HINT_FTP_COMMAND, HINT_DNS_ANSWER, HINT_NTP_SERVER, HINT_NTP_CLIENT];
const FLAGS = [ACK, ACK, ACK, ACK, ACK, SYN, SYN | ACK, FIN | ACK, RST, FIN | RST, 0];
/** Of 100 steps between packets, all but a few are among the first five. */
const STEPS = [0, 1, 300, 3000, 400_000, 3 * SECOND, 30 * SECOND];

/** A TCP packet of a conversation. */
type Segment = readonly [end: 0 | 1, flags: number, seq: number, ack: number, length: number];

/** Conversations of TCP: with the bytes that a capture lost, each acknowledged later; and their ends. */
const OPENING: readonly Segment[] = [
  [0, SYN, 100, 0, 0],
  [1, SYN | ACK, 500, 101, 0],
  [0, ACK, 101, 501, 0],
];
const LOSSES: readonly Segment[] = Array.from({ length: 24 }, (_, i): Segment[] => {
  const end = (i >> 1) & 1 ? 1 : 0;
  const [own, peer] = end === 0 ? [101, 501] : [501, 101];
  return [
    [end, ACK, own + 30 * i + 20, peer + 30 * i, 10],
    [end === 0 ? 1 : 0, ACK, peer + 30 * i, own + 30 * i + 30, 0],
  ];
}).flat();
const CONVERSATIONS: readonly (readonly Segment[])[] = [
  [...OPENING, [0, FIN | ACK, 101, 501, 0], [0, RST, 102, 501, 0], [1, ACK, 501, 102, 0]],
  [...OPENING, ...LOSSES, [0, FIN | ACK, 900, 900, 0], [1, FIN | ACK, 900, 901, 0], [0, ACK, 901, 901, 0]],
  [...OPENING, [0, ACK, 101, 501, 20], [1, RST, 501, 121, 0], [1, RST, 501, 121, 0]],
];

/** @param packets of `count` flows, over minutes to hours */
export function stream(seed: number, packets: number, count = 50): Stream {
  const next = random(seed);
  const pick = (n: number): number => Math.floor(next() * n);
  const flows = new FlowTable();
  for (let i = 0; i < count; i++) addFlow(flows, i, pick);
  const tunnels = Array.from({ length: count }, () => (pick(3) === 0 ? addTunnel(flows, pick) : 0));
  const vlans = Array.from({ length: count }, () => (pick(3) === 0 ? pick(4096) + 1 : 0));
  const columns = new PacketColumns(packets);
  columns.length = packets;
  let us = T0;
  let ns = 0;
  const places = new Map<number, { conversation: number; next: number }>();
  const latest = new Map<number, number>();
  for (let row = 0; row < packets; row++) {
    const step = STEPS[pick(100) < 97 ? pick(5) : pick(STEPS.length)];
    us += step;
    if (step > 0) ns = pick(2) * pick(1000);
    const flow = row > 0 && pick(2) === 0 ? columns.flow[row - 1] : pick(count);
    columns.us[row] = us;
    columns.ns[row] = ns;
    columns.flow[row] = flow;
    columns.capture[row] = Math.max(0, Math.floor(row / 300) + (pick(5) === 0 ? pick(60) : 0));
    columns.offset[row] = row * 100;
    columns.capLen[row] = 100;
    columns.origLen[row] = 100;
    columns.tcpFlags[row] = FLAGS[pick(FLAGS.length)];
    // Near the wrap, often with holes before and behind.
    columns.seq[row] = (0xffffff00 + pick(60) * 20) >>> 0;
    columns.ack[row] = (0xffffff00 + pick(pick(10) === 0 ? 1200 : 20)) >>> 0;
    columns.payloadLen[row] = pick(3) === 0 ? 0 : pick(40);
    columns.ipLen[row] = 40 + columns.payloadLen[row];
    columns.window[row] = pick(10);
    columns.mark[row] = pick(3);
    columns.hint[row] = pick(4) === 0 ? HINTS[pick(HINTS.length)] : 0;
    columns.vlan[row] = vlans[flow];
    columns.innerVlan[row] = vlans[(flow + 1) % count];
    columns.tunnel[row] = tunnels[flow];
    columns.meta[row] = pick(2) | (pick(20) === 0 ? META_TRUNCATED : 0) | (pick(30) === 0 ? META_BROKEN : 0);
    const earlier = latest.get(flow);
    if (earlier !== undefined && pick(6) === 0) {
      // As a mirror port, or a sender that has no answer, repeats a packet.
      for (const name of REPEATED) columns[name][row] = columns[name][earlier];
      continue;
    }
    latest.set(flow, row);
    if (flow % 3 === 0 && (flows.words[flow * KEY_WORDS + KEY_PROTO] & 0xff) === TCP) {
      let place = places.get(flow);
      if (place === undefined || place.next >= CONVERSATIONS[place.conversation].length) {
        place = { conversation: pick(CONVERSATIONS.length), next: 0 };
        places.set(flow, place);
      }
      const [end, flags, seq, ack, length] = CONVERSATIONS[place.conversation][place.next++];
      columns.meta[row] = end;
      columns.tcpFlags[row] = flags;
      columns.seq[row] = seq;
      columns.ack[row] = ack;
      columns.payloadLen[row] = length;
      columns.ipLen[row] = 40 + length;
      continue;
    }
    const kind = pick(30);
    if (kind < 2) {
      columns.meta[row] |= kind === 0 ? META_FRAGMENT : META_DATAGRAM;
      columns.ageUs[row] = pick(100_000);
    } else if (kind < 4) columns.meta[row] |= 1 << META_LEVEL_SHIFT;
  }
  return { columns, flows };
}

/** A flow of its own for each number: IPv4 or IPv6, any protocol, some with a VLAN or a network in their key. */
function addFlow(flows: FlowTable, i: number, pick: (n: number) => number): void {
  const proto = PROTOCOLS[i % PROTOCOLS.length];
  const key = new Uint32Array(KEY_WORDS);
  const v6 = proto === 58 || pick(4) === 0;
  if (v6) {
    key.set([0x20010db8, 0, 0, 10, 0x20010db8, 0, 1, 11 + i]);
    key[9] = proto | KEY_FLAG_V6;
  } else {
    key[3] = 10;
    key[7] = 11 + i;
    key[9] = proto;
  }
  if (proto !== 47) key[8] = ((1000 + i) << 16) | PORTS[pick(PORTS.length)];
  if (pick(5) === 0) key[10] = pick(4096) + 1;
  if (pick(5) === 0) key[11] = pick(100) + 1;
  flows.lookup(key);
}

function addTunnel(flows: FlowTable, pick: (n: number) => number): number {
  const layers = 1 + pick(MAX_LAYERS);
  const words = new Uint32Array(layers * LAYER_WORDS);
  for (let layer = 0; layer < layers; layer++) {
    const at = layer * LAYER_WORDS;
    const flags = (pick(2) === 0 ? LAYER_V6 : 0) | (pick(2) === 0 ? LAYER_HAS_ID : 0);
    words[at] = (1 + pick(5)) | flags;
    for (let i = (flags & LAYER_V6) === 0 ? 3 : 0; i < 4; i++) {
      words[at + LAYER_SOURCE + i] = pick(2 ** 32);
      words[at + LAYER_SOURCE + 4 + i] = pick(2 ** 32);
    }
    if ((flags & LAYER_HAS_ID) !== 0) words[at + LAYER_ID] = pick(2 ** 24);
  }
  return flows.tunnels.lookup(words, layers);
}
