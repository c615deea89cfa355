/**
 * The resources and permissions of a function. The time-outs leave room above the five minutes that plan sizes a task
 * for; memory also sets the share of a vCPU (1,769 MB is one, and 3,008 MB the most in a new account).
 * Grants follow from the code, one role per function: every function moves jobs on, or starts the next
 * one of a data set, and so sends to all stages and reads and writes the keys of jobs and data sets; the needs given
 * here are in addition to that.
 */

/** Receives of a task's message after which it is a dead letter. */
export const MOST_RECEIVES = 5;

/** Permissions on objects. */
export type Access = 'read' | 'write' | 'remove';

/** Permissions by pattern of keys. */
export type KeyGrants = Readonly<Record<string, readonly Access[]>>;

export interface FunctionNeeds {
  /** One sentence, shown in the console. */
  readonly description: string;
  readonly timeoutSeconds: number;
  readonly memoryMB: number;
  /** Local disk in MiB. */
  readonly diskMiB: number;
  /** Keys of the work bucket besides those of jobs and data sets; permission to read includes listing. */
  readonly work?: KeyGrants;
  /** Keys of the results bucket. */
  readonly results?: KeyGrants;
  /** Lists and reads captures. */
  readonly captures?: true;
  /** Sends delayed checks to the uploads queue. */
  readonly sendsChecks?: true;
  /** Neither moves jobs on nor starts any: the needs given here are all. */
  readonly movesNoJobs?: true;
  /** Tells EventBridge of jobs that have ended. */
  readonly tells?: true;
  /** What it may do with the watchdog's schedule. */
  readonly schedule?: readonly ('Enable' | 'Disable')[];
}

/** Lambda's default. */
export const DEFAULT_DISK_MIB = 512;
/** For spilling: merges in passes, and Parquet files before they are uploaded. */
export const SPILL_DISK_MIB = 4096;
