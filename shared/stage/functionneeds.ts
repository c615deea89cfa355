/**
 * What a function needs of the cloud. The time-outs leave room above the five minutes that plan sizes a task for; the
 * memory decides the share of a processor too (1,769 MB is one whole one, and 3,008 MB the most that a new account may
 * ask for). Grants are worked out from the code, one role a function: every function moves jobs on, or begins the next
 * one of a data set, and so sends to all stages and works on the keys of jobs and data sets; what is said here comes
 * on top of that.
 */

/** Receives of a task's message after which it is a dead letter. */
export const MOST_RECEIVES = 5;

/** What may be done with objects. */
export type Access = 'read' | 'write' | 'remove';

/** Pattern of keys to what may be done with them. */
export type KeyGrants = Readonly<Record<string, readonly Access[]>>;

export interface FunctionNeeds {
  /** One sentence for whoever sees it in the console. */
  readonly description: string;
  readonly timeoutSeconds: number;
  readonly memoryMB: number;
  /** Local disk in MiB. */
  readonly diskMiB: number;
  /** Memory that DuckDB may take; undefined for functions that do not carry it. */
  readonly duckdbMemory?: string;
  /** Keys of the work bucket beside those of jobs and data sets; whoever reads any may list them too. */
  readonly work?: KeyGrants;
  /** Keys of the bucket of results. */
  readonly results?: KeyGrants;
  /** Lists and reads captures. */
  readonly captures?: true;
  /** Sends delayed checks to the queue of uploads. */
  readonly sendsChecks?: true;
  /** Registers partitions of the catalog's tables. */
  readonly catalog?: true;
  /** What it may do with the watchdog's schedule. */
  readonly schedule?: readonly ('Enable' | 'Disable')[];
}

/** What Lambda gives without being asked. */
export const DEFAULT_DISK_MIB = 512;
/** For what is spilled: merges in passes, and Parquet files before they are uploaded. */
export const SPILL_DISK_MIB = 4096;
