/** Captures that a data set has forgotten: they stay in its list and in the captures table, and nothing of their packets is kept. */
import type { CaptureRef } from '../../store/capturesource.ts';

/** Why a job does not read one. */
export const FORGOTTEN = { reason: 'capture_forgotten', detail: 'flowstitch forget has removed its packets' };

export function isForgotten({ refused }: Pick<CaptureRef, 'refused'>): boolean {
  return refused?.reason === FORGOTTEN.reason;
}
