/** Expressions shared by several views: times, local addresses, protocol names. */

/** Whole Unix seconds of a column with nanoseconds. Exact: the dividend is a multiple of the divisor. */
export function unixSeconds(ns: string): string {
  return `CAST((${ns} - mod(${ns}, 1000000000)) / 1000000000 AS BIGINT)`;
}

/** Whole Unix milliseconds of a column with nanoseconds, exact too. */
export function unixMilliseconds(ns: string): string {
  return `CAST((${ns} - mod(${ns}, 1000000)) / 1000000 AS BIGINT)`;
}

/**
 * A column with nanoseconds as TIMESTAMP cut to the millisecond, as `ts` is. Days and the rest of the
 * day are added separately, because DuckDB multiplies intervals by 32-bit numbers only.
 */
export function timestamp(ns: string): string {
  const days = `CAST((${ns} - mod(${ns}, 86400000000000)) / 86400000000000 AS INTEGER)`;
  const rest = `CAST((mod(${ns}, 86400000000000) - mod(${ns}, 1000000)) / 1000000 AS INTEGER)`;
  return `CAST(TIMESTAMP '1970-01-01 00:00:00.000' + ${days} * INTERVAL '1' DAY + ${rest} * INTERVAL '0.001' SECOND AS TIMESTAMP)`;
}

/** A constant text. */
export function text(value: string): string {
  return `CAST('${value}' AS VARCHAR)`;
}

/** A column that is always NULL. */
export const NULL_TEXT = 'CAST(NULL AS VARCHAR)';

/**
 * Prefixes of the addresses that Zeek considers local by default (Site::private_address_space:
 * the blocks of IANA's special-purpose registries that are not routed), as regular expressions over
 * canonical text. The IPv6 ones end with 6to4 addresses (2002::/16) around such IPv4 blocks.
 */
const LOCAL_ADDRESSES = [
  '0[.]',
  '10[.]',
  '100[.](6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])[.]',
  '127[.]',
  '169[.]254[.]',
  '172[.](1[6-9]|2[0-9]|3[01])[.]',
  '192[.]0[.][02][.]',
  '192[.]168[.]',
  '198[.]1[89][.]',
  '198[.]51[.]100[.]',
  '203[.]0[.]113[.]',
  '2[45][0-9][.]',
  '::1?$',
  '64:ff9b:1:',
  '100::([0-9a-f]+(:[0-9a-f]+){0,3})?$',
  '2001:(:|1?[0-9a-f]{1,2}:|db8:)',
  'f[cd][0-9a-f]{2}:',
  'fe[89ab][0-9a-f]:',
  '2002:(:|a?[0-9a-f]{1,2}:|64[4-7][0-9a-f]:|7f[0-9a-f]{2}:|a9fe:|ac1[0-9a-f]:|c0a8:|c61[23]:|f[0-9a-f]{3}:)',
  '2002:c000:(:|2?[0-9a-f]{1,2}:)',
  '2002:c633:64[0-9a-f]{2}:',
  '2002:cb00:71[0-9a-f]{2}:',
];

/** Whether an address column has an address that Zeek considers local by default. */
function isLocal(address: string): string {
  return `coalesce(regexp_extract(${address}, '^(${LOCAL_ADDRESSES.join('|')})'), '') <> ''`;
}

/** The sessions with two additional columns, as in Zeek's conn.log: local_orig and local_resp. */
export const LOCATED_SESSIONS = `(
  SELECT *, ${isLocal('orig_h')} AS local_orig, ${isLocal('resp_h')} AS local_resp
  FROM sessions
) AS located`;

/** Whether an address column holds an IPv6 address. */
export function isIpv6(address: string): string {
  return `strpos(${address}, ':') > 0`;
}

/** A port, or NULL where the column holds something else: types and codes of ICMP, nothing. */
export function port(column: string): string {
  return `CASE WHEN proto IN ('tcp', 'udp', 'sctp') THEN ${column} END`;
}

/** The protocol's keyword in IANA's registry, lower case; NULL for rare ones. */
export const PROTOCOL_KEYWORD = `CASE ip_proto
    WHEN 1 THEN 'icmp' WHEN 2 THEN 'igmp' WHEN 4 THEN 'ipv4' WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp'
    WHEN 41 THEN 'ipv6' WHEN 46 THEN 'rsvp' WHEN 47 THEN 'gre' WHEN 50 THEN 'esp' WHEN 51 THEN 'ah'
    WHEN 58 THEN 'ipv6-icmp' WHEN 88 THEN 'eigrp' WHEN 89 THEN 'ospfigp' WHEN 103 THEN 'pim'
    WHEN 112 THEN 'vrrp' WHEN 115 THEN 'l2tp' WHEN 132 THEN 'sctp' WHEN 136 THEN 'udplite' END`;

/** OR of two columns of TCP flags, bit by bit: the engines have no common operator or function for it. */
export function bitwiseOr(a: string, b: string): string {
  const bits = [1, 2, 4, 8, 16, 32, 64, 128, 256];
  const terms = bits.map(
    (bit) => `CASE WHEN mod(${a}, ${2 * bit}) >= ${bit} OR mod(${b}, ${2 * bit}) >= ${bit} THEN ${bit} ELSE 0 END`,
  );
  return `CASE WHEN ${a} IS NOT NULL THEN ${terms.join(' + ')} END`;
}
