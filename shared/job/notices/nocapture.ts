/** Inputs that turned out to be no captures: a README among them is no damage. */
import type { CaptureOutcome } from '../tasks/maptask.ts';

/** An input that was passed over. */
export interface NoCapture {
  input: string;
  /** What it is. */
  detail: string;
}

/** Whether an input is passed over: it was not named as a capture, and its bytes are plainly of something else. */
export function isNoCapture({
  capture,
  facts,
  failure,
}: Pick<CaptureOutcome, 'capture' | 'facts' | 'failure'>): boolean {
  return capture.incidental === true && failure === null && facts.damage[0]?.reason === 'no_capture';
}

/** The inputs that were passed over, in order of their names: their ranks mean nothing. */
export function noCaptures(outcomes: readonly CaptureOutcome[]): NoCapture[] {
  return outcomes
    .filter(isNoCapture)
    .map(({ capture, facts }) => ({ input: capture.name, detail: facts.damage[0].detail }))
    .sort((a, b) => (a.input < b.input ? -1 : 1));
}
