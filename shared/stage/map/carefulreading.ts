/**
 * Careful reading: a capture that kills the process that reads it is lost alone,
 * without the captures that share its map task.
 *
 * When a map task is tried again, it notes which capture it is about to
 * read. An attempt that dies leaves that note; a capture at which
 * several attempts died is left out from then on, and reported. Deaths of another
 * cause (a machine that is switched off) seldom hit the same capture so often.
 * Each attempt has its own note, since two may run at once; one that
 * is still running looks like one that died, so a single death is not evidence.
 * Where several captures kill, or other deaths come in between, the receives of one
 * message are too few: the task then gets additional messages.
 */

import { carefulKey, carefulPrefix, extraMessageKey } from '../../job/protocol/keys.ts';
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';

/** Deaths at a capture after which it is left out. */
const MOST_DEATHS = 3;
/** Additional messages of a task whose attempts died at captures, besides one for each capture left out. */
const MORE_MESSAGES = 2;

/** jobs/<job>/map/careful/<task>/<attempt> */
interface Note {
  /** Number of the capture that is being read; null between captures. */
  reading: number | null;
}

export class CarefulReading {
  private readonly store: ObjectStore;
  private readonly key: string;
  private readonly out: ReadonlySet<number>;

  private constructor(store: ObjectStore, key: string, out: ReadonlySet<number>) {
    this.store = store;
    this.key = key;
    this.out = out;
  }

  /**
   * The notes of earlier attempts of a map task; null for a first attempt, which need not be careful.
   * @param receives how often the task's message was delivered
   */
  static async begin(store: ObjectStore, job: string, task: number, receives: number): Promise<CarefulReading | null> {
    const notes = await readNotes(store, job, task);
    if (notes.length === 0 && receives <= 1) return null;
    return new CarefulReading(store, await newNote(store, job, task, notes.length), foundOut(notes));
  }

  /** Whether a capture is to be left out. @param number its place in the task */
  leavesOut(number: number): boolean {
    return this.out.has(number);
  }

  /** Removes the attempt's note: it fails for a reason that is not the capture. */
  async forget(): Promise<void> {
    // If that fails too, the note counts as one death.
    await this.store.remove([this.key]).catch(() => undefined);
  }

  /** Notes the capture about to be read, or null for none. */
  async before(number: number | null): Promise<void> {
    await this.store.put(this.key, jsonBytes({ reading: number } satisfies Note));
  }
}

/**
 * Whether a map task whose message became a dead letter may still succeed by leaving captures out: attempts died while
 * reading some, and few messages were used so far. Each call that returns true uses one.
 */
export async function mayLeaveOut(store: ObjectStore, job: string, task: number): Promise<boolean> {
  const notes = await readNotes(store, job, task);
  if (notes.every(({ reading }) => reading === null)) return false;
  const most = MORE_MESSAGES + foundOut(notes).size;
  for (let spent = 0; spent < most; spent++)
    if (await store.putIfAbsent(extraMessageKey(job, task, spent), jsonBytes({}))) return true;
  return false;
}

async function readNotes(store: ObjectStore, job: string, task: number): Promise<Note[]> {
  const notes: Note[] = [];
  for await (const { key } of store.list(carefulPrefix(job, task))) {
    const note = await getJson<Note>(store, key);
    if (note !== undefined) notes.push(note);
  }
  return notes;
}

/** Creates the note of an attempt, which no other attempt writes. @returns its key */
async function newNote(store: ObjectStore, job: string, task: number, number: number): Promise<string> {
  for (let attempt = number; ; attempt++) {
    const key = carefulKey(job, task, attempt);
    if (await store.putIfAbsent(key, jsonBytes({ reading: null } satisfies Note))) return key;
  }
}

/** Numbers of the captures at which too many attempts died. */
function foundOut(notes: readonly Note[]): Set<number> {
  const deaths = new Map<number, number>();
  for (const { reading } of notes) if (reading !== null) deaths.set(reading, (deaths.get(reading) ?? 0) + 1);
  return new Set([...deaths].filter(([, count]) => count >= MOST_DEATHS).map(([number]) => number));
}
