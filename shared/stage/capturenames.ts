/** Names of captures by rank, read part by part as they are needed: a task's sessions are in few of a job's captures. */

import { requireJson } from '../job/context.ts';
import { PART_ROWS } from '../job/listparts.ts';
import type { ObjectStore } from '../store/objectstore.ts';

export class CaptureNames {
  private readonly store: ObjectStore;
  private readonly keys: readonly string[];
  private readonly parts: (readonly string[])[] = [];

  private constructor(store: ObjectStore, keys: readonly string[]) {
    this.store = store;
    this.keys = keys;
  }

  /** @param list key of the list of parts. @throws StoreError when it is missing or damaged */
  static async open(store: ObjectStore, list: string): Promise<CaptureNames> {
    return new CaptureNames(store, await requireJson<string[]>(store, list));
  }

  /** Reads what `nameOf` needs for these ranks. @throws StoreError when a part is missing or damaged */
  async need(lowest: number, highest: number): Promise<void> {
    for (let part = Math.floor(lowest / PART_ROWS); part * PART_ROWS <= highest; part++)
      this.parts[part] ??= await requireJson<string[]>(this.store, this.keys[part]);
  }

  nameOf(rank: number): string {
    return this.parts[Math.floor(rank / PART_ROWS)][rank % PART_ROWS];
  }
}
