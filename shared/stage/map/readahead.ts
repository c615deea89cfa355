/**
 * Reads small captures ahead: a remote store answers many requests in the time of one, and a map task
 * may have a thousand captures.
 */

import type { PlannedCapture } from '../../job/tasks/maptask.ts';
import type { CaptureRef, CaptureSource } from '../../store/capturesource.ts';

/** Captures that are read ahead at a time. */
export const AHEAD = 8;
/** Most stored bytes of a capture that is read ahead. */
const MOST_BYTES = 1 << 18;

export class ReadingAhead implements Pick<CaptureSource, 'stream'> {
  private readonly source: Pick<CaptureSource, 'stream'>;
  private readonly captures: readonly PlannedCapture[];
  private readonly numbers: ReadonlyMap<CaptureRef, number>;
  /** Captures before this one are under way, or are not read ahead. */
  private next = 0;
  private readonly underWay = new Map<CaptureRef, Promise<Uint8Array[]>>();

  /** @param captures in the order in which they will be read */
  constructor(source: Pick<CaptureSource, 'stream'>, captures: readonly PlannedCapture[]) {
    this.source = source;
    this.captures = captures;
    this.numbers = new Map(captures.map((capture, number) => [capture, number]));
  }

  /** The stored bytes of a capture, as from the source; starts reading those after it. A capture that is streamed again is read again. */
  async *stream(capture: CaptureRef): AsyncGenerator<Uint8Array, void> {
    const own = this.underWay.get(capture);
    this.underWay.delete(capture);
    this.readBehind(this.numbers.get(capture) ?? -1);
    if (own === undefined) yield* this.source.stream(capture);
    else yield* await own;
  }

  private readBehind(number: number): void {
    this.next = Math.max(this.next, number + 1);
    const end = Math.min(number + 1 + AHEAD, this.captures.length);
    for (; this.next < end; this.next++) {
      const capture = this.captures[this.next];
      if (capture.refused !== undefined || capture.size > MOST_BYTES) continue;
      const bytes = this.wholeOf(capture);
      // An error is thrown when the capture is streamed.
      bytes.catch(() => {});
      this.underWay.set(capture, bytes);
    }
  }

  private async wholeOf(capture: CaptureRef): Promise<Uint8Array[]> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.source.stream(capture)) chunks.push(chunk.slice());
    return chunks;
  }
}
