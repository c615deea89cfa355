/** Cases of TCP without a handshake, or without a successful one. */
import { ACK, type Case, Ends, FIN, PSH, RST, SYN } from './case.ts';

const unanswered = new Ends(11, 80);
const rejected = new Ends(12, 25);
const abandoned = new Ends(13, 80);
const givenUp = new Ends(17, 80);
const synThenFin = new Ends(14, 80);
const onlyServer = new Ends(15, 80);
const midstream = new Ends(16, 80);

export const UNOPENED: readonly Case[] = [
  {
    name: 'nobody answers',
    captures: [{ name: 'unanswered.pcap', records: [unanswered.c(0, SYN, 1000), unanswered.c(1000, SYN, 1000)] }],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: unanswered.client,
        resp: unanswered.server,
        lasts: 1000,
        bytes: [0, 0],
        state: 'S0',
        history: 'S',
        pkts: [2, 0],
        ipBytes: [2 * 40, 0],
        why: 'S0: the originator has sent a SYN, the responder is silent. S comes again only for a SYN with another sequence number, and this one repeats the first.',
      },
    ],
  },
  {
    name: 'one SYN and nothing else',
    captures: [{ name: 'single.pcap.gz', records: [new Ends(10, 80).c(0, SYN, 1000)] }],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: ['10.0.10.1', 40_000],
        resp: ['10.0.10.2', 80],
        state: 'S0',
        history: 'S',
        pkts: [1, 0],
        ipBytes: [40, 0],
        why: 'A session of one packet has no duration, and Zeek writes bytes only where there is one.',
      },
    ],
  },
  {
    name: 'the server refuses',
    captures: [{ name: 'rejected.pcap', records: [rejected.c(0, SYN, 1000), rejected.s(10, RST | ACK, 0, 1001)] }],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: rejected.client,
        resp: rejected.server,
        lasts: 10,
        bytes: [0, 0],
        state: 'REJ',
        history: 'Sr',
        pkts: [1, 1],
        ipBytes: [40, 40],
        why: 'REJ: a reset of the responder while the originator has only sent its SYN.',
      },
    ],
  },
  {
    name: 'the client gives up before an answer',
    captures: [{ name: 'abandoned.pcap', records: [abandoned.c(0, SYN, 1000), abandoned.c(500, RST, 1001)] }],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: abandoned.client,
        resp: abandoned.server,
        lasts: 500,
        bytes: [0, 0],
        state: 'RSTOS0',
        history: 'SR',
        pkts: [2, 0],
        ipBytes: [2 * 40, 0],
        why: 'RSTOS0: the originator has reset, and the responder was never heard.',
      },
    ],
  },
  {
    name: 'the client gives up, and then the server refuses',
    captures: [
      {
        name: 'givenup.pcap',
        records: [givenUp.c(0, SYN, 1000), givenUp.c(10, RST, 1001), givenUp.s(20, RST | ACK, 0, 1001)],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: givenUp.client,
        resp: givenUp.server,
        lasts: 20,
        bytes: [0, 0],
        state: 'REJ',
        history: 'SRr',
        pkts: [2, 1],
        ipBytes: [2 * 40, 40],
        why: 'Where both have reset and not a byte has passed, conn_state() says REJ too: the responder has refused, whatever the originator did meanwhile.',
      },
    ],
  },
  {
    name: 'a SYN and a FIN, and no answer',
    captures: [{ name: 'synthenfin.pcap', records: [synThenFin.c(0, SYN, 1000), synThenFin.c(10, FIN, 1001)] }],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: synThenFin.client,
        resp: synThenFin.server,
        lasts: 10,
        bytes: [0, 0],
        state: 'SH',
        history: 'SF',
        pkts: [2, 0],
        ipBytes: [2 * 40, 0],
        why: 'SH: the originator has closed without the responder ever being heard: a scan, or a capture of one direction.',
      },
    ],
  },
  {
    name: 'a SYN-ACK and a FIN of the server, and nothing of the client',
    captures: [
      {
        name: 'onlyserver.pcap',
        records: [onlyServer.s(0, SYN | ACK, 5000, 1001), onlyServer.s(10, FIN | ACK, 5001, 1001)],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: onlyServer.client,
        resp: onlyServer.server,
        lasts: 10,
        bytes: [0, 0],
        state: 'SHR',
        history: '^hf',
        pkts: [0, 2],
        ipBytes: [0, 2 * 40],
        why: 'The first packet comes from port 80, a likely server (likely_server_ports): Zeek takes its sender for the responder, which ^ says. SHR: the responder has closed and the originator was never heard.',
      },
    ],
  },
  {
    name: 'the middle of a connection',
    captures: [
      {
        name: 'midstream.pcap',
        records: [
          midstream.c(0, PSH | ACK, 7000, 9000, 10),
          midstream.s(10, PSH | ACK, 9000, 7010, 20),
          midstream.c(20, ACK, 7010, 9020),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'tcp',
        orig: midstream.client,
        resp: midstream.server,
        lasts: 20,
        bytes: [10, 20],
        state: 'OTH',
        history: 'DdA',
        pkts: [2, 1],
        ipBytes: [2 * 40 + 10, 40 + 20],
        why: 'Without a SYN an end is never established, only partial, and none of the other states fits: OTH. Bytes count from the first sequence number seen of each side.',
      },
    ],
  },
];
