/** The data sets that Trino and DuckDB are both asked about, as folders of result files. */

import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AnomalyRow } from '../../shared/capture/anomaly.ts';
import { showCurrent } from '../../shared/catalog/showcurrent.ts';
import type { CurrentJob } from '../../shared/job/dataset/currentjob.ts';
import { currentKey, dayFileKey, jobFileKey } from '../../shared/job/protocol/keys.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { jsonBytes, parseJson } from '../../shared/store/jsonobject.ts';
import { ANOMALIES } from '../../shared/table/anomalies.ts';
import { CAPTURES, type CaptureRow } from '../../shared/table/captures.ts';
import { writeRows } from '../../shared/table/parquet/tablefile.ts';
import type { TableName } from '../../shared/table/tables.ts';
import { DEMO, flowstitch } from '../cli/harness.ts';
import { beacons, EDGES, type Made, START, scans, uploads, writeMade } from '../views/made.ts';

/** Keys of a data set's result files, by table. */
export type ResultKeys = Partial<Record<TableName, readonly string[]>>;

/** Runs the job over the demo's captures with packets, twice: results of an older job lie beside the newest. */
export function runDemo(folder: string): ResultKeys {
  for (const more of [['--key', 'vlan'], []]) {
    const { code, stderr } = flowstitch(['run', DEMO, '--out', folder, '--dataset', 'demo', '--packets', ...more]);
    if (code !== 0) throw new Error(`the demo's job failed: ${stderr}`);
  }
  return parseJson<CurrentJob>('current.json', readFileSync(join(folder, currentKey('demo')))).files;
}

/** A capture of which next to nothing is known, under a name that is no ASCII. */
const UNREAD: CaptureRow = {
  ...{ capture: "größe's 😀.pcap", format: 'unknown', compression: 'none', linkTypes: [], snaplen: null },
  ...{ timestampResolution: null, first: null, last: null, packets: 0, bytes: 0, storedBytes: 2 ** 53 - 1 },
  ...{ outOfOrder: 0, status: 'unreadable', damageOffset: 0, damageReason: 'unknown_format', packetsInSessions: 0 },
  ...{
    fragmentsCompleted: 0,
    fragmentsIncomplete: 0,
    notIp: 0,
    undecodable: {},
    undecoded: [],
    packetsOfCopy: 0,
    copyOf: null,
    version: null,
    digest: null,
    rank: 0,
  },
};

const FOUND: readonly AnomalyRow[] = [
  {
    ...{ capture: 0, name: 'unknown_format', detail: '', count: 2 ** 53 - 1 },
    ...{ us: -1, ns: 0, offset: 0 },
  },
  {
    ...{
      capture: 0,
      name: 'truncated_tail',
      detail: 'Zeile 1\nZeile 2 \u0000 ’',
      count: 1,
    },
    ...{ us: 1_700_006_399_999_999, ns: 999, offset: 2 ** 53 - 1 },
  },
];

/** Writes the sessions made for the tests of the views, a file a day, and a row or two of the small tables. */
export async function writeMadeResults(folder: string): Promise<ResultKeys> {
  const days = new Map<string, Made[]>();
  for (const session of [...EDGES, ...scans(), ...beacons(), ...uploads()]) {
    const day = new Date((session.at ?? START) * 1000).toISOString().slice(0, 10);
    days.set(day, [...(days.get(day) ?? []), session]);
  }
  const keys: string[] = [];
  for (const [day, sessions] of days) {
    const key = dayFileKey('sessions', 'made', day, 'job1', 0);
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    await writeMade(join(folder, key), sessions);
    keys.push(key);
  }
  const captures = jobFileKey('captures', 'made', 'job1');
  const anomalies = jobFileKey('anomalies', 'made', 'job1');
  for (const key of [captures, anomalies]) mkdirSync(dirname(join(folder, key)), { recursive: true });
  await writeRows(join(folder, captures), CAPTURES, [UNREAD]);
  const found = FOUND.map((row) => ({ ...row, captureName: UNREAD.capture }));
  await writeRows(join(folder, anomalies), ANOMALIES, found);
  const files = { sessions: keys, captures: [captures], anomalies: [anomalies] };
  const store = new DirectoryStore(folder);
  const fileBytes = Object.fromEntries(
    Object.values(files).flatMap((list) => list.map((key) => [key, statSync(join(folder, key)).size])),
  );
  await store.put(currentKey('made'), jsonBytes({ job: 'job1', files: { ...files, packets: [] }, fileBytes }));
  await showCurrent(store, 'made');
  return files;
}
