/**
 * Looks at the memory of a function while a task runs. Lambda kills a process that uses too much, and V8 ends one whose
 * heap is full, without a word; so the task leaves a note as it comes near.
 */
import { getHeapStatistics } from 'node:v8';

/** Milliseconds between two looks. */
const LOOK_MS = 250;
/** Share of the memory, or of V8's heap, from which on a death is put down to it. */
const NEAR = 0.85;

/** Memory in MB, as Lambda counts it. */
export interface MemoryUse {
  used: number;
  most: number;
}

/**
 * Calls `near` once, when the memory is nearly used up.
 * @param mostMB the function's memory
 * @returns what ends the watch
 */
export function watchMemory(mostMB: number, near: (use: MemoryUse) => void): () => void {
  const timer = setInterval(() => {
    const use = memoryUse(mostMB);
    if (use.used < NEAR * use.most) return;
    clearInterval(timer);
    near(use);
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The heap's use where that is nearer to its end than the process's. */
function memoryUse(most: number): MemoryUse {
  const MB = 2 ** 20;
  const process_ = { used: Math.round(process.memoryUsage.rss() / MB), most };
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  const heap = { used: Math.round(used / MB), most: Math.round(limit / MB) };
  return heap.used / heap.most > process_.used / process_.most ? heap : process_;
}
