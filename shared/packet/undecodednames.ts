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

/** Bits of a space; the organisation code stands above them. */
const SPACE_BITS = 4;

/** The space of an organisation's SNAP protocols. @param organisation code, 24 bits */
export function snapSpace(organisation: number): number {
  return SPACE_SNAP | (organisation << SPACE_BITS);
}

const ETHER_TYPES: Readonly<Record<number, string>> = {
  39: 'PVST',
  512: 'PUP',
  1536: 'XNS',
  2048: 'IPv4',
  2054: 'ARP',
  2114: 'wake_on_LAN',
  8944: 'AVTP',
  8947: 'TRILL',
  8938: 'MSRP',
  24578: 'DEC_MOP_remote_console',
  24579: 'DECnet',
  24580: 'DEC_LAT',
  25944: 'Ethernet',
  32821: 'RARP',
  32923: 'AppleTalk',
  33011: 'AppleTalk_ARP',
  33079: 'IPX',
  34525: 'IPv6',
  34824: 'flow_control',
  34825: 'slow_protocols_LACP',
  34827: 'PPP',
  34887: 'MPLS',
  34915: 'PPPoE_discovery',
  34932: 'Broadcom_tag',
  34939: 'HomePlug',
  34958: '802.1X',
  34962: 'PROFINET',
  34969: 'Realtek_loop_detection',
  34970: 'HyperSCSI',
  34978: 'ATA_over_Ethernet',
  34980: 'EtherCAT',
  34987: 'POWERLINK',
  34997: 'local_experiment_1',
  34998: 'local_experiment_2',
  34999: 'organisation_extended',
  35000: 'GOOSE',
  35001: 'GSE',
  35002: 'IEC_61850_sampled_values',
  35015: 'pre_authentication',
  35020: 'LLDP',
  35021: 'SERCOS_III',
  35033: 'LLTD',
  35041: 'HomePlug_AV',
  35043: 'MRP',
  35045: 'MACsec',
  35061: 'MVRP',
  35062: 'MMRP',
  35063: 'PTP',
  35064: 'NC_SI',
  35067: 'PRP_supervision',
  35074: '802.1ag_CFM',
  35078: 'FCoE',
  35085: '802.11_TDLS',
  35092: 'FCoE_initialization',
  35093: 'RoCE',
  35095: 'media_independent_handover',
  35101: 'TTEthernet',
  35113: 'MSRP_802.1Qbe',
  35119: 'HSR',
  35130: '1905.1',
  35135: '802.1BR_ETag',
  35151: 'NSH',
  35208: 'Cisco_TTag',
  35081: 'Cisco_CMD',
  35122: 'Cisco_management',
  36864: 'loopback_test',
  53899: 'Omnipath',
  56026: 'Marvell_EDSA',
};

const LLC_SAPS: Readonly<Record<number, string>> = {
  0: 'null',
  2: 'LLC_management',
  4: 'SNA_path_control',
  6: 'IP',
  14: 'PROWAY_network_management',
  66: 'STP',
  78: 'EIA_RS511',
  126: 'X25',
  128: 'XNS',
  142: 'PROWAY_active_station',
  152: 'ARP',
  170: 'SNAP',
  175: 'XID',
  224: 'IPX',
  240: 'NetBIOS',
  244: 'LAN_management',
  248: 'remote_load',
  250: 'Ungermann_Bass',
  254: 'OSI_network_layer',
  255: 'global',
  65535: 'Novell_raw_802.3',
};

/** By organisation and protocol, 40 bits. */
const SNAP: Readonly<Record<number, string>> = {
  786690: 'Cisco_DRiP',
  786692: 'Cisco_PAgP',
  786699: 'Cisco_PVST',
  786700: 'Cisco_VLAN_bridge',
  786705: 'Cisco_UDLD',
  794624: 'Cisco_CDP',
  794627: 'Cisco_VTP',
  794628: 'Cisco_DTP',
  794634: 'Cisco_uplink_fast',
  8454508: 'Nortel_SONMP',
  8454561: 'Nortel_SONMP_segment_hello',
  8454562: 'Nortel_SONMP_flat_hello',
  1612513281: 'Cabletron',
  2160197633: 'bridged_Ethernet_with_FCS',
  2160197639: 'bridged_Ethernet',
  2160197646: 'bridged_STP',
  34360230043: 'AppleTalk',
  3760914619: 'Extreme_EDP',
  3763470346: 'Foundry_FDP',
};

const PPP: Readonly<Record<number, string>> = {
  33: 'IPv4',
  41: 'AppleTalk',
  43: 'IPX',
  45: 'compressed_TCP',
  47: 'uncompressed_TCP',
  49: 'bridging',
  61: 'multilink',
  63: 'NetBIOS',
  83: 'encryption',
  87: 'IPv6',
  251: 'compression_of_a_link',
  253: 'compression',
  519: 'Cisco_discovery',
  641: 'MPLS',
  32801: 'IPCP',
  32809: 'AppleTalk_control',
  32811: 'IPX_control',
  32817: 'bridging_control',
  32851: 'encryption_control',
  32855: 'IPv6CP',
  33021: 'CCP',
  33287: 'Cisco_discovery_control',
  33409: 'MPLSCP',
  49185: 'LCP',
  49187: 'PAP',
  49189: 'link_quality_report',
  49195: 'BACP',
  49197: 'BAP',
  49699: 'CHAP',
  49703: 'EAP',
};

const ADDRESS_FAMILIES: Readonly<Record<number, string>> = {
  0: 'unspecified',
  1: 'local',
  3: 'IMP_link',
  7: 'OSI',
  16: 'AppleTalk',
  23: 'IPX',
};

/** By frame type; bits 2 and 3 of the first byte. */
const FRAME_TYPES_802_11 = ['management', 'control', 'data', 'extension'];

const FRAMES_802_11: Readonly<Record<number, string>> = {
  0: 'association_request',
  16: 'association_response',
  32: 'reassociation_request',
  48: 'reassociation_response',
  64: 'probe_request',
  80: 'probe_response',
  128: 'beacon',
  144: 'ATIM',
  160: 'disassociation',
  176: 'authentication',
  192: 'deauthentication',
  208: 'action',
  84: 'VHT_NDP_announcement',
  132: 'block_acknowledgement_request',
  148: 'block_acknowledgement',
  164: 'PS_poll',
  180: 'RTS',
  196: 'CTS',
  212: 'acknowledgement',
  72: 'null_data',
  200: 'QoS_null_data',
};

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
      return named(`ethertype_0x${hex(number, 4)}`, ETHER_TYPES[number]);
    case SPACE_LLC:
      return named(`llc_sap_0x${hex(number, 2)}`, LLC_SAPS[number]);
    case SPACE_SNAP: {
      const organisation = space >>> SPACE_BITS;
      const text = `snap_${hex(organisation, 6)}_0x${hex(number, 4)}`;
      return named(text, SNAP[organisation * 0x10000 + number]);
    }
    case SPACE_PPP:
      return named(`ppp_0x${hex(number, 4)}`, PPP[number]);
    case SPACE_IP_PROTOCOL:
      return `ip_protocol_${number}`;
    case SPACE_ADDRESS_FAMILY:
      return named(`address_family_${number}`, ADDRESS_FAMILIES[number]);
    case SPACE_802_11:
      return named(`802.11_0x${hex(number, 2)}`, FRAMES_802_11[number] ?? FRAME_TYPES_802_11[(number >> 2) & 3]);
    default:
      return 'unnamed';
  }
}
