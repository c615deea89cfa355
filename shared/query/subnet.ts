/**
 * in_subnet(address, subnet): whether an address lies in a subnet, in CIDR notation (RFC 4632, RFC 4291 section 2.3).
 * DuckDB's extension inet would have to be downloaded, so these are macros in SQL. They work on whole columns, and what
 * depends on a constant subnet alone is computed once.
 *
 * An IPv4-mapped address (::ffff:10.1.2.3) is the IPv4 address, as it is in the tables, and a subnet below
 * ::ffff:0:0/96 is one of IPv4. Otherwise an IPv4 address is in no IPv6 subnet, and the reverse. Bits of the subnet's
 * address beyond its length do not count, and without a length it is one address.
 *
 * NULL for NULL, and for an address that is none; an error for a subnet that is none.
 */

const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const DOTTED = `${OCTET}([.]${OCTET}){3}`;
const EIGHT_GROUPS = '([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}';
/** Digits of ::ffff:0:0/96. */
const MAPPED = `${'0'.repeat(20)}ffff`;

/** Evaluates `value` once per row, as `name` in `body`: no other local names of SQL cost as little. */
function using(name: string, value: string, body: string): string {
  return `list_transform([${value}], lambda ${name}: ${body})[1]`;
}

/** Groups that '::' stands for in an address `g`: it has as many others as colons, less one for each end at which '::' is. */
const ABSENT_GROUPS = `8 - (length(g) - length(replace(g, ':', '')) - CAST(starts_with(g, '::') AS INTEGER) - CAST(ends_with(g, '::') AS INTEGER))`;

const ADDRESS = `split_part(subnet, '/', 1)`;

/** A pattern for the 32 digits of the addresses in a subnet: the digits of its prefix, and those that the rest of its bits allow. */
const IN_PREFIX =
  `'^' || left(net, bits // 4) || CASE WHEN bits % 4 = 0 THEN '' ELSE '[' || substr('0123456789abcdef', ` +
  `1 + (CAST('0x' || substr(net, bits // 4 + 1, 1) AS INTEGER) >> (4 - bits % 4) << (4 - bits % 4)), 1 << (4 - bits % 4)) || ']' END`;

/** Statements that create the macros, in order. */
export const SUBNET_MACROS: readonly string[] = [
  // The number of a dotted IPv4 address; NULL for other text.
  `CREATE MACRO ipv4_number(address) AS CASE WHEN regexp_full_match(address, '${DOTTED}') THEN ${using(
    'o',
    `TRY_CAST(string_split(address, '.') AS BIGINT[])`,
    'o[1] * 16777216 + o[2] * 65536 + o[3] * 256 + o[4]',
  )} END`,
  // An IPv6 address without a dotted end.
  `CREATE MACRO ipv6_without_dots(address) AS CASE WHEN contains(address, '.') THEN ${using(
    'n',
    `ipv4_number(regexp_extract(address, '[^:]*$'))`,
    `lower(regexp_replace(address, '[^:]*$', printf('%x:%x', n // 65536, n % 65536)))`,
  )} ELSE lower(address) END`,
  // The 32 hexadecimal digits of an IPv6 address; NULL for other text.
  `CREATE MACRO ipv6_digits(address) AS ${using(
    'e',
    using(
      'g',
      'ipv6_without_dots(address)',
      `CASE WHEN contains(g, '::') THEN trim(replace(g, '::', ':' || repeat('0:', ${ABSENT_GROUPS})), ':') ELSE g END`,
    ),
    `CASE WHEN regexp_full_match(e, '${EIGHT_GROUPS}')
      THEN array_to_string(list_transform(string_split(e, ':'), lambda each: lpad(each, 4, '0')), '') END`,
  )}`,
  `CREATE MACRO ipv4_mapped(digits) AS CASE WHEN starts_with(digits, '${MAPPED}') THEN CAST('0x' || right(digits, 8) AS BIGINT) END`,
  // The number of an IPv4 address, mapped or not; -1 for other IPv6 addresses.
  `CREATE MACRO ipv4_of(address) AS CASE WHEN contains(address, ':') THEN ${using(
    'd',
    'ipv6_digits(address)',
    'CASE WHEN d IS NOT NULL THEN coalesce(ipv4_mapped(d), -1) END',
  )} ELSE ipv4_number(address) END`,
  // The length of a subnet's prefix; NULL for one that is too long.
  `CREATE MACRO subnet_bits(subnet, most) AS CASE WHEN NOT contains(subnet, '/') THEN most
    WHEN regexp_full_match(subnet, '[^/]*/[0-9]{1,3}') THEN
      CASE WHEN CAST(split_part(subnet, '/', 2) AS INTEGER) <= most THEN CAST(split_part(subnet, '/', 2) AS INTEGER) END END`,
  'CREATE MACRO in_ipv4_subnet(address, net, bits) AS (ipv4_of(address) >> (32 - bits)) = (net >> (32 - bits))',
  `CREATE MACRO in_ipv6_subnet(address, net, bits) AS CASE WHEN contains(address, ':')
    THEN regexp_matches(ipv6_digits(address), ${IN_PREFIX})
    WHEN ipv4_number(address) IS NOT NULL THEN FALSE END`,
  `CREATE MACRO in_subnet(address, subnet) AS CASE
    WHEN address IS NULL OR subnet IS NULL THEN NULL
    WHEN subnet_bits(subnet, 32) IS NOT NULL AND ipv4_number(${ADDRESS}) IS NOT NULL
    THEN in_ipv4_subnet(address, ipv4_number(${ADDRESS}), subnet_bits(subnet, 32))
    WHEN subnet_bits(subnet, 128) IS NULL OR ipv6_digits(${ADDRESS}) IS NULL
    THEN error('in_subnet: ''' || subnet || ''' is no subnet: write ADDRESS/BITS, such as 10.0.0.0/8 or 2001:db8::/32')
    WHEN subnet_bits(subnet, 128) >= 96 AND ipv4_mapped(ipv6_digits(${ADDRESS})) IS NOT NULL
    THEN in_ipv4_subnet(address, ipv4_mapped(ipv6_digits(${ADDRESS})), subnet_bits(subnet, 128) - 96)
    ELSE in_ipv6_subnet(address, ipv6_digits(${ADDRESS}), subnet_bits(subnet, 128)) END`,
];
