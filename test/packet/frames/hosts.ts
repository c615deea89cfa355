/** Frames with headers of operating systems, of devices that capture, and of Juniper's routers. */
import { bytes, ethernet, text } from '../harness.ts';
import { datagram, type Layer } from './datagram.ts';

const DATA_FRAME = bytes('0801', '00'.repeat(22), 'aaaa03 000000 0800', datagram);

/** A PKTAP header, version 1, before a frame of a link type below 256. */
const pktap = (linkType: string, frame: Uint8Array): Uint8Array =>
  bytes(
    '6c000000 01000000',
    linkType,
    '000000',
    text('en0'),
    '00'.repeat(21),
    '02000000 02000000',
    '00'.repeat(64),
    frame,
  );

const pktap2 = (linkType: string, frame: Uint8Array): Uint8Array =>
  bytes('2c 00 00 28 00 00', linkType, '00', '00'.repeat(28), '02000800', text('en0'), '00', frame);

/** A PFLOG header that claims `length` bytes, with `padded` of them there. */
const pflog = (length: string, padded: number, family = '02'): Uint8Array =>
  bytes(length, family, '0000', text('igb0'), '00'.repeat(padded - 8), datagram);

const erf = (type: string, rest: Uint8Array): Uint8Array => bytes('0000000000f15365', type, '04 0050 0000 0040', rest);

const EXTENSIONS = '0009 010101 020109 040101';

export const HOSTS: readonly Layer[] = [
  ['PKTAP with Ethernet', 258, pktap('01', ethernet('0800', datagram))],
  ['PKTAP with loopback', 258, pktap('00', bytes('02000000', datagram))],
  ['PKTAP with raw IP', 258, pktap('0c', datagram)],
  ['PKTAP as USER2', 149, pktap('01', ethernet('0800', datagram))],
  ['PKTAP, version 2', 258, pktap2('01', ethernet('0800', datagram))],
  ['PKTAP, version 2, as USER2', 149, pktap2('01', ethernet('0800', datagram))],
  ['PFLOG of FreeBSD', 117, pflog('45', 72)],
  ['PFLOG of macOS', 117, pflog('3d', 64)],
  ['PFLOG of OpenBSD', 117, pflog('64', 100)],
  ['PFLOG of NetBSD', 117, pflog('64', 104)],
  ['ENC', 109, bytes('02000000 00001000 00000000', datagram)],
  ['ENC of a big-endian host', 109, bytes('00000002 00001000 00000000', datagram)],
  ['ENC under OpenBSD’s own number', 13, bytes('02000000 00001000 00000000', datagram)],
  ['loopback under OpenBSD’s own number', 12, bytes('00000002', datagram)],
  ['Solaris ipnet', 226, bytes('02 02 0000 00000021', '00'.repeat(16), datagram)],
  ['AVS header', 163, bytes('80211001 00000040', '00'.repeat(56), DATA_FRAME)],
  ['Prism header', 119, bytes('44000000 90000000', '00'.repeat(136), DATA_FRAME)],
  ['Prism header of a big-endian host', 119, bytes('00000044 00000090', '00'.repeat(136), DATA_FRAME)],
  ['netANALYZER', 240, bytes('00000000', ethernet('0800', datagram))],
  ['netANALYZER with preamble', 241, bytes('00000000 55555555555555d5', ethernet('0800', datagram))],
  ['DOCSIS', 143, bytes('00 00 0043 0000', ethernet('0800', datagram))],
  ['DOCSIS with an extended header', 143, bytes('01 02 0045 0100 0000', ethernet('0800', datagram))],
  ['ERF with Ethernet', 197, erf('02', bytes('0000', ethernet('0800', datagram)))],
  [
    'ERF with Ethernet and two extension headers',
    197,
    erf('82', bytes('84'.repeat(8), '04'.repeat(8), '0000', ethernet('0800', datagram))),
  ],
  ['ERF with Cisco HDLC', 197, erf('01', bytes('0f00 0800', datagram))],
  ['ERF with PPP in a channel', 197, erf('05', bytes('00000001 ff03 0021', datagram))],
  ['ERF with ATM', 197, erf('04', bytes('00000640 aaaa03 000000 0800', datagram))],
  ['ERF with ATM in a channel', 197, erf('09', bytes('00000001 00000640 aaaa03 000000 0800', datagram))],
  ['ERF with IP', 197, erf('16', datagram)],
  ['ERF of Ethernet alone', 175, erf('02', bytes('0000', ethernet('0800', datagram)))],
  ['Juniper Ethernet', 178, bytes('4d4743 01', ethernet('0800', datagram))],
  ['Juniper Ethernet with extensions', 178, bytes('4d4743 81', EXTENSIONS, ethernet('0800', datagram))],
  ['Juniper Ethernet without its link layer', 178, bytes('4d4743 83', EXTENSIONS, '00000002', datagram)],
  ['Juniper PPP', 179, bytes('4d4743 00 ff03 0021', datagram)],
  ['Juniper Frame Relay', 180, bytes('4d4743 00 1841 03 cc', datagram)],
  ['Juniper Cisco HDLC', 181, bytes('4d4743 00 0f00 0800', datagram)],
  ['Juniper PPPoE', 167, bytes('4d4743 01', ethernet('8864 1100 0001 0023 0021', datagram))],
  ['Juniper PPPoE over ATM', 168, bytes('4d4743 01 8864 1100 0001 0023 0021', datagram)],
  ['Juniper ATM1', 137, bytes('4d4743 01 00000064 aaaa03 000000 0800', datagram)],
  ['Juniper ATM2', 135, bytes('4d4743 01 0000000000640000 aaaa03 000000 0800', datagram)],
  ['Juniper multilink PPP with a cookie', 130, bytes('4d4743 01 0102 ff03 0021', datagram)],
  ['Juniper multilink PPP of link services', 130, bytes('4d4743 01 54010000 0021', datagram)],
  ['Juniper multilink PPP of a services card', 130, bytes('4d4743 01 47000000 00000008', datagram)],
  ['Juniper multilink Frame Relay', 131, bytes('4d4743 01 0102 03cc', datagram)],
  ['Juniper services', 136, bytes('4d4743 01 4700000000000008', datagram)],
  ['Juniper monitor', 164, bytes('4d4743 01 0100000100000001', datagram)],
  ['Juniper GGSN', 133, bytes('4d4743 01 0100 02 00 0064 0000', datagram)],
  ['Juniper encryption services', 132, bytes('4d4743 01 0001 40 03 00001000 c0000201 c0000202', datagram)],
];
