/**
 * What became of a captured record: a closed list. Every record has exactly one
 * fate, that of its innermost packet. The names are also the anomaly names and
 * the metric names; where Zeek has a weird name for the same thing, it is that one.
 */

/** Names of the fates; decoders return indexes into this list. */
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
  'truncated_IP_len',
  'invalid_IP_header_size',
  'internally_truncated_header',
  'IPv4_min_header_size',
  'incompletely_captured_fragment',
  'ipv6_no_next',
  /** IPv6 ESP and mobility headers end what can be read; Zeek makes no connection of them. */
  'ipv6_esp',
  'ipv6_mobility',
  /** The IP payload is shorter than the transport's fixed header. */
  'truncated_header',
] as const;

export type FateName = (typeof FATES)[number];

export const FATE_SESSION = 0;
export const FATE_FRAGMENT = 1;
export const FATE_NOT_IP = 2;

/** Index of a fate by its name: for tables of constants at module level, not for the packet path. */
export function fateOf(name: FateName): number {
  return FATES.indexOf(name);
}
