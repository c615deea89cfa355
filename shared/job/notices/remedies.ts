/** What can be done where packets end outside sessions, by the reason that a job's summary names. */

import { FATES, type FateName } from '../../packet/fate.ts';

const CUT = 'the frames are cut too short: capture with a larger snaplen (tcpdump -s 0)';
const NO_HEADER = 'not the headers that these bytes should be: flowstitch inspect CAPTURE -n 5 shows some of them';
const TUNNEL = 'the tunnel carries something else than IP, or a form of it that is not decoded: docs/decoding.md';

/** By name of the fate (shared/packet/fate.ts). */
const BY_FATE: Readonly<Record<string, string>> = {
  truncated_ethernet_frame: CUT,
  truncated_VLAN_header: CUT,
  truncated_link_header: CUT,
  truncated_pppoe_header: CUT,
  truncated_ppp_header: CUT,
  truncated_Linux_SLL_header: CUT,
  truncated_Linux_SLL2_header: CUT,
  truncated_snap_llc_header: CUT,
  truncated_snap_header: CUT,
  truncated_IP: CUT,
  internally_truncated_header: CUT,
  truncated_vntag_header: CUT,
  truncated_PBB_header: CUT,
  truncated_802_11_header: CUT,
  truncated_802_11_llc_header: CUT,
  truncated_802_11_amsdu_header: CUT,
  truncated_radiotap_header: CUT,
  truncated_nflog_header: CUT,
  truncated_PPI_header: CUT,
  truncated_GRE: CUT,
  truncated_inner_IP: CUT,
  incompletely_captured_fragment: CUT,
  truncated_header: NO_HEADER,
  unknown_ip_version: NO_HEADER,
  invalid_IP_header_size: NO_HEADER,
  IPv4_min_header_size: NO_HEADER,
  invalid_inner_IP_version: NO_HEADER,
  null_analyzer_failed: NO_HEADER,
  FDDI_analyzer_failed: NO_HEADER,
  implausible_IP_header: NO_HEADER,
  unknown_gre_version: TUNNEL,
  unknown_gre_flags: TUNNEL,
  gre_routing: TUNNEL,
  egre_protocol_type: TUNNEL,
  non_ip_packet_in_encap: TUNNEL,
  protected_802_11: 'encrypted: decrypt the capture first (airdecap-ng, or tshark with the keys)',
  implausible_after_damage: 'the capture is damaged before them: take it from its source again',
  exceeded_tunnel_max_depth: 'more tunnels within each other than are unpacked: docs/limits.md',
  max_packet_analyzer_depth_exceeded: 'more headers within each other than are decoded: docs/limits.md',
};

const FRAGMENTS = 'other fragments of their datagrams are in none of the captures: add the captures that hold them';
const LINK_TYPE = 'not decoded: capture on another interface, or convert it; docs/decoding.md lists the link types';
const ENCRYPTED = 'encrypted: capture where the traffic is not';
const HIDDEN = 'not decoded, though IP may be behind it: docs/decoding.md lists what is';

/** The reason of fragments whose datagrams never became whole. */
export const INCOMPLETE = 'fragments_incomplete';

/** What can be done about packets of a reason: the name of a fate, INCOMPLETE, or of what is not decoded. */
export function remedyOf(reason: string): string {
  if (reason === INCOMPLETE) return FRAGMENTS;
  if (reason.startsWith('link_type_') || reason === 'unknown_link_type') return LINK_TYPE;
  if (FATES.includes(reason as FateName)) return BY_FATE[reason] ?? whereTheyAre(reason);
  return /MACsec|encryption/.test(reason) ? ENCRYPTED : HIDDEN;
}

function whereTheyAre(reason: string): string {
  return `flowstitch sql "select * from anomalies where name = '${reason}'" shows where they are`;
}
