/**
 * The sessions under the names of Elastic Common Schema 8.17 (elastic.co/guide/en/ecs),
 * flat and dotted as in its field reference, filled as Elastic's own Zeek integration
 * fills them: bytes are IP bytes, and what only Zeek has is under `zeek.`. Sets of
 * keywords with one member are that keyword, which Elasticsearch takes for the same.
 */
import { isIpv6, LOCATED_SESSIONS, PROTOCOL_KEYWORD, port, text, timestamp } from './expressions.ts';
import { type ViewColumn, view } from './view.ts';

const OUTCOME = `CAST(CASE WHEN proto <> 'tcp' OR conn_state = 'OTH' THEN 'unknown'
    WHEN conn_state IN ('S0', 'REJ', 'RSTOS0', 'SH') THEN 'failure' ELSE 'success' END AS VARCHAR)`;

const DIRECTION = `CAST(CASE WHEN local_orig AND local_resp THEN 'internal' WHEN local_orig THEN 'outbound'
    WHEN local_resp THEN 'inbound' ELSE 'external' END AS VARCHAR)`;

const COLUMNS: readonly ViewColumn[] = [
  { name: '@timestamp', type: 'TIMESTAMP', sql: 'ts', description: 'Start, UTC, cut to the millisecond' },
  { name: 'ecs.version', type: 'VARCHAR', sql: text('8.17.0'), description: 'Version of ECS' },
  { name: 'event.kind', type: 'VARCHAR', sql: text('event'), description: 'event' },
  { name: 'event.category', type: 'VARCHAR', sql: text('network'), description: 'network' },
  { name: 'event.type', type: 'VARCHAR', sql: text('connection'), description: 'connection' },
  { name: 'event.module', type: 'VARCHAR', sql: text('flowstitch'), description: 'flowstitch' },
  { name: 'event.dataset', type: 'VARCHAR', sql: text('flowstitch.sessions'), description: 'flowstitch.sessions' },
  { name: 'event.id', type: 'VARCHAR', sql: 'uid', description: 'Identifier of the session' },
  { name: 'event.start', type: 'TIMESTAMP', sql: 'ts', description: 'Start, UTC, cut to the millisecond' },
  {
    name: 'event.end',
    type: 'TIMESTAMP',
    sql: timestamp('end_ns'),
    description: 'Last packet, UTC, cut to the millisecond',
  },
  {
    name: 'event.duration',
    type: 'BIGINT',
    sql: 'end_ns - ts_ns',
    description: 'Nanoseconds from the first packet to the last',
  },
  {
    name: 'event.outcome',
    type: 'VARCHAR',
    sql: OUTCOME,
    description: 'For TCP failure (S0, REJ, RSTOS0, SH) or success; unknown for OTH and outside TCP',
  },
  { name: 'source.ip', type: 'VARCHAR', sql: 'orig_h', description: 'Address of the originator' },
  {
    name: 'source.port',
    type: 'INTEGER',
    sql: port('orig_p'),
    description: 'Port of the originator; NULL in protocols without',
  },
  { name: 'source.bytes', type: 'BIGINT', sql: 'orig_ip_bytes', description: 'IP bytes of the originator' },
  { name: 'source.packets', type: 'BIGINT', sql: 'orig_pkts', description: 'Packets of the originator' },
  { name: 'destination.ip', type: 'VARCHAR', sql: 'resp_h', description: 'Address of the responder' },
  {
    name: 'destination.port',
    type: 'INTEGER',
    sql: port('resp_p'),
    description: 'Port of the responder; NULL in protocols without',
  },
  { name: 'destination.bytes', type: 'BIGINT', sql: 'resp_ip_bytes', description: 'IP bytes of the responder' },
  { name: 'destination.packets', type: 'BIGINT', sql: 'resp_pkts', description: 'Packets of the responder' },
  {
    name: 'network.type',
    type: 'VARCHAR',
    sql: `CAST(CASE WHEN ${isIpv6('orig_h')} THEN 'ipv6' ELSE 'ipv4' END AS VARCHAR)`,
    description: 'ipv4 or ipv6',
  },
  {
    name: 'network.iana_number',
    type: 'VARCHAR',
    sql: 'CAST(ip_proto AS VARCHAR)',
    description: 'Number of the IP protocol, a keyword in ECS',
  },
  {
    name: 'network.transport',
    type: 'VARCHAR',
    sql: `CAST(${PROTOCOL_KEYWORD} AS VARCHAR)`,
    description: "IANA's keyword of the protocol: tcp, udp, icmp, ipv6-icmp, gre, ...; NULL for those rarely seen",
  },
  {
    name: 'network.protocol',
    type: 'VARCHAR',
    sql: 'service',
    description: 'Application protocol; NULL where not determined',
  },
  {
    name: 'network.direction',
    type: 'VARCHAR',
    sql: DIRECTION,
    description: 'By which of the addresses are local: internal, outbound, inbound or external',
  },
  { name: 'network.community_id', type: 'VARCHAR', sql: 'community_id', description: 'Community ID' },
  {
    name: 'network.bytes',
    type: 'BIGINT',
    sql: 'orig_ip_bytes + resp_ip_bytes',
    description: 'IP bytes, both ways',
  },
  { name: 'network.packets', type: 'BIGINT', sql: 'orig_pkts + resp_pkts', description: 'Packets, both ways' },
  {
    name: 'network.vlan.id',
    type: 'VARCHAR',
    sql: 'CAST(vlan AS VARCHAR)',
    description: 'Outermost VLAN id; NULL without one',
  },
  {
    name: 'network.inner.vlan.id',
    type: 'VARCHAR',
    sql: 'CAST(inner_vlan AS VARCHAR)',
    description: 'Second VLAN id; NULL without one',
  },
  { name: 'zeek.connection.state', type: 'VARCHAR', sql: 'conn_state', description: "Zeek's state of the connection" },
  {
    name: 'zeek.connection.history',
    type: 'VARCHAR',
    sql: "NULLIF(history, '')",
    description: "Zeek's history letters; NULL where there are none",
  },
  {
    name: 'zeek.connection.missed_bytes',
    type: 'BIGINT',
    sql: 'missed_bytes',
    description: 'Payload bytes missing in gaps',
  },
];

export const ECS = view('ecs', 'Elastic Common Schema: an event a session.', COLUMNS, LOCATED_SESSIONS);
