/** Cases of TCP connections that were established. */
import { ACK, type Case, Ends, FIN, PSH, RST, SYN } from './case.ts';

const whole = new Ends(1, 80);
const alive = new Ends(2, 443);
const resetByClient = new Ends(3, 80);
const resetByServer = new Ends(4, 80);
const halfClosed = new Ends(5, 80);
const clientLeft = new Ends(6, 80);
const serverLeft = new Ends(7, 80);
const reused = new Ends(8, 80);

export const OPENED: readonly Case[] = [
  {
    name: 'a request, its answer, and both sides close',
    captures: [
      {
        name: 'whole.pcap',
        records: [
          ...whole.handshake(),
          whole.c(30, PSH | ACK, 1001, 5001, 100),
          whole.s(40, ACK, 5001, 1101),
          whole.s(50, PSH | ACK, 5001, 1101, 400),
          whole.c(60, FIN | ACK, 1101, 5401),
          whole.s(70, FIN | ACK, 5401, 1102),
          whole.c(80, ACK, 1102, 5402),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: whole.client,
        resp: whole.server,
        lasts: 70,
        bytes: [100, 400],
        state: 'SF',
        history: 'ShADadFf',
        pkts: [5, 4],
        ipBytes: [5 * 40 + 100, 4 * 40 + 400],
        why:
          'S and h are SYN and SYN-ACK, A the first packet of the client that only acknowledges, D its first payload; a, d ' +
          'likewise of the server; F and f the FINs. Each of A, D is given once a side, so the last acknowledgement adds none. ' +
          'SF: both ends are closed. Once both have closed Zeek moves the time of the last packet no more, so the ' +
          'acknowledgement at 80 counts as a packet and not for the duration. Bytes are distances of sequence numbers, SYN and ' +
          'FIN not counted. IP bytes are the total lengths of the IP headers: 40 of headers a segment, and payload.',
      },
    ],
  },
  {
    name: 'established, and nobody closes',
    captures: [
      {
        name: 'alive.pcap',
        records: [...alive.handshake(), alive.c(30, PSH | ACK, 1001, 5001, 20), alive.s(40, PSH | ACK, 5001, 1021, 30)],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: alive.client,
        resp: alive.server,
        lasts: 40,
        bytes: [20, 30],
        state: 'S1',
        history: 'ShADd',
        pkts: [3, 2],
        ipBytes: [3 * 40 + 20, 2 * 40 + 30],
        why: 'S1: both ends are established when the input ends. The server acknowledges with payload only, so there is no a.',
      },
    ],
  },
  {
    name: 'the client resets',
    captures: [
      {
        name: 'resetbyclient.pcap',
        records: [
          ...resetByClient.handshake(),
          resetByClient.c(30, PSH | ACK, 1001, 5001, 50),
          resetByClient.s(40, ACK, 5001, 1051),
          resetByClient.c(50, RST, 1051),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: resetByClient.client,
        resp: resetByClient.server,
        lasts: 50,
        bytes: [50, 0],
        state: 'RSTO',
        history: 'ShADaR',
        pkts: [4, 2],
        ipBytes: [4 * 40 + 50, 2 * 40],
        why: 'RSTO: the originator has reset, and the responder had been heard (else it would be RSTOS0). R is its reset.',
      },
    ],
  },
  {
    name: 'the server resets',
    captures: [
      {
        name: 'resetbyserver.pcap',
        records: [
          ...resetByServer.handshake(),
          resetByServer.c(30, PSH | ACK, 1001, 5001, 50),
          resetByServer.s(40, RST | ACK, 5001, 1051),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: resetByServer.client,
        resp: resetByServer.server,
        lasts: 40,
        bytes: [50, 0],
        state: 'RSTR',
        history: 'ShADr',
        pkts: [3, 2],
        ipBytes: [3 * 40 + 50, 2 * 40],
        why: 'RSTR: the responder has reset a connection whose originator was established. A reset that acknowledges gives r only: a stands for packets without SYN, FIN and RST.',
      },
    ],
  },
  {
    name: 'half closed: the server goes on for a while after the client has closed',
    captures: [
      {
        name: 'halfclosed.pcapng',
        records: [
          ...halfClosed.handshake(),
          halfClosed.c(30, PSH | ACK, 1001, 5001, 10),
          halfClosed.c(40, FIN | ACK, 1011, 5001),
          halfClosed.s(50, ACK, 5001, 1012),
          halfClosed.s(1050, PSH | ACK, 5001, 1012, 500),
          halfClosed.c(1060, ACK, 1012, 5501),
          halfClosed.s(2050, PSH | ACK, 5501, 1012, 500),
          halfClosed.s(2060, FIN | ACK, 6001, 1012),
          halfClosed.c(2070, ACK, 1012, 6002),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: halfClosed.client,
        resp: halfClosed.server,
        lasts: 2060,
        bytes: [10, 1000],
        state: 'SF',
        history: 'ShADFadf',
        pkts: [6, 5],
        ipBytes: [6 * 40 + 10, 5 * 40 + 1000],
        why: 'Letters stand in the order in which they occur: F before a and d. Zeek ends no connection because one side has closed, so the payload of two seconds later belongs to it; it ends with f.',
      },
    ],
  },
  {
    name: 'only the client closes',
    captures: [
      {
        name: 'clientleft.pcap',
        records: [
          ...clientLeft.handshake(),
          clientLeft.c(30, FIN | ACK, 1001, 5001),
          clientLeft.s(40, ACK, 5001, 1002),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: clientLeft.client,
        resp: clientLeft.server,
        lasts: 40,
        bytes: [0, 0],
        state: 'S2',
        history: 'ShAFa',
        pkts: [3, 2],
        ipBytes: [3 * 40, 2 * 40],
        why: 'S2: the originator is closed, the responder is not, and it was heard. Neither SYN nor FIN is a byte, so there are none.',
      },
    ],
  },
  {
    name: 'only the server closes',
    captures: [
      {
        name: 'serverleft.pcap',
        records: [
          ...serverLeft.handshake(),
          serverLeft.s(30, FIN | ACK, 5001, 1001),
          serverLeft.c(40, ACK, 1001, 5002),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: serverLeft.client,
        resp: serverLeft.server,
        lasts: 40,
        bytes: [0, 0],
        state: 'S3',
        history: 'ShAf',
        pkts: [3, 2],
        ipBytes: [3 * 40, 2 * 40],
        why: 'S3: the responder is closed, the originator is not. The acknowledgement at 40 is the second of the client: no further A.',
      },
    ],
  },
  {
    name: 'the same ports again, two seconds after both have closed',
    captures: [
      {
        name: 'reused.pcap',
        records: [
          ...reused.handshake(),
          reused.c(30, FIN | ACK, 1001, 5001),
          reused.s(40, FIN | ACK, 5001, 1002),
          reused.c(50, ACK, 1002, 5002),
          reused.c(2050, SYN, 900_000),
          reused.s(2060, SYN | ACK, 700_000, 900_001),
          reused.c(2070, ACK, 900_001, 700_001),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: reused.client,
        resp: reused.server,
        lasts: 40,
        bytes: [0, 0],
        state: 'SF',
        history: 'ShAFf',
        pkts: [4, 2],
        ipBytes: [4 * 40, 2 * 40],
        why: 'Zeek keeps a closed connection for five seconds (tcp_close_delay), for packets that come late; a SYN in that time is no late packet but ends it at once.',
      },
      {
        at: 2050,
        proto: 'tcp',
        orig: reused.client,
        resp: reused.server,
        lasts: 20,
        bytes: [0, 0],
        state: 'S1',
        history: 'ShA',
        pkts: [2, 1],
        ipBytes: [2 * 40, 40],
        why: 'The SYN begins a connection of its own.',
      },
    ],
  },
];
