/** Input and output of publish tasks: rows of one table, their files. Plain values, JSON in the store. */
import type { DayTable } from '../../table/tables.ts';
import type { JobConfig } from '../jobconfig.ts';

/** Packet rows that take about the bytes of a session row: their files hold so many times more. */
const PACKETS_FOR_A_SESSION = 4;

/** Most rows of a file of a table. */
export function fileRowsOf({ sizes }: JobConfig, table: DayTable): number {
  return sizes.fileRows * (table === 'packets' ? PACKETS_FOR_A_SESSION : 1);
}

/** Where the ends of an interval are: of the job that made it, one for each partition. */
export interface EndsPlace {
  job: string;
  /** Its number in that job. */
  number: number;
  partitions: number;
  /** Key of the list of the captures' names, by the ranks of that job. */
  names: string;
}

/**
 * One publish task: the rows of one table that an interval gave, those of the sessions left open at the end, or those of
 * one day that several intervals gave.
 */
export interface PublishSpec {
  table: DayTable;
  /** Number in this job of the interval with which the files stand; that behind the last for sessions left open. */
  interval: number;
  /** What the files are named after. */
  unit: string;
  /** Of the interval; of a joined day those of each interval, in their order. */
  ends: EndsPlace[];
  /** Key of the list of names that the rows get. */
  names: string;
  /** The joined day; null for the days of one interval, but for those that are `without`: they are joined. */
  only: string | null;
  without: string[];
  /** Keys of parts about sessions that flipped, in the order in which they did. */
  turned: string[];
  /** Chain ids of the later intervals that these parts are from. */
  corrections: string[];
}

/** A file of a table. */
export interface PublishedFile {
  table: DayTable;
  key: string;
  day: string;
  rows: number;
  bytes: number;
}
