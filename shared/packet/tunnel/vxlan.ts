/**
 * VXLAN (RFC 7348): eight bytes with the network identifier, then an Ethernet frame. Without its flag it is not VXLAN.
 * Linux has used port 8472 before 4789 was assigned, and flannel and Cilium still do; any program may use it, so there
 * all reserved bits of the header have to be zero, but those of a group policy.
 *
 * VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe) has the same header with the protocol that follows in it.
 */
import { FATE_SESSION } from '../fate.ts';
import { ETHERNET } from '../link/ethernet.ts';
import { followsBy } from '../link/tag/nsh.ts';
import { capturedFrom, int32, type PacketCursor } from '../packetcursor.ts';
import { type TunnelKind, udpTunnel } from '../protocol.ts';
import { LAYER_HAS_ID } from '../tunnellayers.ts';

const KIND: TunnelKind = { number: 5, name: 'vxlan', id: 'vni', isNetwork: true };
const GPE_KIND: TunnelKind = { number: 10, name: 'vxlan-gpe', id: 'vni', isNetwork: true };

export const VXLAN = udpTunnel({
  name: 'VXLAN',
  udpPorts: [4789],
  notes: 'further ports with `--vxlan-port`',
  kinds: [KIND],
  decode: vxlan,
});

export const VXLAN_OF_LINUX = udpTunnel({
  name: 'VXLAN on Linux’s port',
  udpPorts: [8472],
  isUnknownToZeek: true,
  notes: 'with all reserved bits zero; more than Zeek reads',
  kinds: [KIND],
  decode: vxlanOfLinux,
});

export const VXLAN_GPE = udpTunnel({
  name: 'VXLAN-GPE',
  udpPorts: [4790],
  isUnknownToZeek: true,
  notes: 'with IP, Ethernet, NSH, MPLS; more than Zeek reads',
  kinds: [GPE_KIND],
  decode: gpe,
});

const VNI = 4;
const RESERVED = 7;
const HEADER = 8;
/** The identifier is valid. */
const FLAG = 0x08;
/** First four bytes with a group policy: its flags and the group may be set too. */
const GROUP_POLICY = 0x80;
const NEVER_SET = 0x77ffffff;
const NEVER_SET_WITH_GROUP = 0x77b70000;

/** Bits of the first four bytes of VXLAN-GPE: version, OAM, and reserved ones. */
const GPE_NEVER_SET = 0xf1ffff00 | 0;
const GPE_HAS_PROTOCOL = 0x04;
const GPE_PROTOCOL = 3;

/** @returns the code of the frame's protocol, or the complement of FATE_SESSION for a datagram that is not VXLAN */
function vxlan(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < HEADER || (bytes[pos] & FLAG) === 0) return ~FATE_SESSION;
  if (capturedFrom(c) === HEADER) {
    c.odd('vxlan_empty_packet', '');
    return ~FATE_SESSION;
  }
  return behindHeader(c, KIND.number | LAYER_HAS_ID, ETHERNET.code);
}

function behindHeader(c: PacketCursor, kind: number, next: number): number {
  c.tunnelKind = kind;
  c.tunnelId = int32(c.bytes, c.pos + VNI) >>> 8;
  c.pos += HEADER;
  return next;
}

function vxlanOfLinux(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos <= HEADER) return ~FATE_SESSION;
  const neverSet = (bytes[pos] & GROUP_POLICY) === 0 ? NEVER_SET : NEVER_SET_WITH_GROUP;
  if ((int32(bytes, pos) & neverSet) !== 0 || bytes[pos + RESERVED] !== 0) return ~FATE_SESSION;
  return vxlan(c);
}

/** As vxlan. */
function gpe(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos <= HEADER) return ~FATE_SESSION;
  if ((int32(bytes, pos) & GPE_NEVER_SET) !== 0 || bytes[pos + RESERVED] !== 0) return ~FATE_SESSION;
  const hasNumber = (bytes[pos] & FLAG) !== 0;
  const protocol = bytes[pos + GPE_PROTOCOL];
  let next = -1;
  if ((bytes[pos] & GPE_HAS_PROTOCOL) !== 0) next = followsBy(protocol);
  else if (hasNumber && protocol === 0) next = ETHERNET.code;
  if (next < 0) return ~FATE_SESSION;
  return behindHeader(c, hasNumber ? GPE_KIND.number | LAYER_HAS_ID : GPE_KIND.number, next);
}
