/** Outcomes of captures that could not be read at all. */
import { type CaptureFacts, CaptureLedger } from '../capture/facts.ts';
import type { CaptureOutcome, PlannedCapture } from '../job/tasks/maptask.ts';
import { FATES } from '../packet/fate.ts';

/** Facts of a capture that could not be read. */
export function unreadableFacts(): CaptureFacts {
  return { ...new CaptureLedger({ anomaly() {} }).facts(), format: 'unknown', status: 'unreadable' };
}

/** The outcome of a capture whose map task was given up. */
export function failedOutcome(capture: PlannedCapture): CaptureOutcome {
  return {
    capture,
    facts: unreadableFacts(),
    fates: new Array<number>(FATES.length).fill(0),
    undecoded: [],
    extraRows: 0,
    digest: null,
    failure: { reason: 'task_failed', detail: 'the map task that should read it failed every time it was tried' },
  };
}
