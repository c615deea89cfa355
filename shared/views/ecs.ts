/**
 * The sessions under the names of Elastic Common Schema 8.17 (elastic.co/guide/en/ecs),
 * each object a ROW, so that fields have the dotted names of its field
 * reference; only `@timestamp` has another, `timestamp`, because column names in
 * Athena consist of letters, digits and `_`. Filled as by Elastic's own Zeek
 * integration: bytes are IP bytes, and what only Zeek has is under `zeek.`. Arrays of
 * keywords with one element are that keyword, which Elasticsearch treats as equal.
 */
import { isIpv6, LOCATED_SESSIONS, PROTOCOL_KEYWORD, port, text, timestamp } from './expressions.ts';
import { type RowColumn, type ViewColumn, view } from './view.ts';

const OUTCOME = `CAST(CASE WHEN proto <> 'tcp' OR conn_state = 'OTH' THEN 'unknown'
    WHEN conn_state IN ('S0', 'REJ', 'RSTOS0', 'SH') THEN 'failure' ELSE 'success' END AS VARCHAR)`;

const DIRECTION = `CAST(CASE WHEN local_orig AND local_resp THEN 'internal' WHEN local_orig THEN 'outbound'
    WHEN local_resp THEN 'inbound' ELSE 'external' END AS VARCHAR)`;

const ECS_VERSION: RowColumn = {
  name: 'ecs',
  description: 'About the schema',
  fields: [{ name: 'version', type: 'VARCHAR', sql: text('8.17.0'), description: 'Version of ECS' }],
};

const EVENT: RowColumn = {
  name: 'event',
  description: 'The session as an event',
  fields: [
    { name: 'kind', type: 'VARCHAR', sql: text('event'), description: 'event' },
    { name: 'category', type: 'VARCHAR', sql: text('network'), description: 'network' },
    { name: 'type', type: 'VARCHAR', sql: text('connection'), description: 'connection' },
    { name: 'module', type: 'VARCHAR', sql: text('flowstitch'), description: 'flowstitch' },
    { name: 'dataset', type: 'VARCHAR', sql: text('flowstitch.sessions'), description: 'flowstitch.sessions' },
    { name: 'id', type: 'VARCHAR', sql: 'uid', description: 'Identifier of the session' },
    { name: 'start', type: 'TIMESTAMP', sql: 'ts', description: 'Start, UTC, cut to the millisecond' },
    {
      name: 'end',
      type: 'TIMESTAMP',
      sql: timestamp('end_ns'),
      description: 'Last packet, UTC, cut to the millisecond; a keyword of SQL: write `event."end"`',
    },
    {
      name: 'duration',
      type: 'BIGINT',
      sql: 'end_ns - ts_ns',
      description: 'Nanoseconds from the first packet to the last',
    },
    {
      name: 'outcome',
      type: 'VARCHAR',
      sql: OUTCOME,
      description: 'For TCP failure (S0, REJ, RSTOS0, SH) or success; unknown for OTH and outside TCP',
    },
  ],
};

/** `source` or `destination`, from the columns that begin with `orig` or `resp`. */
function endpoint(name: string, role: string, prefix: string): RowColumn {
  return {
    name,
    description: `The ${role}`,
    fields: [
      { name: 'ip', type: 'VARCHAR', sql: `${prefix}_h`, description: `Address of the ${role}` },
      {
        name: 'port',
        type: 'INTEGER',
        sql: port(`${prefix}_p`),
        description: `Port of the ${role}; NULL in protocols without`,
      },
      { name: 'bytes', type: 'BIGINT', sql: `${prefix}_ip_bytes`, description: `IP bytes of the ${role}` },
      { name: 'packets', type: 'BIGINT', sql: `${prefix}_pkts`, description: `Packets of the ${role}` },
    ],
  };
}

function vlan(description: string, column: string): RowColumn {
  return {
    name: 'vlan',
    description,
    fields: [
      {
        name: 'id',
        type: 'VARCHAR',
        sql: `CAST(${column} AS VARCHAR)`,
        description: 'VLAN id, a keyword in ECS; NULL without one',
      },
    ],
  };
}

const NETWORK: RowColumn = {
  name: 'network',
  description: 'The protocols, and both ways together',
  fields: [
    {
      name: 'type',
      type: 'VARCHAR',
      sql: `CAST(CASE WHEN ${isIpv6('orig_h')} THEN 'ipv6' ELSE 'ipv4' END AS VARCHAR)`,
      description: 'ipv4 or ipv6',
    },
    {
      name: 'iana_number',
      type: 'VARCHAR',
      sql: 'CAST(ip_proto AS VARCHAR)',
      description: 'Number of the IP protocol, a keyword in ECS',
    },
    {
      name: 'transport',
      type: 'VARCHAR',
      sql: `CAST(${PROTOCOL_KEYWORD} AS VARCHAR)`,
      description: "IANA's keyword of the protocol: tcp, udp, icmp, ipv6-icmp, gre, ...; NULL for rare ones",
    },
    {
      name: 'protocol',
      type: 'VARCHAR',
      sql: 'service',
      description: 'Application protocol; NULL where not determined',
    },
    {
      name: 'direction',
      type: 'VARCHAR',
      sql: DIRECTION,
      description: 'From which addresses are local: internal, outbound, inbound or external',
    },
    { name: 'community_id', type: 'VARCHAR', sql: 'community_id', description: 'Community ID' },
    { name: 'bytes', type: 'BIGINT', sql: 'orig_ip_bytes + resp_ip_bytes', description: 'IP bytes, both ways' },
    { name: 'packets', type: 'BIGINT', sql: 'orig_pkts + resp_pkts', description: 'Packets, both ways' },
    vlan('Outermost VLAN', 'vlan'),
    {
      name: 'inner',
      description: 'What is inside the outermost VLAN; a keyword of SQL: write `network."inner".vlan.id`',
      fields: [vlan('Second VLAN', 'inner_vlan')],
    },
  ],
};

const ZEEK: RowColumn = {
  name: 'zeek',
  description: 'What only Zeek has',
  fields: [
    {
      name: 'connection',
      description: 'The connection',
      fields: [
        { name: 'state', type: 'VARCHAR', sql: 'conn_state', description: "Zeek's state of the connection" },
        {
          name: 'history',
          type: 'VARCHAR',
          sql: "NULLIF(history, '')",
          description: "Zeek's history letters; NULL where there are none",
        },
        { name: 'missed_bytes', type: 'BIGINT', sql: 'missed_bytes', description: 'Payload bytes missing in gaps' },
      ],
    },
  ],
};

const COLUMNS: readonly ViewColumn[] = [
  {
    name: 'timestamp',
    type: 'TIMESTAMP',
    sql: 'ts',
    description: "ECS's `@timestamp`, since names in Athena cannot have an `@`: start, UTC, cut to the millisecond",
  },
  ECS_VERSION,
  EVENT,
  endpoint('source', 'originator', 'orig'),
  endpoint('destination', 'responder', 'resp'),
  NETWORK,
  ZEEK,
];

export const ECS = view('ecs', 'Elastic Common Schema: one event per session.', COLUMNS, LOCATED_SESSIONS);
