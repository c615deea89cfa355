/** Input and output of publish tasks: time windows, files of a table. Plain values, JSON in the store. */
import type { PacketRunBatch } from '../table/run/packetrun.ts';
import type { RunBatch } from '../table/run/sessionrun.ts';
import type { DayTable } from '../table/tables.ts';
import type { Window } from '../table/window.ts';
import type { WrittenRun } from './reducetask.ts';

/** One publish task: neighbouring windows of one table, mostly one file each. */
export interface PublishSpec {
  table: DayTable;
  windows: Window[];
  /** Most rows of a file. */
  mostRows: number;
  /** Runs with batches that reach into the windows, with these batches only. */
  runs: WrittenRun<RunBatch | PacketRunBatch>[];
  /** Keys of the parts about sessions that flipped. */
  turned: string[];
}

/** A file of a table. */
export interface PublishedFile {
  table: DayTable;
  key: string;
  day: string;
  rows: number;
  bytes: number;
}
