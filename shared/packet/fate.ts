/**
 * Fates of captured records: a closed list. Every record has exactly one fate, that of its innermost packet. The names
 * are also the anomaly names and the metric names; they are Zeek's weird names where Zeek has one.
 */

/**
 * Names of the fates. Add new ones at the end: the summaries of map tasks hold their numbers. Decoders return indexes
 * into this list.
 */
export const FATES = [
  /** Became a row of the packet columns. */
  'session',
  /** Became a row of the fragment columns. */
  'fragment',
  /** Carries no IP: ARP, LLC, discovery and control protocols. */
  'not_ip',
  'unknown_link_type',
  'truncated_ethernet_frame',
  'truncated_link_header_cfp',
  'undefined_ether_type',
  'truncated_VLAN_header',
  'undefined_vlan_protocol',
  'truncated_link_header',
  'truncated_pppoe_header',
  'truncated_ppp_header',
  'null_analyzer_failed',
  'truncated_Linux_SLL_header',
  'truncated_Linux_SLL2_header',
  'truncated_snap_llc_header',
  'truncated_snap_header',
  'truncated_IP',
  'unknown_ip_version',
  'invalid_IP_header_size',
  'internally_truncated_header',
  'IPv4_min_header_size',
  'incompletely_captured_fragment',
  'ipv6_no_next',
  /** The IP payload ends before the transport's ports, or ICMP's type and code. */
  'truncated_header',
  'truncated_vntag_header',
  'truncated_PBB_header',
  'truncated_802_11_header',
  'truncated_802_11_llc_header',
  'truncated_802_11_amsdu_header',
  /** The frame body is encrypted. */
  'protected_802_11',
  'truncated_radiotap_header',
  'truncated_nflog_header',
  'unknown_nflog_version',
  'nflog_bad_tlv_len',
  'nflog_no_pcap_payload',
  'truncated_PPI_header',
  'FDDI_analyzer_failed',
  'truncated_GRE',
  'unknown_gre_version',
  'unknown_gre_flags',
  'gre_routing',
  'egre_protocol_type',
  'non_ip_packet_in_encap',
  'exceeded_tunnel_max_depth',
  'max_packet_analyzer_depth_exceeded',
  'invalid_inner_IP_version',
  'truncated_inner_IP',
  /** A Teredo packet without payload, which keeps the NAT mapping open. */
  'teredo_bubble',
  /** Under a link type of raw IP: it begins like IP, but checksum, lengths or addresses are not those of IP. */
  'implausible_IP_header',
  /** Behind damage, and years from the capture's other times: perhaps no record at all. It is not decoded. */
  'implausible_after_damage',
] as const;

export type FateName = (typeof FATES)[number];

export const FATE_SESSION = 0;
export const FATE_FRAGMENT = 1;
export const FATE_NOT_IP = 2;

/** Index of a fate by its name: for tables of constants at module level, not for the packet path. */
export function fateOf(name: FateName): number {
  return FATES.indexOf(name);
}

/** Fates that are only counted, without an anomaly. */
const ORDINARY = new Set<FateName>(['session', 'fragment', 'not_ip', 'protected_802_11', 'teredo_bubble']);
const ODD = Uint8Array.from(FATES, (name) => (ORDINARY.has(name) ? 0 : 1));

/** Whether a record of this fate is reported as an anomaly. */
export function isOdd(fate: number): boolean {
  return ODD[fate] === 1;
}
