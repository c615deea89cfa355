/**
 * What each function may do, and to which keys: worked out from the code, one role a
 * function. Whoever ends a task moves its job on, and whoever ends a job begins the
 * data set's next one, which may go on at any stage: so every function that ends
 * tasks sends to all stages and works on the keys of jobs and data sets.
 */
import { DAY_TABLES, JOB_TABLES, type TableName } from '../../shared/table/tables.ts';
import type { FunctionName } from '../functions.ts';

/** What may be done with objects. */
export type Access = 'read' | 'write' | 'remove';

/** Pattern of keys to what may be done with them. */
export type KeyGrants = Readonly<Record<string, readonly Access[]>>;

export interface Grants {
  /** Keys of the work bucket; whoever reads any may list them too. */
  readonly work: KeyGrants;
  /** Keys of the bucket of results. */
  readonly results?: KeyGrants;
  /** Lists and reads captures. */
  readonly captures?: true;
  /** Sends delayed checks to the queue of uploads. */
  readonly sendsChecks?: true;
  /** Hides the message that it works on, for as long as it lives. */
  readonly leases?: true;
  /** Registers partitions of the catalog's tables. */
  readonly catalog?: true;
  /** What it may do with the watchdog's schedule. */
  readonly schedule?: readonly ('Enable' | 'Disable')[];
}

const READ_WRITE = ['read', 'write'] as const;
const ALL = ['read', 'write', 'remove'] as const;

/** Moving a job on, and beginning the next one. */
const MOVES_ON = { 'jobs/*': ALL, 'datasets/*': ALL } satisfies KeyGrants;

/** Writing files of tables. */
function filesOf(tables: readonly TableName[]): KeyGrants {
  return Object.fromEntries(tables.map((table) => [`${table}/*`, ['write']]));
}

export const GRANTS: Readonly<Record<FunctionName, Grants>> = {
  plan: {
    work: { ...MOVES_ON, 'shards/*': ['read'], 'shards/*/summary.json': ['remove'] },
    captures: true,
    leases: true,
    schedule: ['Enable'],
  },
  // A summary that is damaged is removed, and its captures mapped again.
  map: {
    work: { ...MOVES_ON, 'shards/*': READ_WRITE, 'shards/*/summary.json': ['remove'] },
    captures: true,
    leases: true,
  },
  balance: { work: { ...MOVES_ON, 'shards/*': ['read'] }, leases: true },
  reduce: { work: { ...MOVES_ON, 'shards/*': ['read'] }, leases: true },
  publish: { work: MOVES_ON, results: filesOf(DAY_TABLES), leases: true },
  commit: {
    // Anomalies lie beside the shards of the captures in which they were found.
    work: { ...MOVES_ON, 'shards/*': ['read'] },
    results: {
      ...filesOf(JOB_TABLES),
      'sessions/*/_SUCCESS': ['write'],
      'datasets/*': ['write'],
    },
    leases: true,
    catalog: true,
  },
  'dead-letter': { work: MOVES_ON },
  uploads: {
    work: { ...MOVES_ON, 'sources/*': ['read'], 'requests/*': READ_WRITE, 'checks/*': READ_WRITE },
    captures: true,
    sendsChecks: true,
  },
  watchdog: { work: MOVES_ON, schedule: ['Enable', 'Disable'] },
};

/** IAM's names for the accesses. An upload in parts that fails is taken back. */
export const OBJECT_ACTIONS: Readonly<Record<Access, readonly string[]>> = {
  read: ['s3:GetObject'],
  write: ['s3:PutObject', 's3:AbortMultipartUpload'],
  remove: ['s3:DeleteObject'],
};

/** What commit does in the catalog. */
export const CATALOG_ACTIONS = [
  'glue:GetTable',
  'glue:GetPartitions',
  'glue:BatchCreatePartition',
  'glue:BatchUpdatePartition',
  'glue:BatchDeletePartition',
] as const;
