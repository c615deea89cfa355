/**
 * Anomalies: what is odd about a capture or a packet, under a stable name. Users grep these names, so they are part of
 * the interface: snake_case, and Zeek's weird name if there is one. The log is bounded: a capture has at most
 * ANOMALY_ROWS_PER_NAME rows of one name, then one row with the count of the others.
 */

/** Rows kept of one name in one capture; further ones are only counted. */
export const ANOMALY_ROWS_PER_NAME = 25;

/** What is reported: `us`/`ns` are the record's time (-1 when there is none), `offset` its place in the uncompressed capture. */
export type Anomaly = [name: string, us: number, ns: number, offset: number, detail: string];

/** Where readers and decoders report anomalies. Those in between pass them on unchanged. */
export interface AnomalySink {
  anomaly(...anomaly: Anomaly): void;
}

/** One row of the anomalies table. */
export interface AnomalyRow {
  /** Index into the log's list of captures. */
  capture: number;
  name: string;
  /** Microseconds since 1970, -1 when the anomaly has no packet time. */
  us: number;
  ns: number;
  /** Byte offset in the uncompressed capture. */
  offset: number;
  detail: string;
  /** How many this row stands for: 1, or the number beyond the first ANOMALY_ROWS_PER_NAME. */
  count: number;
}

/** Collects anomalies of several captures, bounded by name and capture. */
export class AnomalyLog implements AnomalySink {
  rows: AnomalyRow[] = [];
  /** The capture that anomalies are now reported of. */
  capture = 0;
  private readonly seen = new Map<string, { count: number; overflow: AnomalyRow | undefined }>();

  anomaly(name: string, us: number, ns: number, offset: number, detail: string): void {
    const key = `${this.capture}/${name}`;
    let entry = this.seen.get(key);
    if (entry === undefined) this.seen.set(key, (entry = { count: 0, overflow: undefined }));
    entry.count++;
    if (entry.count <= ANOMALY_ROWS_PER_NAME) {
      this.rows.push({ capture: this.capture, name, us, ns, offset, detail, count: 1 });
    } else if (entry.overflow === undefined) {
      entry.overflow = {
        capture: this.capture,
        name,
        us,
        ns,
        offset,
        detail: 'and more like it, counted here',
        count: 1,
      };
      this.rows.push(entry.overflow);
    } else {
      entry.overflow.count++;
    }
  }

  /**
   * Removes and returns the rows, in order. Rows that still count stay: each is the last of its capture and name, so
   * later rows never sort before rows already taken.
   */
  take(): AnomalyRow[] {
    const counting = new Set<AnomalyRow>();
    for (const { overflow } of this.seen.values()) if (overflow !== undefined) counting.add(overflow);
    const taken = this.rows.filter((row) => !counting.has(row));
    this.rows = this.rows.filter((row) => counting.has(row));
    return taken;
  }

  /** Ends the captures so far: removes and returns all rows, and clears the counts. */
  finish(): AnomalyRow[] {
    const { rows } = this;
    this.rows = [];
    this.seen.clear();
    return rows;
  }
}
