/** A capture's bytes, no faster than shards can be written; errors of reading it are distinguished from all other errors of a task. */
import type { PlannedCapture } from '../../job/tasks/maptask.ts';
import { type CaptureSource, isVersionOf } from '../../store/capturesource.ts';
import { StoreError } from '../../store/objectstore.ts';
import { isMachineFault } from '../../store/systemerror.ts';
import type { PendingWrites } from '../pendingwrites.ts';

/** Uncompleted writes that reading waits for. */
const MOST_WRITES = 2;

/** Why a capture cannot be read, as in the tables and the summary. */
export interface ReadFailure {
  reason: string;
  detail: string;
}

export class CaptureBytes {
  private readonly source: Pick<CaptureSource, 'stream'>;
  private readonly versions: Pick<CaptureSource, 'version'>;
  private readonly writes: PendingWrites;
  private readonly signal: AbortSignal | undefined;

  /** @param source of the bytes. @param versions tells whether a capture is still as planned. @param signal ends the task */
  constructor(
    source: Pick<CaptureSource, 'stream'>,
    versions: Pick<CaptureSource, 'version'>,
    writes: PendingWrites,
    signal: AbortSignal | undefined,
  ) {
    this.source = source;
    this.versions = versions;
    this.writes = writes;
    this.signal = signal;
  }

  /** @throws UnreadableCapture; any other error is the task's */
  async *stream(capture: PlannedCapture): AsyncIterable<Uint8Array> {
    for await (const chunk of this.unpaced(capture)) {
      this.signal?.throwIfAborted();
      await this.writes.atMost(MOST_WRITES);
      yield chunk;
    }
  }

  private async *unpaced(capture: PlannedCapture): AsyncIterable<Uint8Array> {
    try {
      yield* this.source.stream(capture);
    } catch (error) {
      // An error that another attempt may not have is not the capture's fault.
      if ((error instanceof StoreError && error.reason === 'io') || isMachineFault(error)) throw error;
      throw new UnreadableCapture(error);
    }
  }

  /** How the capture differs from the one that was planned; null when it does not. @throws UnreadableCapture */
  async changed(capture: PlannedCapture): Promise<ReadFailure | null> {
    const { versions } = this;
    if (versions.version === undefined) return null;
    try {
      const version = await versions.version(capture);
      if (version === undefined) return GONE;
      return isVersionOf(version, capture) ? null : CHANGED;
    } catch (error) {
      if (isMachineFault(error)) throw error;
      throw new UnreadableCapture(error);
    }
  }
}

/** The capture cannot be read: it is lost, the task is not. */
export class UnreadableCapture extends Error {
  override name = 'UnreadableCapture';

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Why it cannot be read. */
export function failureOf({ cause, message }: UnreadableCapture): ReadFailure {
  if (!(cause instanceof StoreError)) return { reason: 'unreadable_object', detail: message };
  if (cause.reason === 'missing') return GONE;
  if (cause.reason === 'changed') return CHANGED;
  return { reason: 'capture_refused', detail: message };
}

const GONE = {
  reason: 'capture_gone',
  detail: 'the capture was removed while the job ran; run the job again with those that are there',
};

const CHANGED = {
  reason: 'capture_changed',
  detail: 'the capture was written to while the job ran; run the job again when nothing writes to it any more',
};
