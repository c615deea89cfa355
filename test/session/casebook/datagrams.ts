/** Cases of UDP and ICMP. */
import { bytes, ethernet, ipv4, ipv6 } from '../../packet/harness.ts';
import { at, type Case, Ends, frame, payload } from './case.ts';

const both = new Ends(31, 9999);
const oneWay = new Ends(32, 9999);
const once = new Ends(33, 9999);
const dns = new Ends(34, 53);
const silent = new Ends(35, 9999);
const split = new Ends(36, 9999);

const [PINGING, PINGED] = ['10.0.37.1', '10.0.37.2'];
const [ONE6, TWO6] = ['20010db8003800000000000000000001', '20010db8003800000000000000000002'];
const [ONE6_TEXT, TWO6_TEXT] = ['2001:db8:38::1', '2001:db8:38::2'];

/** An ICMP message: eight bytes of header, then payload. */
function icmp(type: number, length: number): Uint8Array {
  return bytes([type, 0, 0, 0, 0, 1, 0, 1], payload(length));
}

/** A datagram of 28 + `length` bytes of the client in two fragments, the first with 1,480 bytes behind its IP header. */
function fragments(length: number): Uint8Array[] {
  const behind = split.ask(length).subarray(20);
  const header = { src: split.client[0], dst: split.server[0], id: 77 };
  return [
    ipv4(behind.subarray(0, 1480), { ...header, more: true }),
    ipv4(behind.subarray(1480), { ...header, offset: 1480 }),
  ];
}

export const DATAGRAMS: readonly Case[] = [
  {
    name: 'UDP both ways',
    captures: [
      {
        name: 'both.pcap',
        records: [at(0, frame(both.ask(20))), at(10, frame(both.answer(30))), at(20, frame(both.ask(20)))],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'udp',
        orig: both.client,
        resp: both.server,
        lasts: 20,
        bytes: [40, 30],
        state: 'SF',
        history: 'Dd',
        pkts: [2, 1],
        ipBytes: [2 * 28 + 40, 28 + 30],
        why: 'UDP has no end: SF says that both sides were heard. D and d come once a side. Bytes are payload, IP bytes have the 28 bytes of headers too.',
      },
    ],
  },
  {
    name: 'UDP one way',
    captures: [
      {
        name: 'oneway.pcap',
        records: [at(0, frame(oneWay.ask(10))), at(1000, frame(oneWay.ask(10))), at(2000, frame(oneWay.ask(10)))],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'udp',
        orig: oneWay.client,
        resp: oneWay.server,
        lasts: 2000,
        bytes: [30, 0],
        state: 'S0',
        history: 'D',
        pkts: [3, 0],
        ipBytes: [3 * 28 + 30, 0],
        why: 'S0: the responder was not heard.',
      },
    ],
  },
  {
    name: 'one datagram of UDP',
    captures: [{ name: 'once.pcap', records: [at(0, frame(once.ask(10)))] }],
    rows: [
      {
        at: 0,
        proto: 'udp',
        orig: once.client,
        resp: once.server,
        state: 'S0',
        history: 'D',
        pkts: [1, 0],
        ipBytes: [38, 0],
        why: 'No duration, and so no bytes.',
      },
    ],
  },
  {
    name: 'two questions to a DNS server from one port, 15 seconds apart',
    captures: [
      {
        name: 'dns.pcap',
        records: [
          at(0, frame(dns.ask(33))),
          at(10, frame(dns.answer(49))),
          at(15_000, frame(dns.ask(33))),
          at(15_010, frame(dns.answer(49))),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'udp',
        orig: dns.client,
        resp: dns.server,
        lasts: 10,
        bytes: [33, 49],
        state: 'SF',
        history: 'Dd',
        pkts: [1, 1],
        ipBytes: [61, 77],
        why: "Zeek's DNS parser looks at its session after ten seconds (dns_session_timeout) and ends it when it has been silent for nine: it was for 9.99. On another port it would be one session, for UDP has a minute.",
      },
      {
        at: 15_000,
        proto: 'udp',
        orig: dns.client,
        resp: dns.server,
        lasts: 10,
        bytes: [33, 49],
        state: 'SF',
        history: 'Dd',
        pkts: [1, 1],
        ipBytes: [61, 77],
        why: 'The second question opens another session.',
      },
    ],
  },
  {
    name: 'UDP that is silent for more than a minute',
    captures: [{ name: 'silent.pcap', records: [at(0, frame(silent.ask(10))), at(61_000, frame(silent.ask(10)))] }],
    rows: [0, 61_000].map((ms) => ({
      at: ms,
      proto: 'udp',
      orig: silent.client,
      resp: silent.server,
      state: 'S0',
      history: 'D',
      pkts: [1, 0],
      ipBytes: [38, 0],
      why: 'udp_inactivity_timeout is a minute: 61 seconds of silence part two sessions.',
    })),
  },
  {
    name: 'a datagram in two fragments',
    captures: [
      {
        name: 'fragments.pcap',
        // The second fragment comes first: a datagram is whole with whichever comes last.
        records: [
          ...fragments(2000)
            .reverse()
            .map((packet, i) => at(i, frame(packet))),
          at(10, frame(split.answer(5))),
        ],
      },
    ],
    rows: [
      {
        at: 1,
        proto: 'udp',
        orig: split.client,
        resp: split.server,
        lasts: 9,
        bytes: [2000, 5],
        state: 'SF',
        history: 'Dd',
        pkts: [1, 1],
        ipBytes: [2028, 33],
        why: 'Zeek counts the datagram as one packet of one IP header, 2,000 bytes and the UDP header, at the time at which it was whole: that of its second fragment.',
      },
    ],
  },
  {
    name: 'ping',
    captures: [
      {
        name: 'ping.pcap',
        records: [
          at(0, frame(ipv4(icmp(8, 56), { proto: 1, src: PINGING, dst: PINGED }))),
          at(5, frame(ipv4(icmp(0, 56), { proto: 1, src: PINGED, dst: PINGING }))),
          at(1000, frame(ipv4(icmp(8, 56), { proto: 1, src: PINGING, dst: PINGED }))),
          at(1005, frame(ipv4(icmp(0, 56), { proto: 1, src: PINGED, dst: PINGING }))),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'icmp',
        orig: [PINGING, 8],
        resp: [PINGED, 0],
        lasts: 1005,
        bytes: [112, 112],
        state: 'OTH',
        pkts: [2, 2],
        ipBytes: [2 * 84, 2 * 84],
        why: 'In place of ports stand the type of the request and that of its answer. ICMP has no states and no history. Bytes are what follows the eight bytes of header.',
      },
    ],
  },
  {
    name: 'ping over IPv6',
    captures: [
      {
        name: 'ping6.pcap',
        records: [
          at(0, ethernet('86dd', ipv6(icmp(128, 32), 58, ONE6, TWO6))),
          at(5, ethernet('86dd', ipv6(icmp(129, 32), 58, TWO6, ONE6))),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'icmp',
        orig: [ONE6_TEXT, 128],
        resp: [TWO6_TEXT, 129],
        lasts: 5,
        bytes: [32, 32],
        state: 'OTH',
        pkts: [1, 1],
        ipBytes: [80, 80],
        why: 'As with IPv4, with the types of ICMPv6; IP bytes have the 40 bytes of the IPv6 header.',
      },
    ],
  },
  {
    name: 'a neighbour is asked whether it is still there',
    captures: [
      {
        name: 'neighbour.pcap',
        records: [
          at(0, ethernet('86dd', ipv6(bytes('87000000 00000000', TWO6), 58, `${ONE6.slice(0, 31)}3`, TWO6))),
          at(5, ethernet('86dd', ipv6(bytes('88000000 60000000', TWO6), 58, TWO6, `${ONE6.slice(0, 31)}3`))),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'icmp',
        orig: ['2001:db8:38::3', 135],
        resp: [TWO6_TEXT, 136],
        lasts: 5,
        bytes: [16, 16],
        state: 'OTH',
        pkts: [1, 1],
        ipBytes: [64, 64],
        why: 'Solicitation (135) and advertisement (136) are request and answer to Zeek. What follows the first eight bytes is the target address.',
      },
    ],
  },
];
