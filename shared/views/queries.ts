/**
 * Saved queries over the result tables, in the SQL that DuckDB, Trino and Athena share.
 * Sums use decimals: Trino's sum of BIGINT fails at 2^63. The limits in
 * them are meant to be changed.
 */

/** A query with a name. */
export interface SavedQuery {
  readonly name: string;
  /** One sentence for people. */
  readonly description: string;
  readonly sql: string;
}

/** A sum that cannot overflow, 0 where there is nothing to add. */
function total(column: string): string {
  return `coalesce(sum(CAST(${column} AS DECIMAL(38, 0))), 0)`;
}

const SPANNING: SavedQuery = {
  name: 'spanning_captures',
  description: 'Sessions that span captures, those in the most captures first.',
  sql: `SELECT ts, duration, uid, proto, orig_h, orig_p, resp_h, resp_p, conn_state,
  orig_ip_bytes + resp_ip_bytes AS ip_bytes, capture_count, capture_first, capture_last
FROM sessions
WHERE capture_count > 1
ORDER BY capture_count DESC, ts_ns, uid
LIMIT 1000`,
};

const BY_PROTOCOL: SavedQuery = {
  name: 'by_protocol',
  description: 'Sessions, packets and bytes of each protocol and service, most bytes first.',
  sql: `SELECT proto, ip_proto, service, count(*) AS sessions,
  ${total('orig_pkts + resp_pkts')} AS packets,
  ${total('orig_ip_bytes + resp_ip_bytes')} AS ip_bytes,
  ${total('orig_bytes')} AS orig_bytes,
  ${total('resp_bytes')} AS resp_bytes
FROM sessions
GROUP BY proto, ip_proto, service
ORDER BY ip_bytes DESC, proto, ip_proto, service NULLS FIRST`,
};

const PER_MILLISECOND: SavedQuery = {
  name: 'per_millisecond',
  description: 'The milliseconds in which the most sessions began.',
  sql: `SELECT ts AS millisecond, count(*) AS sessions,
  count(DISTINCT orig_h) AS originators, count(DISTINCT resp_h) AS responders,
  ${total('orig_pkts + resp_pkts')} AS packets,
  ${total('orig_ip_bytes + resp_ip_bytes')} AS ip_bytes
FROM sessions
GROUP BY ts
ORDER BY sessions DESC, millisecond
LIMIT 100`,
};

const TOP_TALKERS: SavedQuery = {
  name: 'top_talkers',
  description: 'Hosts by the IP bytes they sent and received, in either role.',
  sql: `SELECT host, count(*) AS sessions, count(DISTINCT peer) AS peers,
  ${total('sent')} AS sent_ip_bytes,
  ${total('received')} AS received_ip_bytes,
  ${total('packets')} AS packets
FROM (
  SELECT
    CASE WHEN as_orig THEN orig_h ELSE resp_h END AS host,
    CASE WHEN as_orig THEN resp_h ELSE orig_h END AS peer,
    CASE WHEN as_orig THEN orig_ip_bytes ELSE resp_ip_bytes END AS sent,
    CASE WHEN as_orig THEN resp_ip_bytes ELSE orig_ip_bytes END AS received,
    orig_pkts + resp_pkts AS packets
  FROM sessions
  CROSS JOIN (VALUES (TRUE), (FALSE)) AS role (as_orig)
  WHERE as_orig OR orig_h <> resp_h
) AS roles
GROUP BY host
ORDER BY ${total('sent')} + ${total('received')} DESC, host
LIMIT 100`,
};

const LONG_SESSIONS: SavedQuery = {
  name: 'long_sessions',
  description: 'The sessions that lasted longest.',
  sql: `SELECT duration, ts, uid, proto, orig_h, orig_p, resp_h, resp_p, conn_state, end_reason,
  orig_bytes, resp_bytes, orig_pkts + resp_pkts AS packets, capture_count
FROM sessions
WHERE duration IS NOT NULL
ORDER BY duration DESC, ts_ns, uid
LIMIT 100`,
};

const SCANS: SavedQuery = {
  name: 'scans',
  description:
    'Originators most of whose sessions were refused or went unanswered, to 20 targets (host and port) or more.',
  sql: `SELECT orig_h,
  count(DISTINCT CASE WHEN failed THEN target END) AS failed_targets,
  count(DISTINCT CASE WHEN failed THEN resp_h END) AS hosts,
  count(DISTINCT CASE WHEN failed THEN resp_p END) AS ports,
  count(CASE WHEN failed AND NOT refused THEN 1 END) AS unanswered,
  count(CASE WHEN refused THEN 1 END) AS refused,
  count(CASE WHEN NOT failed THEN 1 END) AS answered,
  min(ts) AS first_ts, max(ts) AS last_ts
FROM (
  SELECT *,
    resp_h || ' ' || CAST(resp_p AS VARCHAR) AS target,
    conn_state = 'REJ' AS refused,
    proto = 'tcp' AND conn_state IN ('S0', 'SH', 'RSTOS0', 'REJ')
      OR proto = 'udp' AND conn_state = 'S0'
      OR ip_proto = 1 AND orig_p = 8 AND resp_pkts = 0
      OR ip_proto = 58 AND orig_p = 128 AND resp_pkts = 0 AS failed
  FROM sessions
) AS attempts
GROUP BY orig_h
HAVING count(DISTINCT CASE WHEN failed THEN target END) >= 20
  AND count(CASE WHEN failed THEN 1 END) > count(CASE WHEN NOT failed THEN 1 END)
ORDER BY failed_targets DESC, orig_h`,
};

const BEACONS: SavedQuery = {
  name: 'beacons',
  description:
    'Sessions that begin at regular intervals: 10 or more from a host to one port of another, a second or more apart on average, with a standard deviation of at most a fifth of the average.',
  sql: `SELECT orig_h, resp_h, resp_p, proto, count(*) AS sessions,
  CAST(avg(gap) AS DECIMAL(18, 3)) AS seconds_apart,
  CAST(stddev_pop(gap) / avg(gap) AS DECIMAL(18, 3)) AS variation,
  min(ts) AS first_ts, max(ts) AS last_ts,
  ${total('orig_bytes')} AS orig_bytes,
  ${total('resp_bytes')} AS resp_bytes
FROM (
  SELECT *, CAST(ts_ns - lag(ts_ns) OVER (
    PARTITION BY orig_h, resp_h, resp_p, proto ORDER BY ts_ns, uid
  ) AS DOUBLE) / 1e9 AS gap
  FROM sessions
) AS starts
GROUP BY orig_h, resp_h, resp_p, proto
HAVING count(*) >= 10 AND avg(gap) >= 1 AND stddev_pop(gap) <= 0.2 * avg(gap)
ORDER BY variation, orig_h, resp_h, resp_p, proto`,
};

const RARE_UPLOADS: SavedQuery = {
  name: 'uploads_to_rare_hosts',
  description:
    'Uploads of 10 MB of payload or more, and more than was downloaded, to responders that only one or two originators talk to.',
  sql: `SELECT orig_h, sessions.resp_h AS resp_h, talkers, count(*) AS sessions,
  ${total('orig_bytes')} AS uploaded_bytes,
  ${total('resp_bytes')} AS downloaded_bytes,
  min(ts) AS first_ts, max(ts) AS last_ts
FROM sessions
JOIN (
  SELECT resp_h, count(DISTINCT orig_h) AS talkers
  FROM sessions
  GROUP BY resp_h
  HAVING count(DISTINCT orig_h) <= 2
) AS rare ON rare.resp_h = sessions.resp_h
GROUP BY orig_h, sessions.resp_h, talkers
HAVING ${total('orig_bytes')} >= 10000000
  AND ${total('orig_bytes')} > ${total('resp_bytes')}
ORDER BY uploaded_bytes DESC, orig_h, resp_h`,
};

/** The saved queries, in the order they are listed. */
export const SAVED_QUERIES: readonly SavedQuery[] = [
  SPANNING,
  BY_PROTOCOL,
  PER_MILLISECOND,
  TOP_TALKERS,
  LONG_SESSIONS,
  SCANS,
  BEACONS,
  RARE_UPLOADS,
];
