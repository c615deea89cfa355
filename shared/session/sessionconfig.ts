/**
 * Settings of the session tracker, with Zeek 8's values as defaults (scripts/base/init-bare.zeek,
 * base/protocols/conn/inactivity.zeek, and the ports that its default scripts register as likely servers). All times
 * are microseconds and greater than 0; some may be 0, for "never".
 */
import { UDP_SERVER_PORTS } from '../packet/protocols.ts';

/** Settings of a session tracker. Two runs with equal settings give equal sessions. */
export interface SessionConfig {
  /** Idle time that ends a TCP session (tcp_inactivity_timeout). */
  tcpInactivityUs: number;
  /** Idle time that ends a TCP session of which only SYNs are known (Zeek uses its UDP value here). */
  tcpHandshakeInactivityUs: number;
  /** Idle time that ends a UDP session (udp_inactivity_timeout). */
  udpInactivityUs: number;
  /** Idle time that ends an ICMP session (icmp_inactivity_timeout). */
  icmpInactivityUs: number;
  /** Idle time that ends a session of any other IP protocol (unknown_ip_inactivity_timeout). */
  otherInactivityUs: number;
  /** Idle time for established TCP on `longPorts` and for sessions that look like SSH or FTP. */
  longInactivityUs: number;
  /** Responder ports of interactive services. */
  longPorts: readonly number[];
  /** A SYN without any answer ends after this (tcp_attempt_delay). */
  tcpAttemptDelayUs: number;
  /** From the last close to the end of the session (tcp_close_delay). */
  tcpCloseDelayUs: number;
  /**
   * From a reset after a FIN to the end (tcp_reset_delay). 0 = never: as with partial closes,
   * Zeek 8.2 arms this timer only for scripts that ask for its event.
   */
  tcpResetDelayUs: number;
  /**
   * From the FIN of a side that was silent before to the end, while the other side stays open
   * (tcp_partial_close_delay). 0 = never: Zeek arms this timer only for scripts that ask for its event, and no default script does.
   */
  tcpPartialCloseDelayUs: number;
  /** Time from a TCP session's first packet to the first check whether it has ended unnoticed (tcp_SYN_timeout). */
  tcpSynTimeoutUs: number;
  /** Interval of the checks after that (tcp_session_timer). */
  tcpSessionTimerUs: number;
  /** Silence that such a check requires (tcp_connection_linger). */
  tcpLingerUs: number;
  /**
   * Responder ports of DNS over UDP (DNS, NetBIOS names, mDNS, LLMNR). Zeek's DNS parser checks such a session every
   * dns_session_timeout and ends it if it has been silent for that time less one second.
   */
  dnsPorts: readonly number[];
  /** dns_session_timeout; 0 = DNS sessions are UDP sessions like others. */
  dnsTimeoutUs: number;
  /** Ports of likely servers, when the first packet does not show which end is the originator (likely_server_ports). */
  likelyServerPorts: { tcp: readonly number[]; udp: readonly number[] };
}

const SECOND = 1_000_000;

/** Zeek's values. */
export const DEFAULTS: SessionConfig = {
  tcpInactivityUs: 300 * SECOND,
  tcpHandshakeInactivityUs: 60 * SECOND,
  udpInactivityUs: 60 * SECOND,
  icmpInactivityUs: 60 * SECOND,
  otherInactivityUs: 60 * SECOND,
  longInactivityUs: 3600 * SECOND,
  longPorts: [21, 22, 23, 513],
  tcpAttemptDelayUs: 5 * SECOND,
  tcpCloseDelayUs: 5 * SECOND,
  tcpResetDelayUs: 0,
  tcpPartialCloseDelayUs: 0,
  tcpSynTimeoutUs: 5 * SECOND,
  tcpSessionTimerUs: 6 * SECOND,
  tcpLingerUs: 5 * SECOND,
  dnsPorts: [53, 137, 5353, 5355],
  dnsTimeoutUs: 10 * SECOND,
  likelyServerPorts: {
    tcp: [
      21, 22, 25, 53, 79, 80, 81, 88, 135, 139, 143, 389, 443, 445, 465, 502, 563, 585, 587, 614, 631, 636, 989, 990,
      992, 993, 995, 1080, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432, 6379, 6666, 6667, 6668,
      6669, 8000, 8080, 8888, 20000,
    ],
    udp: UDP_SERVER_PORTS,
  },
};

/** Times that may be 0, for "never". */
const OPTIONAL_TIMES = new Set(['tcpResetDelayUs', 'tcpPartialCloseDelayUs', 'dnsTimeoutUs']);

/** @throws RangeError with the name of the first duration that is not greater than 0 */
export function checkConfig(config: SessionConfig): void {
  for (const [name, value] of Object.entries(config)) {
    if (typeof value !== 'number' || value > 0 || (value === 0 && OPTIONAL_TIMES.has(name))) continue;
    throw new RangeError(`session configuration: ${name} must be greater than 0, is ${value}`);
  }
}

/** portRoles bit: a likely TCP server. */
export const ROLE_TCP_SERVER = 1;
/** portRoles bit: a likely UDP server. */
export const ROLE_UDP_SERVER = 2;
/** portRoles bit: established TCP to this port may be idle for long. */
export const ROLE_LONG = 4;

/** portRoles bit: a DNS responder. */
export const ROLE_DNS = 8;
/** portRoles bit: an NTP responder. */
export const ROLE_NTP = 16;
const NTP_PORT = 123;

/** The port lists of a configuration as one table of ROLE_* bits, indexed by port. */
export function portRoles(config: SessionConfig): Uint8Array {
  const roles = new Uint8Array(65536);
  for (const port of config.likelyServerPorts.tcp) roles[port] |= ROLE_TCP_SERVER;
  for (const port of config.likelyServerPorts.udp) roles[port] |= ROLE_UDP_SERVER;
  for (const port of config.longPorts) roles[port] |= ROLE_LONG;
  for (const port of config.dnsPorts) roles[port] |= ROLE_DNS;
  roles[NTP_PORT] |= ROLE_NTP;
  return roles;
}
