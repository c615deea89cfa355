/**
 * Anomalies: what is odd about a capture or a packet, under a stable name.
 * Users grep these names, so they are interface: snake_case, Zeek's weird name
 * where Zeek has one. The log is bounded: a capture gives at most
 * ANOMALY_ROWS_PER_NAME rows of one name, then one row with the count.
 */

/** Rows kept of one name in one capture before only counting goes on. */
export const ANOMALY_ROWS_PER_NAME = 25;

/** What is reported: `us`/`ns` are the record's time (-1 when there is none), `offset` its place in the uncompressed capture. */
export type Anomaly = [name: string, us: number, ns: number, offset: number, detail: string];

/** Where readers and decoders report to. Who passes reports on does so whole: what they say is known here and to the table. */
export interface AnomalySink {
  anomaly(...anomaly: Anomaly): void;
}

/** One row of the anomalies table. */
export interface AnomalyRow {
  /** Number of the capture in the list that belongs to the log. */
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
  /** The capture that reports now. */
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
   * Takes the rows out, to be kept elsewhere, in order. Rows that still count stay behind: each is the last of its
   * capture and name, so that what comes in later takes no row's place before it.
   */
  take(): AnomalyRow[] {
    const counting = new Set<AnomalyRow>();
    for (const { overflow } of this.seen.values()) if (overflow !== undefined) counting.add(overflow);
    const taken = this.rows.filter((row) => !counting.has(row));
    this.rows = this.rows.filter((row) => counting.has(row));
    return taken;
  }

  /** Nothing more comes of the captures so far: takes all rows out and forgets what was counted. */
  finish(): AnomalyRow[] {
    const { rows } = this;
    this.rows = [];
    this.seen.clear();
    return rows;
  }
}
