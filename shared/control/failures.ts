/**
 * Attempts that fail, between a message's deliveries. Most failures are worth five attempts: a store that does not
 * answer, a machine that is switched off. A task that is too large for its function is not: it runs out of time, memory
 * or disk each time, for as long as it takes. Twice the same is enough to say so.
 */
import { type Fault, faultOf, soundOrDiscarded } from '../job/protocol/fault.ts';
import { errorKey } from '../job/protocol/keys.ts';
import type { Stage } from '../job/protocol/stageresults.ts';
import type { TaskMessage, TaskQueue } from '../queue/taskqueue.ts';
import { jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { systemCode } from '../store/systemerror.ts';
import { failTask } from './task.ts';

/** What a task may be too large for. */
export type Shortage = 'time' | 'memory' | 'disk';

/** Attempts in a row that end for the same shortage, after which the task is not tried again. */
export const MOST_SAME = 2;

/** jobs/<job>/<stage>/errors/<task>: why the last attempt failed, or what it seems to have died of. */
export interface FailureNote {
  reason: string;
  /** How often the message had been delivered. */
  receives: number;
  fault: Fault | null;
  shortage: Shortage | null;
  /** Attempts in a row with this shortage, this one included. */
  times: number;
}

/** Time ran out before the task was done. */
export class OutOfTime extends Error {
  override name = 'OutOfTime';
}

/** What the task had too little of; null for any other error. Buffers and DuckDB tell it by their messages alone. */
export function shortageOf(error: unknown): Shortage | null {
  if (error instanceof OutOfTime) return 'time';
  const { code, message = '' } = (error ?? {}) as NodeJS.ErrnoException;
  const system = systemCode(error);
  if (system === 'ENOSPC' || system === 'EDQUOT' || /no space left on device/i.test(message)) return 'disk';
  if (system === 'ENOMEM' || code === 'ERR_WORKER_OUT_OF_MEMORY') return 'memory';
  return /out of memory|array buffer allocation failed/i.test(message) ? 'memory' : null;
}

/** The note of an attempt that failed. @param earlier of the attempt before it, if that left one */
export function failureNote(error: unknown, receives: number, earlier: FailureNote | undefined): FailureNote {
  const fault = faultOf(error);
  const reason = fault?.reason ?? (error instanceof Error ? error.message : String(error));
  return { reason, receives, fault, ...countSame(shortageOf(error), earlier) };
}

/** The note of an attempt that is near the end of its memory, which it may not survive. @param megabytes used, of most */
export function memoryNote(
  { used, most }: { used: number; most: number },
  receives: number,
  earlier: FailureNote | undefined,
): FailureNote {
  const reason = `its function ended without an error when it used ${used} of ${most} MB: out of memory`;
  return { reason, receives, fault: null, ...countSame('memory', earlier) };
}

function countSame(
  shortage: Shortage | null,
  earlier: FailureNote | undefined,
): Pick<FailureNote, 'shortage' | 'times'> {
  const same = shortage !== null && earlier?.shortage === shortage;
  return { shortage, times: same ? earlier.times + 1 : 1 };
}

/** Whether the task is not to be tried again. */
export function isTooLarge({ shortage, times }: FailureNote): boolean {
  return shortage !== null && times >= MOST_SAME;
}

/**
 * The note that the attempt before left, which is removed: the reason of an earlier attempt is not the reason of this
 * one, which may die without an error.
 */
export async function takeNote(
  store: ObjectStore,
  { job, stage, task }: TaskMessage,
  receives: number,
): Promise<FailureNote | undefined> {
  if (receives <= 1) return undefined;
  const key = errorKey(job, stage as Stage, task);
  const note = await soundOrDiscarded<FailureNote>(store, key);
  if (note === undefined) return undefined;
  // One that ends the task is there until that is done, also when this process dies.
  if (!isTooLarge(note)) await store.remove([key]);
  // Another message's, before the job was resumed.
  return note.receives === receives - 1 ? note : undefined;
}

/** Leaves a note for the next attempt, or for the function of dead letters. A note that cannot be written is left out. */
export async function leaveNote(
  store: ObjectStore,
  { job, stage, task }: TaskMessage,
  note: FailureNote,
): Promise<void> {
  await store.put(errorKey(job, stage as Stage, task), jsonBytes(note)).catch(() => undefined);
}

/** Ends a task that is too large, as one whose attempts are used up. @returns whether the job has ended */
export function failTooLarge(
  store: ObjectStore,
  queue: TaskQueue,
  message: TaskMessage,
  { reason, shortage, times, fault }: FailureNote,
): Promise<boolean> {
  const words = `${reason}. So it ended ${times} times: ${remedyOf(message.stage as Stage, shortage ?? 'time')}`;
  return failTask(store, queue, message, words, fault);
}

function remedyOf(stage: Stage, shortage: Shortage): string {
  const smaller =
    stage === 'map'
      ? 'split its captures (editcap -c 1000000 IN OUT)'
      : 'start jobs over fewer captures, each a shorter time, in data sets of their own';
  if (shortage === 'time') return smaller;
  return `${smaller}, or deploy the function ${stage} with more ${shortage} (shared/stage/stages.ts) and resume`;
}
