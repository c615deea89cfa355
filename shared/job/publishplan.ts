/** Planning the publish stage: which windows of session start time become files, and which files share a task. */
import { planWindows, type Window } from '../table/window.ts';
import type { Job, PublishSpec, StageResults } from './types.ts';

/** Files of one task, at most: many small days share one task, and with it one DuckDB. */
const MOST_FILES = 32;

/** Packet rows that take about the bytes of a session row: their files hold so many times more. */
const PACKETS_FOR_A_SESSION = 4;

/** All publish tasks of a job. */
export function planPublish(job: Job, reduced: readonly StageResults['reduce'][]): PublishSpec[] {
  const { fileRows } = job.config.sizes;
  const packetRows = fileRows * PACKETS_FOR_A_SESSION;
  return [
    ...grouped(
      'sessions',
      planWindows(
        reduced.map(({ sessionStarts }) => sessionStarts),
        fileRows,
      ),
      fileRows,
    ),
    ...grouped(
      'packets',
      planWindows(
        reduced.map(({ packetStarts }) => packetStarts),
        packetRows,
      ),
      packetRows,
    ),
  ];
}

/** Neighbouring windows with at most `rows` rows together. */
function grouped(table: PublishSpec['table'], windows: readonly Window[], rows: number): PublishSpec[] {
  const specs: PublishSpec[] = [];
  let sum = 0;
  for (const window of windows) {
    const last = specs.at(-1);
    if (last === undefined || sum + window.rows > rows || last.windows.length === MOST_FILES) {
      specs.push({ table, windows: [window] });
      sum = window.rows;
    } else {
      last.windows.push(window);
      sum += window.rows;
    }
  }
  return specs;
}
