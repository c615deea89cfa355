/**
 * The sessions as OCSF's class Network Activity (4001), version 1.5.0 (schema.ocsf.io).
 * Objects are nested, as in the tables of Security Lake, so that its queries
 * run unchanged: `src_endpoint.ip`, `traffic.bytes`. Views can nest where tables
 * cannot, because their rows are not stored in files.
 */
import { bitwiseOr, isIpv6, LOCATED_SESSIONS, PROTOCOL_KEYWORD, port, text, unixMilliseconds } from './expressions.ts';
import { type RowColumn, type ViewColumn, view } from './view.ts';

/** The activity, from Zeek's connection state; outside TCP always Traffic. */
const ACTIVITY = `CASE
      WHEN proto <> 'tcp' THEN 6
      WHEN conn_state = 'S1' THEN 1
      WHEN conn_state = 'SF' THEN 2
      WHEN conn_state IN ('RSTO', 'RSTR', 'RSTOS0', 'RSTRH') THEN 3
      WHEN conn_state IN ('S0', 'SH') THEN 4
      WHEN conn_state = 'REJ' THEN 5
      ELSE 6 END`;

const ACTIVITY_NAME = `CASE activity_id WHEN 1 THEN 'Open' WHEN 2 THEN 'Close' WHEN 3 THEN 'Reset'
    WHEN 4 THEN 'Fail' WHEN 5 THEN 'Refuse' ELSE 'Traffic' END`;

const DIRECTION = `CASE WHEN local_orig AND local_resp THEN 3 WHEN local_orig THEN 2 WHEN local_resp THEN 1 ELSE 0 END`;

function endpoint(name: string, what: string, address: string, portColumn: string): RowColumn {
  return {
    name,
    description: what,
    fields: [
      { name: 'ip', type: 'VARCHAR', sql: address, description: 'Address' },
      { name: 'port', type: 'INTEGER', sql: port(portColumn), description: 'Port; NULL in protocols without' },
    ],
  };
}

const METADATA: RowColumn = {
  name: 'metadata',
  description: 'About the event itself',
  fields: [
    { name: 'version', type: 'VARCHAR', sql: text('1.5.0'), description: 'Version of OCSF' },
    {
      name: 'product',
      description: 'What wrote the event',
      fields: [
        { name: 'name', type: 'VARCHAR', sql: text('Flowstitch'), description: 'Name' },
        { name: 'vendor_name', type: 'VARCHAR', sql: text('Flowstitch'), description: 'Vendor' },
      ],
    },
  ],
};

const CONNECTION_INFO: RowColumn = {
  name: 'connection_info',
  description: 'The connection',
  fields: [
    { name: 'uid', type: 'VARCHAR', sql: 'uid', description: 'Identifier of the session' },
    { name: 'community_uid', type: 'VARCHAR', sql: 'community_id', description: 'Community ID' },
    { name: 'protocol_num', type: 'INTEGER', sql: 'ip_proto', description: 'Number of the IP protocol' },
    {
      name: 'protocol_name',
      type: 'VARCHAR',
      sql: PROTOCOL_KEYWORD,
      description: "IANA's keyword of it: tcp, udp, icmp, ipv6-icmp, gre, ...; NULL for rare ones",
    },
    {
      name: 'protocol_ver_id',
      type: 'INTEGER',
      sql: `CASE WHEN ${isIpv6('orig_h')} THEN 6 ELSE 4 END`,
      description: '4 or 6',
    },
    {
      name: 'direction_id',
      type: 'INTEGER',
      sql: DIRECTION,
      description: 'From which addresses are local: 1 inbound, 2 outbound, 3 lateral, 0 unknown (neither is)',
    },
    {
      name: 'tcp_flags',
      type: 'INTEGER',
      sql: bitwiseOr('orig_tcp_flags', 'resp_tcp_flags'),
      description: 'OR of the TCP flags, both ways; NULL outside TCP',
    },
    {
      name: 'flag_history',
      type: 'VARCHAR',
      sql: "NULLIF(history, '')",
      description: "Zeek's history letters; NULL where there are none",
    },
  ],
};

const TRAFFIC: RowColumn = {
  name: 'traffic',
  description: 'What was sent: out from source to destination, in back',
  fields: [
    {
      name: 'bytes',
      type: 'BIGINT',
      sql: 'orig_ip_bytes + resp_ip_bytes',
      description: 'IP bytes, headers included, both ways',
    },
    { name: 'bytes_out', type: 'BIGINT', sql: 'orig_ip_bytes', description: 'IP bytes from source to destination' },
    { name: 'bytes_in', type: 'BIGINT', sql: 'resp_ip_bytes', description: 'IP bytes from destination to source' },
    { name: 'bytes_missed', type: 'BIGINT', sql: 'missed_bytes', description: 'Payload bytes missing in gaps' },
    { name: 'packets', type: 'BIGINT', sql: 'orig_pkts + resp_pkts', description: 'Packets, both ways' },
    { name: 'packets_out', type: 'BIGINT', sql: 'orig_pkts', description: 'Packets from source to destination' },
    { name: 'packets_in', type: 'BIGINT', sql: 'resp_pkts', description: 'Packets from destination to source' },
  ],
};

const COLUMNS: readonly ViewColumn[] = [
  METADATA,
  { name: 'category_uid', type: 'INTEGER', sql: '4', description: '4' },
  { name: 'category_name', type: 'VARCHAR', sql: text('Network Activity'), description: 'Network Activity' },
  { name: 'class_uid', type: 'INTEGER', sql: '4001', description: '4001' },
  { name: 'class_name', type: 'VARCHAR', sql: text('Network Activity'), description: 'Network Activity' },
  {
    name: 'activity_id',
    type: 'INTEGER',
    sql: 'activity_id',
    description:
      'For TCP 1 Open (S1), 2 Close (SF), 3 Reset (RSTO, RSTR, RSTOS0, RSTRH), 4 Fail (S0, SH), 5 Refuse (REJ); 6 Traffic for the other states and protocols',
  },
  {
    name: 'activity_name',
    type: 'VARCHAR',
    sql: `CAST(${ACTIVITY_NAME} AS VARCHAR)`,
    description: 'The name of activity_id',
  },
  { name: 'type_uid', type: 'INTEGER', sql: '400100 + activity_id', description: 'class_uid * 100 + activity_id' },
  {
    name: 'type_name',
    type: 'VARCHAR',
    sql: `CAST('Network Activity: ' || ${ACTIVITY_NAME} AS VARCHAR)`,
    description: 'The name of type_uid',
  },
  { name: 'severity_id', type: 'INTEGER', sql: '1', description: '1, informational' },
  {
    name: 'status_id',
    type: 'INTEGER',
    sql: 'CASE WHEN activity_id IN (1, 2) THEN 1 WHEN activity_id IN (4, 5) THEN 2 ELSE 0 END',
    description: '1 success for Open and Close, 2 failure for Fail and Refuse, 0 unknown for the others',
  },
  { name: 'time', type: 'BIGINT', sql: unixMilliseconds('ts_ns'), description: 'Start, Unix milliseconds' },
  { name: 'start_time', type: 'BIGINT', sql: unixMilliseconds('ts_ns'), description: 'Start, Unix milliseconds' },
  { name: 'end_time', type: 'BIGINT', sql: unixMilliseconds('end_ns'), description: 'Last packet, Unix milliseconds' },
  {
    name: 'duration',
    type: 'BIGINT',
    sql: unixMilliseconds('(end_ns - ts_ns)'),
    description: 'Milliseconds from the first packet to the last, cut',
  },
  endpoint('src_endpoint', 'The originator', 'orig_h', 'orig_p'),
  endpoint('dst_endpoint', 'The responder', 'resp_h', 'resp_p'),
  CONNECTION_INFO,
  TRAFFIC,
  { name: 'app_name', type: 'VARCHAR', sql: 'service', description: 'Application protocol; NULL where not determined' },
];

const CLASSIFIED_SESSIONS = `(
  SELECT *, ${ACTIVITY.replaceAll('\n    ', '\n')} AS activity_id
  FROM ${LOCATED_SESSIONS.replaceAll('\n', '\n  ')}
) AS classified`;

export const OCSF_NETWORK_ACTIVITY = view(
  'ocsf_network_activity',
  'OCSF Network Activity (class 4001): one event per session, objects nested as in Security Lake.',
  COLUMNS,
  CLASSIFIED_SESSIONS,
);
