/**
 * A job's captures, in the order in which they were listed: in one object, or where there are many in parts, of which
 * a reader holds one at a time.
 */
import { randomBytes } from 'node:crypto';
import type { CaptureRef } from '../store/capturesource.ts';
import { listBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { requireJson } from './context.ts';
import { inputsKey, inputsPartPrefix } from './protocol/keys.ts';
import { PART_ROWS, PartsWriter } from './protocol/listparts.ts';

/** A list of captures where they are more than a part holds. */
interface InputParts {
  captures: number;
  /** Keys of the parts, each with PART_ROWS captures but the last. */
  parts: string[];
}

/** Writes a job's captures, unless they are there. @returns whether they are new */
export async function writeInputs(store: ObjectStore, job: string, captures: readonly CaptureRef[]): Promise<boolean> {
  const key = inputsKey(job);
  if (captures.length <= PART_ROWS) return store.putIfAbsent(key, listBytes(captures));
  if ((await store.head(key)) !== undefined) return false;
  // Parts of a name of their own: whoever starts the job at the same time may have listed them in another order.
  const parts = await captureList(store, inputsPartPrefix(job, randomBytes(6).toString('hex')), captures);
  return store.putIfAbsent(key, listBytes(parts));
}

/** A list of captures as one object has it: itself, or where there are many the keys of the parts that were written. */
export type CaptureList = readonly CaptureRef[] | InputParts;

/** @param prefix of the parts' keys */
export async function captureList(
  store: ObjectStore,
  prefix: string,
  captures: readonly CaptureRef[],
): Promise<CaptureList> {
  if (captures.length <= PART_ROWS) return captures;
  const writer = new PartsWriter<CaptureRef>(store, prefix);
  await writer.add(captures);
  return { captures: captures.length, parts: await writer.end() };
}

/** A list of captures, part by part. */
export class Inputs {
  /** How many captures there are. */
  readonly captures: number;
  /** Parts, all but the last of PART_ROWS captures. */
  readonly parts: number;
  private readonly store: ObjectStore;
  private readonly list: CaptureList;

  constructor(store: ObjectStore, list: CaptureList) {
    this.store = store;
    this.list = list;
    this.captures = 'parts' in list ? list.captures : list.length;
    this.parts = 'parts' in list ? list.parts.length : 1;
  }

  /** Those of a job. @throws StoreError 'missing' when it has none */
  static async open(store: ObjectStore, job: string): Promise<Inputs> {
    return new Inputs(store, await requireJson(store, inputsKey(job)));
  }

  /** How many captures a part has. */
  partLength(number: number): number {
    return Math.min(PART_ROWS, this.captures - number * PART_ROWS);
  }

  /** @throws StoreError for a part that is missing or damaged */
  async part(number: number): Promise<readonly CaptureRef[]> {
    return 'parts' in this.list ? requireJson<CaptureRef[]>(this.store, this.list.parts[number]) : this.list;
  }

  async all(): Promise<CaptureRef[]> {
    const captures: CaptureRef[] = [];
    for (let part = 0; part < this.parts; part++) for (const capture of await this.part(part)) captures.push(capture);
    return captures;
  }
}

/** All captures of a job: for those who need each of them in memory. */
export async function allInputs(store: ObjectStore, job: string): Promise<CaptureRef[]> {
  return (await Inputs.open(store, job)).all();
}
