/** Cases of faults in TCP streams, and of sessions in several captures. */
import type { BuiltRecord } from '../../capture/build.ts';
import { ACK, type Case, Ends, type Expected, FIN, PSH } from './case.ts';

const repeated = new Ends(21, 80);
const gap = new Ends(22, 80);
const overtaken = new Ends(23, 80);
const spanning = new Ends(24, 80);
const shuffled = new Ends(25, 80);

/** A request and two answers, the second of them two seconds later; then both sides close. */
function longTalk(ends: Ends): BuiltRecord[] {
  return [
    ...ends.handshake(),
    ends.c(30, PSH | ACK, 1001, 5001, 100),
    ends.s(40, PSH | ACK, 5001, 1101, 300),
    ends.s(2040, PSH | ACK, 5301, 1101, 300),
    ends.c(2050, FIN | ACK, 1101, 5601),
    ends.s(2060, FIN | ACK, 5601, 1102),
  ];
}

function longTalkRow(ends: Ends, why: string): Expected {
  return {
    at: 0,
    proto: 'tcp',
    orig: ends.client,
    resp: ends.server,
    lasts: 2060,
    bytes: [100, 600],
    state: 'SF',
    history: 'ShADdFf',
    pkts: [4, 4],
    ipBytes: [4 * 40 + 100, 4 * 40 + 600],
    why,
  };
}

export const STREAMS: readonly Case[] = [
  {
    name: 'a segment is sent twice',
    captures: [
      {
        name: 'repeated.pcap',
        records: [
          ...repeated.handshake(),
          repeated.c(30, PSH | ACK, 1001, 5001, 100),
          repeated.c(230, PSH | ACK, 1001, 5001, 100),
          repeated.s(240, ACK, 5001, 1101),
          repeated.c(250, FIN | ACK, 1101, 5001),
          repeated.s(260, FIN | ACK, 5001, 1102),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: repeated.client,
        resp: repeated.server,
        lasts: 260,
        bytes: [100, 0],
        state: 'SF',
        history: 'ShADTaFf',
        pkts: [5, 3],
        ipBytes: [5 * 40 + 200, 3 * 40],
        why: 'T: payload that was there already. Bytes are of the stream, so they count once; packets and IP bytes are of the wire, so they count twice.',
      },
    ],
  },
  {
    name: 'a segment is missing in the capture, though it was received',
    captures: [
      {
        name: 'gap.pcap.zst',
        records: [
          ...gap.handshake(),
          gap.c(30, PSH | ACK, 1001, 5001, 100),
          // 1101 to 1300 were not captured.
          gap.c(50, PSH | ACK, 1301, 5001, 50),
          gap.s(60, ACK, 5001, 1351),
          gap.c(70, FIN | ACK, 1351, 5001),
          gap.s(80, FIN | ACK, 5001, 1352),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: gap.client,
        resp: gap.server,
        lasts: 80,
        bytes: [350, 0],
        state: 'SF',
        history: 'ShADaGFf',
        missed: 200,
        pkts: [5, 3],
        ipBytes: [5 * 40 + 150, 3 * 40],
        why: 'The server acknowledges 200 bytes that are not there: the capture lost them, not the network. They are missed bytes, and G, of the side that sent them, stands behind the acknowledgement that proved it. Bytes are distances of sequence numbers and hold them.',
      },
    ],
  },
  {
    name: 'a segment overtakes the one before it',
    captures: [
      {
        name: 'overtaken.pcap',
        records: [
          ...overtaken.handshake(),
          overtaken.c(30, PSH | ACK, 1101, 5001, 100),
          overtaken.c(31, PSH | ACK, 1001, 5001, 100),
          overtaken.s(40, ACK, 5001, 1201),
          overtaken.c(50, FIN | ACK, 1201, 5001),
          overtaken.s(60, FIN | ACK, 5001, 1202),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: overtaken.client,
        resp: overtaken.server,
        lasts: 60,
        bytes: [200, 0],
        state: 'SF',
        history: 'ShADTaFf',
        pkts: [5, 3],
        ipBytes: [5 * 40 + 200, 3 * 40],
        why: 'What comes late fills the hole before anything is acknowledged beyond it: nothing is missed, so no G. T all the same: Zeek takes payload that ends no higher than the highest byte seen for a retransmission and does not ask whether it had come before (update_last_seq in TCP.cc).',
      },
    ],
  },
  {
    name: 'a connection that spans two captures',
    captures: [
      { name: 'spanning-1.pcap', records: longTalk(spanning).slice(0, 5) },
      { name: 'spanning-2.pcap', records: longTalk(spanning).slice(5) },
    ],
    rows: [
      longTalkRow(
        spanning,
        'One row, as if all packets had stood in one capture. Each capture by itself would give two: S1 with ShADd, and OTH.',
      ),
    ],
  },
  {
    name: 'a connection in three captures whose names and packets are out of order',
    captures: [
      { name: 'shuffled-a.pcapng.zst', records: longTalk(shuffled).slice(5) },
      { name: 'shuffled-b.pcap', records: longTalk(shuffled).slice(3, 5).reverse() },
      { name: 'shuffled-c.pcap.gz', records: longTalk(shuffled).slice(0, 3) },
    ],
    rows: [
      longTalkRow(
        shuffled,
        'Names mean nothing, and neither does the order inside of a capture: packets are taken by their times, which are those of the case before.',
      ),
    ],
  },
];
