/**
 * The sessions as Zeek's conn.log: its fields, in its order, under its names
 * (base/protocols/conn/main.zeek), then those of its scripts for Community ID and VLAN.
 * `id` is a record in Zeek and a ROW here, so that `id.orig_h` needs no quotes.
 */
import { LOCATED_SESSIONS, NULL_TEXT } from './expressions.ts';
import { type RowColumn, type ViewColumn, view } from './view.ts';

const ID: RowColumn = {
  name: 'id',
  description: 'The endpoints',
  fields: [
    { name: 'orig_h', type: 'VARCHAR', sql: 'orig_h', description: 'Address of the originator' },
    { name: 'orig_p', type: 'INTEGER', sql: 'orig_p', description: 'Port of the originator; for ICMP the type' },
    { name: 'resp_h', type: 'VARCHAR', sql: 'resp_h', description: 'Address of the responder' },
    {
      name: 'resp_p',
      type: 'INTEGER',
      sql: 'resp_p',
      description: 'Port of the responder; for ICMP the type of the answer, or the code',
    },
  ],
};

const COLUMNS: readonly ViewColumn[] = [
  {
    name: 'ts',
    type: 'DOUBLE',
    sql: 'CAST(ts_ns AS DOUBLE) / 1e9',
    description: 'Time of the first packet, Unix seconds; exact to about a quarter of a microsecond',
  },
  { name: 'uid', type: 'VARCHAR', sql: 'uid', description: "Identifier of the session; Flowstitch's own, not Zeek's" },
  ID,
  { name: 'proto', type: 'VARCHAR', sql: 'proto', description: 'Transport protocol' },
  { name: 'service', type: 'VARCHAR', sql: 'service', description: 'Application protocol; NULL where not determined' },
  { name: 'duration', type: 'DOUBLE', sql: 'duration', description: 'Seconds; NULL where Zeek leaves it unset' },
  {
    name: 'orig_bytes',
    type: 'BIGINT',
    sql: 'orig_bytes',
    description: 'Payload bytes of the originator; NULL where Zeek leaves them unset',
  },
  {
    name: 'resp_bytes',
    type: 'BIGINT',
    sql: 'resp_bytes',
    description: 'Payload bytes of the responder; NULL where Zeek leaves them unset',
  },
  { name: 'conn_state', type: 'VARCHAR', sql: 'conn_state', description: 'State of the connection' },
  {
    name: 'local_orig',
    type: 'BOOLEAN',
    sql: 'local_orig',
    description: "Whether the originator's address is local, by Zeek's own list of private address space",
  },
  { name: 'local_resp', type: 'BOOLEAN', sql: 'local_resp', description: "The same for the responder's address" },
  { name: 'missed_bytes', type: 'BIGINT', sql: 'missed_bytes', description: 'Payload bytes missing in gaps' },
  {
    name: 'history',
    type: 'VARCHAR',
    sql: "NULLIF(history, '')",
    description: 'History letters; NULL where there are none',
  },
  { name: 'orig_pkts', type: 'BIGINT', sql: 'orig_pkts', description: 'Packets of the originator' },
  { name: 'orig_ip_bytes', type: 'BIGINT', sql: 'orig_ip_bytes', description: 'IP bytes of the originator' },
  { name: 'resp_pkts', type: 'BIGINT', sql: 'resp_pkts', description: 'Packets of the responder' },
  { name: 'resp_ip_bytes', type: 'BIGINT', sql: 'resp_ip_bytes', description: 'IP bytes of the responder' },
  {
    name: 'tunnel_parents',
    type: 'VARCHAR',
    sql: NULL_TEXT,
    description: 'Always NULL: the outer flow of a tunnel is the session',
  },
  { name: 'ip_proto', type: 'INTEGER', sql: 'ip_proto', description: 'Number of the IP protocol' },
  { name: 'community_id', type: 'VARCHAR', sql: 'community_id', description: 'Community ID version 1, seed 0' },
  { name: 'vlan', type: 'INTEGER', sql: 'vlan', description: 'Outermost VLAN id; NULL without one' },
  { name: 'inner_vlan', type: 'INTEGER', sql: 'inner_vlan', description: 'Second VLAN id; NULL without one' },
];

export const ZEEK_CONN = view(
  'zeek_conn',
  "Zeek's conn.log: one row per session, under Zeek's names.",
  COLUMNS,
  LOCATED_SESSIONS,
);
