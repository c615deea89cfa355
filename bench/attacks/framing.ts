/** Attacks on the reader of captures: what is no capture, sections, interfaces, options, lengths, and on everything that is named. */
import { block, interfaceBlock, packetBlock, sectionHeader } from '../../test/capture/build.ts';
import type { Attack } from './attack.ts';
import { CaptureFile, FIRST_SECOND, Pcap, pcapHeader } from './capturefile.ts';
import { ip, UDP, udp } from './packets.ts';

const PACKET = ip(UDP, 0x0a000001, 0x0a000002, udp(1000, 2000));
const US = FIRST_SECOND * 1e6;
const RAW = { linkType: 101 };

function pcapng(folder: string, write: (file: CaptureFile) => void): void {
  const file = new CaptureFile(`${folder}/attack.pcapng`);
  file.raw(sectionHeader());
  write(file);
  file.end();
}

/** Packets that are wrong in as many ways as there are names, on Ethernet. */
function wrongPackets(): Uint8Array[] {
  const frame = (type: string, rest: string): Uint8Array =>
    Buffer.from(`020000000001020000000002${type}${rest}`, 'hex');
  return [
    frame('0800', '45'),
    frame('0800', `4500001400000000401100000a0000010a000002`),
    frame('0800', `4000001400000000401100000a0000010a000002`),
    frame('0800', `3500001400000000401100000a0000010a000002`),
    frame('0800', `4500000400000000401100000a0000010a000002`),
    frame('0800', `45000024000000004004000030000001300000020000`),
    frame('0800', `4500001c00000000402f00000a0000010a0000020007080000000000`),
    frame('8100', '00'),
    frame('8100', '00011234'),
    frame('8847', '00'),
    frame('8864', '11'),
    frame('86dd', '60'),
    frame('86dd', `6000000000063a4020010db8${'00'.repeat(28)}`),
    frame('1234', '00'),
    frame('88e7', '00'),
    frame('8926', '00'),
    Buffer.from('0200', 'hex'),
  ];
}

export const FRAMING_ATTACKS: readonly Attack[] = [
  {
    name: 'no capture at all',
    what: 'a large file of another kind',
    size: 100,
    unit: 'MB',
    make(folder, size) {
      const file = new CaptureFile(`${folder}/notes.txt.pcap`);
      const text = Buffer.alloc(1 << 20, 'not a capture, whatever its name says. ');
      for (let bytes = 0; bytes < size * 1e6; bytes += text.length) file.raw(text);
      file.end();
    },
    bound: { cpuPerMB: 0.02, peakMB: 400, exit: 2 },
  },
  {
    name: 'tiny packets',
    what: 'records of one byte',
    size: 1_000_000,
    unit: 'packets',
    make(folder, size) {
      const file = new Pcap(`${folder}/tiny.pcap`);
      const packet = Uint8Array.from([0x45]);
      for (let i = 0; i < size; i++) file.record(packet, i);
      file.end();
    },
    bound: { cpuPerMB: 0.5, peakMB: 400 },
  },
  {
    name: 'headers everywhere',
    what: 'bytes that look like record headers at each place and lead nowhere',
    size: 2,
    unit: 'MB',
    make(folder, size) {
      const file = new CaptureFile(`${folder}/headers.pcap`);
      file.raw(pcapHeader());
      const header = Buffer.alloc(16);
      header.writeUInt32LE(FIRST_SECOND, 0);
      header.writeUInt32LE(0xfff0, 4);
      header.writeUInt32LE(200_001, 8);
      header.writeUInt32LE(200_001, 12);
      for (let bytes = 0; bytes < size * 1e6; bytes += 16) file.raw(header);
      file.end();
    },
    bound: { cpuPerMB: 3, peakMB: 400, exit: 2 },
  },
  {
    name: 'interfaces',
    what: 'interface descriptions, 50,000 a section',
    size: 100_000,
    unit: 'interfaces',
    make: (folder, size) =>
      pcapng(folder, (file) => {
        const one = interfaceBlock(RAW);
        for (let i = 0; i < size; i++) {
          if (i % 50_000 === 0) file.raw(sectionHeader());
          file.raw(one);
        }
        file.raw(packetBlock({ us: US, bytes: PACKET }, RAW));
      }),
    bound: { cpuPerMB: 2, peakMB: 500 },
  },
  {
    name: 'sections',
    what: 'sections of one interface and one packet each',
    size: 50_000,
    unit: 'sections',
    make: (folder, size) =>
      pcapng(folder, (file) => {
        const [section, described] = [sectionHeader(), interfaceBlock(RAW)];
        for (let i = 0; i < size; i++) {
          file.raw(section);
          file.raw(described);
          file.raw(packetBlock({ us: US + i, bytes: PACKET }, RAW));
        }
      }),
    bound: { cpuPerMB: 1, peakMB: 500 },
  },
  {
    name: 'options',
    what: 'interface descriptions with 250,000 empty options each',
    size: 10,
    unit: 'blocks',
    make: (folder, size) =>
      pcapng(folder, (file) => {
        const body = Buffer.alloc(8 + 250_000 * 4);
        body.writeUInt16LE(101, 0);
        for (let at = 8; at < body.length; at += 4) body.writeUInt16LE(2988, at);
        const one = block(1, body);
        for (let i = 0; i < size; i++) file.raw(one);
        file.raw(packetBlock({ us: US, bytes: PACKET }, RAW));
      }),
    bound: { cpuPerMB: 0.5, peakMB: 500 },
  },
  {
    name: 'block lengths',
    what: 'blocks that claim 4 GB each, of kinds that are passed over',
    size: 100_000,
    unit: 'blocks',
    make: (folder, size) =>
      pcapng(folder, (file) => {
        file.raw(interfaceBlock(RAW));
        const one = Buffer.alloc(40);
        one.writeUInt32LE(0x0bad, 0);
        one.writeUInt32LE(0xfffffff0, 4);
        for (let i = 0; i < size; i++) file.raw(one);
      }),
    bound: { cpuPerMB: 1, peakMB: 500, exit: 2 },
  },
  {
    name: 'stacks of headers',
    what: 'packets of 60 KB: VLAN tags, and IP in IP, to their end',
    size: 300,
    unit: 'packets',
    make(folder, size) {
      const file = new Pcap(`${folder}/stacks.pcap`, 1);
      const tags = Buffer.alloc(60_000);
      for (let at = 12; at < tags.length; at += 4) tags.writeUInt32BE(0x81000001, at);
      let inner = ip(UDP, 1, 2, udp(1, 2));
      while (inner.length < 2000) inner = ip(4, 1, 2, inner);
      const nested = Buffer.concat([Buffer.from('0200000000010200000000020800', 'hex'), inner]);
      for (let i = 0; i < size; i++) file.record(i % 2 === 0 ? tags : nested, i);
      file.end();
    },
    bound: { cpuPerMB: 0.2, peakMB: 400 },
  },
  {
    name: 'anomalies',
    what: 'captures in which each of 17 kinds of damage occurs 26 times',
    size: 150,
    unit: 'captures',
    make(folder, size) {
      const wrong = wrongPackets();
      for (let capture = 0; capture < size; capture++) {
        const file = new Pcap(`${folder}/odd-${capture}.pcap`, 1);
        for (let i = 0; i < 26; i++) for (const packet of wrong) file.record(packet, capture * 1000 + i);
        file.end();
      }
    },
    bound: { cpuPerMB: 4, peakMB: 600 },
  },
];
