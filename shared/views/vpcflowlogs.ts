/**
 * The sessions as VPC Flow Logs: all fields up to version 5, under the names and types
 * of its Parquet files (docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html).
 * One row per direction, as in a flow log; a direction without packets has no row.
 *
 * Fields that are not in a capture are written as AWS writes a field that could not be
 * computed: '-', and NULL in numeric columns. Three fields are derived from the
 * packets, and each column's description says how: action, tcp_flags and flow_direction.
 */
import { isIpv6, LOCATED_SESSIONS, text, unixSeconds } from './expressions.ts';
import { type ViewColumn, view } from './view.ts';

/** The one of two columns for this row's direction. */
function either(fromOriginator: string, fromResponder: string): string {
  return `CASE WHEN from_orig THEN ${fromOriginator} ELSE ${fromResponder} END`;
}

function unknown(name: string, what: string): ViewColumn {
  return { name, type: 'VARCHAR', sql: text('-'), description: `${what}: always '-'` };
}

const SOURCE = either('orig_h', 'resp_h');
const DESTINATION = either('resp_h', 'orig_h');

/** A port as in flow logs: 0 in protocols without ports. */
function portOf(fromOriginator: string, fromResponder: string): string {
  return `CASE WHEN proto NOT IN ('tcp', 'udp', 'sctp') THEN 0 WHEN from_orig THEN ${fromOriginator} ELSE ${fromResponder} END`;
}

/**
 * FIN 1, SYN 2, RST 4 are the low three bits of TCP's flags. ACK (16) counts only as part of a SYN-ACK,
 * which the history distinguishes from a SYN followed by ACKs.
 */
const TCP_FLAGS = `CASE WHEN from_orig
    THEN coalesce(mod(orig_tcp_flags, 8), 0) + CASE WHEN proto = 'tcp' AND strpos(history, 'H') > 0 THEN 16 ELSE 0 END
    ELSE coalesce(mod(resp_tcp_flags, 8), 0) + CASE WHEN proto = 'tcp' AND strpos(history, 'h') > 0 THEN 16 ELSE 0 END
  END`;

const ACTION = `CAST(CASE WHEN proto = 'tcp' AND conn_state IN ('S0', 'REJ', 'RSTOS0', 'SH')
    THEN 'REJECT' ELSE 'ACCEPT' END AS VARCHAR)`;

const FLOW_DIRECTION = `CAST(CASE WHEN local_orig = local_resp THEN '-'
    WHEN local_orig = from_orig THEN 'egress' ELSE 'ingress' END AS VARCHAR)`;

const COLUMNS: readonly ViewColumn[] = [
  { name: 'version', type: 'INTEGER', sql: '5', description: 'Version of the flow log: 5' },
  unknown('account_id', "The owner's account"),
  unknown('interface_id', 'The network interface'),
  { name: 'srcaddr', type: 'VARCHAR', sql: SOURCE, description: 'Source address' },
  { name: 'dstaddr', type: 'VARCHAR', sql: DESTINATION, description: 'Destination address' },
  {
    name: 'srcport',
    type: 'INTEGER',
    sql: portOf('orig_p', 'resp_p'),
    description: 'Source port; 0 in protocols without ports',
  },
  {
    name: 'dstport',
    type: 'INTEGER',
    sql: portOf('resp_p', 'orig_p'),
    description: 'Destination port; 0 in protocols without ports',
  },
  { name: 'protocol', type: 'INTEGER', sql: 'ip_proto', description: 'Number of the IP protocol' },
  { name: 'packets', type: 'BIGINT', sql: either('orig_pkts', 'resp_pkts'), description: 'Packets sent this way' },
  {
    name: 'bytes',
    type: 'BIGINT',
    sql: either('orig_ip_bytes', 'resp_ip_bytes'),
    description: 'IP bytes sent this way, headers included',
  },
  {
    name: 'start',
    type: 'BIGINT',
    sql: unixSeconds('ts_ns'),
    description: "Unix seconds of the session's first packet, of either direction",
  },
  {
    name: 'end',
    type: 'BIGINT',
    sql: unixSeconds('end_ns'),
    description: 'Unix seconds of its last packet, of either direction; a keyword of SQL: write `"end"`',
  },
  {
    name: 'action',
    type: 'VARCHAR',
    sql: ACTION,
    description:
      'REJECT for TCP attempts that were refused or never answered (S0, REJ, RSTOS0, SH), as a denied connection looks on the wire; otherwise ACCEPT. The rules of security groups and network ACLs are not in a capture',
  },
  { name: 'log_status', type: 'VARCHAR', sql: text('OK'), description: "Always 'OK'" },
  unknown('vpc_id', 'The VPC'),
  unknown('subnet_id', 'The subnet'),
  unknown('instance_id', 'The instance'),
  {
    name: 'tcp_flags',
    type: 'INTEGER',
    sql: TCP_FLAGS,
    description: 'OR of FIN 1, SYN 2, RST 4 sent this way, plus 16 for a SYN-ACK; 0 outside TCP',
  },
  {
    name: 'type',
    type: 'VARCHAR',
    sql: `CAST(CASE WHEN ${isIpv6('orig_h')} THEN 'IPv6' ELSE 'IPv4' END AS VARCHAR)`,
    description: 'IPv4 or IPv6',
  },
  { name: 'pkt_srcaddr', type: 'VARCHAR', sql: SOURCE, description: "The packets' source address: that of srcaddr" },
  {
    name: 'pkt_dstaddr',
    type: 'VARCHAR',
    sql: DESTINATION,
    description: "The packets' destination address: that of dstaddr",
  },
  unknown('region', 'The region'),
  unknown('az_id', 'The availability zone'),
  unknown('sublocation_type', 'Kind of sublocation'),
  unknown('sublocation_id', 'The sublocation'),
  unknown('pkt_src_aws_service', 'AWS service of the source'),
  unknown('pkt_dst_aws_service', 'AWS service of the destination'),
  {
    name: 'flow_direction',
    type: 'VARCHAR',
    sql: FLOW_DIRECTION,
    description:
      "egress from a local address to one that is not, ingress the other way; '-' where both are local or neither is",
  },
  { name: 'traffic_path', type: 'INTEGER', sql: 'CAST(NULL AS INTEGER)', description: 'Always NULL' },
];

const DIRECTIONS = `(
  SELECT *
  FROM ${LOCATED_SESSIONS.replaceAll('\n', '\n  ')}
  CROSS JOIN (VALUES (TRUE), (FALSE)) AS direction (from_orig)
  WHERE CASE WHEN from_orig THEN orig_pkts ELSE resp_pkts END > 0
) AS directions`;

export const VPC_FLOW_LOGS = view(
  'vpc_flow_logs',
  'VPC Flow Logs, fields of version 5: one row per direction of a session, if it has packets.',
  COLUMNS,
  DIRECTIONS,
);
