/**
 * Names of what is not decoded: the space of the number, the number, and what is commonly meant by it (registries of
 * IANA and IEEE 802, tcpdump.org's link types). Users grep these names.
 */
import { linkTypeName } from '../capture/linktypes.ts';

/** Number spaces; 0 is none. Results of map tasks hold them: they are never changed. */
export const SPACE_LINK_TYPE = 1;
export const SPACE_ETHER_TYPE = 2;
/** Destination service access point of LLC; 0xFFFF for Novell's frames, which have none. */
export const SPACE_LLC = 3;
/** SNAP protocol; with snapSpace() that of an organisation. */
export const SPACE_SNAP = 4;
export const SPACE_PPP = 5;
export const SPACE_IP_PROTOCOL = 6;
/** AF_* of the capturing host. */
export const SPACE_ADDRESS_FAMILY = 7;
/** First byte of a frame's control field. */
export const SPACE_802_11 = 8;
/** First byte behind the bottom label. */
export const SPACE_MPLS = 9;
/** Type of an associated channel (RFC 5586). */
export const SPACE_CHANNEL = 10;
/** Frame control. */
export const SPACE_FDDI = 11;
/** Next protocol of a network service header. */
export const SPACE_NSH = 12;
/** Network layer protocol identifier (ISO/IEC TR 9577). */
export const SPACE_NLPID = 13;
/** Type of an ERF record. */
export const SPACE_ERF = 14;

/** Bits of a space; the organisation code stands above them. */
const SPACE_BITS = 4;

/** The space of an organisation's SNAP protocols. @param organisation code, 24 bits */
export function snapSpace(organisation: number): number {
  return SPACE_SNAP | (organisation << SPACE_BITS);
}

const ETHER_TYPES = new Map([
  [0x0027, 'PVST'],
  [0x0200, 'PUP'],
  [0x0600, 'XNS'],
  [0x0800, 'IPv4'],
  [0x0806, 'ARP'],
  [0x0842, 'wake_on_LAN'],
  [0x22ea, 'MSRP'],
  [0x22f0, 'AVTP'],
  [0x22f3, 'TRILL'],
  [0x6002, 'DEC_MOP_remote_console'],
  [0x6003, 'DECnet'],
  [0x6004, 'DEC_LAT'],
  [0x6558, 'Ethernet'],
  [0x8035, 'RARP'],
  [0x809b, 'AppleTalk'],
  [0x80f3, 'AppleTalk_ARP'],
  [0x8137, 'IPX'],
  [0x86dd, 'IPv6'],
  [0x8808, 'flow_control'],
  [0x8809, 'slow_protocols_LACP'],
  [0x880b, 'PPP'],
  [0x8847, 'MPLS'],
  [0x8863, 'PPPoE_discovery'],
  [0x8874, 'Broadcom_tag'],
  [0x887b, 'HomePlug'],
  [0x888e, '802.1X'],
  [0x8892, 'PROFINET'],
  [0x8899, 'Realtek_loop_detection'],
  [0x889a, 'HyperSCSI'],
  [0x88a2, 'ATA_over_Ethernet'],
  [0x88a4, 'EtherCAT'],
  [0x88ab, 'POWERLINK'],
  [0x88b5, 'local_experiment_1'],
  [0x88b6, 'local_experiment_2'],
  [0x88b7, 'organisation_extended'],
  [0x88b8, 'GOOSE'],
  [0x88b9, 'GSE'],
  [0x88ba, 'IEC_61850_sampled_values'],
  [0x88c7, 'pre_authentication'],
  [0x88cc, 'LLDP'],
  [0x88cd, 'SERCOS_III'],
  [0x88d9, 'LLTD'],
  [0x88e1, 'HomePlug_AV'],
  [0x88e3, 'MRP'],
  [0x88e5, 'MACsec'],
  [0x88f5, 'MVRP'],
  [0x88f6, 'MMRP'],
  [0x88f7, 'PTP'],
  [0x88f8, 'NC_SI'],
  [0x88fb, 'PRP_supervision'],
  [0x8902, '802.1ag_CFM'],
  [0x8906, 'FCoE'],
  [0x8909, 'Cisco_CMD'],
  [0x890d, '802.11_TDLS'],
  [0x8914, 'FCoE_initialization'],
  [0x8915, 'RoCE'],
  [0x8917, 'media_independent_handover'],
  [0x891d, 'TTEthernet'],
  [0x8929, 'MSRP_802.1Qbe'],
  [0x892f, 'HSR'],
  [0x8932, 'Cisco_management'],
  [0x893a, '1905.1'],
  [0x893f, '802.1BR_ETag'],
  [0x894f, 'NSH'],
  [0x8988, 'Cisco_TTag'],
  [0x9000, 'loopback_test'],
  [0xd28b, 'Arista_timestamp'],
  [0xdada, 'Marvell_EDSA'],
]);

const LLC_SAPS = new Map([
  [0x00, 'null'],
  [0x02, 'LLC_management'],
  [0x04, 'SNA_path_control'],
  [0x06, 'IP'],
  [0x0e, 'PROWAY_network_management'],
  [0x42, 'STP'],
  [0x4e, 'EIA_RS511'],
  [0x7e, 'X25'],
  [0x80, 'XNS'],
  [0x8e, 'PROWAY_active_station'],
  [0x98, 'ARP'],
  [0xaa, 'SNAP'],
  [0xaf, 'XID'],
  [0xe0, 'IPX'],
  [0xf0, 'NetBIOS'],
  [0xf4, 'LAN_management'],
  [0xf8, 'remote_load'],
  [0xfa, 'Ungermann_Bass'],
  [0xfe, 'OSI_network_layer'],
  [0xff, 'global'],
  [0xffff, 'Novell_raw_802.3'],
]);

/** By organisation and protocol, 40 bits. */
const SNAP = new Map([
  [0x00000c0102, 'Cisco_DRiP'],
  [0x00000c0104, 'Cisco_PAgP'],
  [0x00000c010b, 'Cisco_PVST'],
  [0x00000c010c, 'Cisco_VLAN_bridge'],
  [0x00000c0111, 'Cisco_UDLD'],
  [0x00000c2000, 'Cisco_CDP'],
  [0x00000c2003, 'Cisco_VTP'],
  [0x00000c2004, 'Cisco_DTP'],
  [0x00000c200a, 'Cisco_uplink_fast'],
  [0x000081016c, 'Nortel_SONMP'],
  [0x00008101a1, 'Nortel_SONMP_segment_hello'],
  [0x00008101a2, 'Nortel_SONMP_flat_hello'],
  [0x00601d0001, 'Cabletron'],
  [0x0080c20001, 'bridged_Ethernet_with_FCS'],
  [0x0080c20007, 'bridged_Ethernet'],
  [0x0080c2000e, 'bridged_STP'],
  [0x080007809b, 'AppleTalk'],
  [0x00e02b00bb, 'Extreme_EDP'],
  [0x00e052000a, 'Foundry_FDP'],
]);

const PPP = new Map([
  // No protocol has an even number: a message of PPTP that only acknowledges has no frame of PPP.
  [0, 'no_frame'],
  [0x0021, 'IPv4'],
  [0x0029, 'AppleTalk'],
  [0x002b, 'IPX'],
  [0x002d, 'compressed_TCP'],
  [0x002f, 'uncompressed_TCP'],
  [0x0031, 'bridging'],
  [0x003d, 'multilink'],
  [0x003f, 'NetBIOS'],
  [0x0053, 'encryption'],
  [0x0057, 'IPv6'],
  [0x00fb, 'compression_of_a_link'],
  [0x00fd, 'compression'],
  [0x0207, 'Cisco_discovery'],
  [0x0281, 'MPLS'],
  [0x8021, 'IPCP'],
  [0x8029, 'AppleTalk_control'],
  [0x802b, 'IPX_control'],
  [0x8031, 'bridging_control'],
  [0x8053, 'encryption_control'],
  [0x8057, 'IPv6CP'],
  [0x80fd, 'CCP'],
  [0x8207, 'Cisco_discovery_control'],
  [0x8281, 'MPLSCP'],
  [0xc021, 'LCP'],
  [0xc023, 'PAP'],
  [0xc025, 'link_quality_report'],
  [0xc02b, 'BACP'],
  [0xc02d, 'BAP'],
  [0xc223, 'CHAP'],
  [0xc227, 'EAP'],
]);

const NLPIDS = new Map([
  [0x08, 'Q933'],
  [0x81, 'CLNP'],
  [0x82, 'ES_IS'],
  [0x83, 'IS_IS'],
  [0xb0, 'compression'],
  [0xb1, 'fragment'],
]);

const ADDRESS_FAMILIES = new Map([
  [0, 'unspecified'],
  [1, 'local'],
  [3, 'IMP_link'],
  [7, 'OSI'],
  [16, 'AppleTalk'],
  [23, 'IPX'],
]);

/** By frame type; bits 2 and 3 of the first byte. */
const FRAME_TYPES_802_11 = ['management', 'control', 'data', 'extension'];

const FRAMES_802_11 = new Map([
  [0x00, 'association_request'],
  [0x10, 'association_response'],
  [0x20, 'reassociation_request'],
  [0x30, 'reassociation_response'],
  [0x40, 'probe_request'],
  [0x50, 'probe_response'],
  [0x80, 'beacon'],
  [0x90, 'ATIM'],
  [0xa0, 'disassociation'],
  [0xb0, 'authentication'],
  [0xc0, 'deauthentication'],
  [0xd0, 'action'],
  [0x54, 'VHT_NDP_announcement'],
  [0x84, 'block_acknowledgement_request'],
  [0x94, 'block_acknowledgement'],
  [0xa4, 'PS_poll'],
  [0xb4, 'RTS'],
  [0xc4, 'CTS'],
  [0xd4, 'acknowledgement'],
  [0x48, 'null_data'],
  [0xc8, 'QoS_null_data'],
]);

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0');
}

function named(number: string, name: string | undefined): string {
  return name === undefined ? number : `${number}_${name}`;
}

/**
 * The name of a number that nothing is decoded of: `ethertype_0x0806_ARP`, `link_type_195_IEEE802_15_4_WITHFCS`,
 * `snap_00000c_0x2000_Cisco_CDP`. It has no comma and no equals sign.
 */
export function undecodedName(space: number, number: number): string {
  switch (space & ((1 << SPACE_BITS) - 1)) {
    case SPACE_LINK_TYPE: {
      const name = linkTypeName(number);
      return named(`link_type_${number}`, name === `LINKTYPE_${number}` ? undefined : name);
    }
    case SPACE_ETHER_TYPE:
      return named(`ethertype_0x${hex(number, 4)}`, ETHER_TYPES.get(number));
    case SPACE_LLC:
      return named(`llc_sap_0x${hex(number, 2)}`, LLC_SAPS.get(number));
    case SPACE_SNAP: {
      const organisation = space >>> SPACE_BITS;
      const text = `snap_${hex(organisation, 6)}_0x${hex(number, 4)}`;
      return named(text, SNAP.get(organisation * 0x10000 + number));
    }
    case SPACE_PPP:
      return named(`ppp_0x${hex(number, 4)}`, PPP.get(number));
    case SPACE_IP_PROTOCOL:
      return `ip_protocol_${number}`;
    case SPACE_ADDRESS_FAMILY:
      return named(`address_family_${number}`, ADDRESS_FAMILIES.get(number));
    case SPACE_802_11:
      return named(`802.11_0x${hex(number, 2)}`, FRAMES_802_11.get(number) ?? FRAME_TYPES_802_11[(number >> 2) & 3]);
    case SPACE_MPLS:
      return `behind_mpls_0x${hex(number, 2)}`;
    case SPACE_CHANNEL:
      return `associated_channel_0x${hex(number, 4)}`;
    case SPACE_FDDI:
      return `fddi_0x${hex(number, 2)}`;
    case SPACE_NSH:
      return `nsh_${number}`;
    case SPACE_NLPID:
      return named(`nlpid_0x${hex(number, 2)}`, NLPIDS.get(number));
    case SPACE_ERF:
      return `erf_type_${number}`;
    default:
      return 'unnamed';
  }
}
