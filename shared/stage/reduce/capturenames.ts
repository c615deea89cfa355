/** Names of captures by rank, read part by part as they are needed: a task's sessions are in few of a job's captures. */

import { requireJson } from '../../job/context.ts';
import { PART_ROWS, readListed } from '../../job/protocol/listparts.ts';
import { inParallel } from '../../store/inparallel.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { NO_RANK } from '../../table/run/sessionrun.ts';

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

/** Lists read at a time: each holds a part in memory. */
const LISTS_AT_ONCE = 4;

/**
 * What the ranks of other jobs are in one. Ranks are a job's own; captures keep their names and their order.
 *
 * @param list key of the list of that job's names
 * @param others of jobs whose ranks are wanted
 * @returns for each of `others` but `list` itself the rank of each of its ranks; one that the job does not have is NO_RANK
 */
export async function ranksAmong(
  store: ObjectStore,
  list: string,
  others: Iterable<string>,
): Promise<Map<string, Uint32Array>> {
  const wanted = [...new Set(others)].filter((other) => other !== list);
  const found = new Map<string, Uint32Array>();
  if (wanted.length === 0) return found;
  const ranks = new Map<string, number>();
  for await (const names of readListed<string>(store, list)) for (const name of names) ranks.set(name, ranks.size);
  await inParallel(wanted, LISTS_AT_ONCE, async (other) => {
    const parts: number[][] = [];
    for await (const names of readListed<string>(store, other))
      parts.push(names.map((name) => ranks.get(name) ?? NO_RANK));
    found.set(other, Uint32Array.from(parts.flat()));
  });
  return found;
}
