/** The heap that merges go by, against sorting. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Heap } from '../../shared/algorithm/heap.ts';
import { dice, SEED } from '../shard/packets.ts';

test(`cursors over sorted lists give all their numbers in order, whenever they join (SEED=${SEED})`, () => {
  const roll = dice(SEED);
  for (let round = 0; round < 300; round++) {
    const lists = Array.from({ length: roll(9) }, () =>
      Array.from({ length: 1 + roll(12) }, () => roll(40)).sort((a, b) => a - b),
    );
    const waiting = lists.toSorted((a, b) => a[0] - b[0]).map((list) => ({ list, at: 0 }));
    const heap = new Heap<(typeof waiting)[number]>((a, b) => a.list[a.at] < b.list[b.at]);
    const merged: number[] = [];
    while (heap.items.length > 0 || waiting.length > 0) {
      while (waiting.length > 0 && (heap.items.length === 0 || roll(2) === 0 || comesFirst()))
        heap.push(waiting.shift()!);
      const [top] = heap.items;
      merged.push(top.list[top.at++]);
      if (top.at === top.list.length) heap.shift();
      else heap.settle();
    }
    assert.deepEqual(
      merged,
      lists.flat().sort((a, b) => a - b),
      `round ${round}`,
    );

    function comesFirst(): boolean {
      const [top] = heap.items;
      return waiting[0].list[0] <= top.list[top.at];
    }
  }
});
