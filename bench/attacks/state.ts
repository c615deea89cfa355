/** Attacks on what tracking must remember: open sessions, holes, histories, fragments, captures of a session. */
import type { Attack } from './attack.ts';
import { FIRST_SECOND, Pcap } from './capturefile.ts';
import { ACK, fragment, ip, RST, SYN, TCP, tcp, UDP, udp } from './packets.ts';

const A = 0x0a000000;
const B = 0x0b000001;
/** 2041-05-10: from here on a time in units of 2^20 microseconds needs more than 31 bits. */
const SECOND_2041 = Math.ceil(2 ** 51 / 1e6);

function oneFile(folder: string, write: (file: Pcap) => void): void {
  const file = new Pcap(`${folder}/attack.pcap`);
  write(file);
  file.end();
}

export const STATE_ATTACKS: readonly Attack[] = [
  {
    name: 'fragments that wait',
    what: 'datagrams of two fragments each, each of a flow of its own, all at one timestamp and in one bucket',
    size: 80_000,
    unit: 'datagrams',
    make: (folder, size) =>
      oneFile(folder, (file) => {
        for (let i = 0; i < size; i++) {
          const src = A + (i >>> 15);
          const datagram = udp(1024 + (i & 0x7fff), 2000, new Uint8Array(16));
          file.record(ip(UDP, src, B, datagram.subarray(0, 16), i, fragment(0, true)), 5);
          file.record(ip(UDP, src, B, datagram.subarray(16), i, fragment(16, false)), 5);
        }
      }),
    options: ['--buckets', '1'],
    bound: { cpuPerMB: 0.4, peakMB: 900 },
  },
  {
    name: 'fragments without end',
    what: 'datagrams of 8,191 fragments of 8 bytes, every second one first, so that ranges are many',
    size: 12,
    unit: 'datagrams',
    make: (folder, size) =>
      oneFile(folder, (file) => {
        const payload = new Uint8Array(8);
        for (let id = 0; id < size; id++)
          for (const odd of [0, 1])
            for (let i = odd; i < 8191; i += 2)
              file.record(ip(UDP, A, B, payload, id, fragment(i * 8, i < 8190)), id * 10_000 + i);
      }),
    bound: { cpuPerMB: 1, peakMB: 700 },
  },
  {
    name: 'fragments never completed',
    what: 'first fragments, each of a datagram of its own',
    size: 150_000,
    unit: 'fragments',
    make: (folder, size) =>
      oneFile(folder, (file) => {
        for (let i = 0; i < size; i++)
          file.record(ip(UDP, A + (i >>> 16), B, udp(1, 2, new Uint8Array(16)), i, fragment(0, true)), i);
      }),
    bound: { cpuPerMB: 1, peakMB: 700 },
  },
  {
    name: 'open sessions',
    what: 'TCP connections that nobody closes within the timeout',
    size: 150_000,
    unit: 'sessions',
    make: (folder, size) =>
      oneFile(folder, (file) => {
        for (let i = 0; i < size; i++) {
          const src = A + (i & 0xffff);
          const port = 1024 + (i >>> 16);
          file.record(ip(TCP, src, B, tcp(port, 80, 1, 0, SYN)), i * 20);
          file.record(ip(TCP, B, src, tcp(80, port, 1, 2, SYN | ACK)), i * 20 + 5);
        }
      }),
    bound: { cpuPerMB: 1, peakMB: 1200 },
  },
  {
    name: 'sessions at one timestamp',
    what: 'UDP flows of one packet, all within one microsecond',
    size: 150_000,
    unit: 'sessions',
    make: (folder, size) =>
      oneFile(folder, (file) => {
        for (let i = 0; i < size; i++) file.record(ip(UDP, A + (i & 0xffff), B, udp(1024 + (i >>> 16), 2000)), 0);
      }),
    bound: { cpuPerMB: 2, peakMB: 1200 },
  },
  {
    name: 'holes in TCP',
    what: 'segments of one connection, each a megabyte from the last, back and forth',
    size: 200_000,
    unit: 'segments',
    make: (folder, size) =>
      oneFile(folder, (file) => {
        for (let i = 0; i < size; i++)
          file.record(ip(TCP, A, B, tcp(1024, 80, Math.imul(i, 0x9e3779b1), 1, ACK, new Uint8Array(1))), i);
      }),
    bound: { cpuPerMB: 1, peakMB: 500 },
  },
  {
    name: 'history without end',
    what: 'one flow of SYNs and resets with other sequence numbers each time',
    size: 200_000,
    unit: 'packets',
    make: (folder, size) =>
      oneFile(folder, (file) => {
        for (let i = 0; i < size; i++)
          file.record(ip(TCP, A, B, tcp(1024, 80, i * 7, 1, i % 2 === 0 ? SYN : RST | ACK)), i);
      }),
    bound: { cpuPerMB: 1, peakMB: 500 },
  },
  {
    name: 'one flow over many captures',
    what: 'captures of 100 packets whose times interleave: each packet of the flow is in another capture than the last',
    size: 1000,
    unit: 'captures',
    make(folder, size) {
      for (let capture = 0; capture < size; capture++) {
        const file = new Pcap(`${folder}/part-${capture}.pcap`);
        for (let i = 0; i < 100; i++)
          file.record(ip(TCP, A, B, tcp(1024, 80, capture * 100 + i, 1, ACK, new Uint8Array(1))), i * size + capture);
        file.end();
      }
    },
    bound: { cpuPerMB: 1, peakMB: 700 },
  },
  {
    name: 'times beyond 2041',
    what: 'three SYNs of one flow after 2041-05-10, where microseconds need more than 51 bits',
    size: 3,
    unit: 'packets',
    once: true,
    make: (folder, size) =>
      oneFile(folder, (file) => {
        for (let i = 0; i < size; i++) {
          const us = i < 2 ? 100_000 + i : 10_000_000;
          file.record(ip(TCP, A, B, tcp(1024, 80, i * 1000, 0, SYN)), us, SECOND_2041);
        }
      }),
    bound: { cpuPerMB: 1, peakMB: 500 },
  },
  {
    name: 'thousands of days',
    what: 'sessions of one packet, each on a day of its own',
    size: 150,
    unit: 'days',
    make: (folder, size) =>
      oneFile(folder, (file) => {
        for (let i = 0; i < size; i++) file.record(ip(UDP, A + i, B, udp(1024, 2000)), 0, i * 86_400);
      }),
    bound: { cpuPerMB: 200, peakMB: 700 },
  },
  {
    name: 'two clocks in turns',
    what: 'a capture whose records bear uptime and wall clock in turns',
    size: 200_000,
    unit: 'packets',
    make: (folder, size) =>
      oneFile(folder, (file) => {
        for (let i = 0; i < size; i++)
          file.record(ip(UDP, A + (i % 50), B, udp(1024, 2000)), i * 100, i % 2 === 0 ? FIRST_SECOND : 1000);
      }),
    bound: { cpuPerMB: 1, peakMB: 500 },
  },
];
