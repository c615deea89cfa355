/**
 * Reading with care: how a capture that kills whoever reads it costs itself only,
 * and not the captures that share its map task.
 *
 * When a map task is tried again, it writes down which capture it is about to
 * read. An attempt that dies leaves that note behind; the capture at which
 * several attempts died is left out from then on, and named. Deaths of another
 * cause (a machine that is switched off) seldom hit the same capture so often.
 */
import { getJson, jsonBytes, type ObjectStore } from '../store/objectstore.ts';
import { Unfinished } from './context.ts';
import { carefulKey } from './keys.ts';

/** Deaths at one capture after which it is left out. */
const MOST_DEATHS = 3;
/** Tries of a message, of those that a queue grants, after which a new message is asked for if there was progress. */
const TRIES_TO_SPARE = 4;

/** jobs/<job>/map/careful/<task> */
interface Notes {
  /** Number of the capture that is being read; null between captures. */
  reading: number | null;
  /** By number of the capture. */
  deaths: Record<string, number>;
}

export class CarefulReading {
  private readonly store: ObjectStore;
  private readonly key: string;
  private readonly notes: Notes;

  private constructor(store: ObjectStore, key: string, notes: Notes) {
    this.store = store;
    this.key = key;
    this.notes = notes;
  }

  /**
   * What earlier attempts at a map task tell; null for a first attempt, which need not be careful.
   * @param receives times that the task's message has been given out
   * @throws Unfinished when a capture has just been found out and this may be the message's last try
   */
  static async begin(store: ObjectStore, job: string, task: number, receives: number): Promise<CarefulReading | null> {
    const key = carefulKey(job, task);
    const notes = await getJson<Notes>(store, key);
    if (notes === undefined) return receives > 1 ? new CarefulReading(store, key, { reading: null, deaths: {} }) : null;
    const careful = new CarefulReading(store, key, notes);
    const { reading } = notes;
    if (reading === null) return careful;
    notes.reading = null;
    notes.deaths[reading] = (notes.deaths[reading] ?? 0) + 1;
    if (notes.deaths[reading] >= MOST_DEATHS && receives >= TRIES_TO_SPARE) {
      await store.put(key, jsonBytes(notes));
      throw new Unfinished(`goes on without capture ${reading}`);
    }
    return careful;
  }

  /** Whether a capture is to be left out. @param number its place in the task */
  leavesOut(number: number): boolean {
    return (this.notes.deaths[number] ?? 0) >= MOST_DEATHS;
  }

  /** Notes that a capture is about to be read, or null: that none is. */
  async before(number: number | null): Promise<void> {
    this.notes.reading = number;
    await this.store.put(this.key, jsonBytes(this.notes));
  }
}
