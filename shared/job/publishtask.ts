/** Input and output of publish tasks: an interval's rows of one table, its files. Plain values, JSON in the store. */
import type { DayTable } from '../table/tables.ts';

/** Where the ends of an interval are: of the job that made it, one for each partition. */
export interface EndsPlace {
  job: string;
  /** Its number in that job. */
  number: number;
  partitions: number;
}

/** One publish task: the rows of one table that an interval gave, or those of the sessions left open at the end. */
export interface PublishSpec {
  table: DayTable;
  /** Number of the interval in this job; that behind the last for sessions left open. */
  interval: number;
  /** What the files are named after. */
  unit: string;
  ends: EndsPlace;
  /** Key of the list of the captures' names, by the ranks of the job that made the interval. */
  names: string;
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
