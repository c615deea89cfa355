/** Runs of the simulation in threads of their own: there nobody looks after every promise, as a test runner does. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Scenario } from './scenario.ts';
import { type Outcome, Simulation } from './simulation.ts';

/** An outcome, and the processor time that it took, seconds. */
export type Timed = Outcome & { seconds: number };

/**
 * Runs all scenarios, each thread its share of them.
 * @param told hears of each outcome as it comes
 * @returns the outcomes in the order of the scenarios
 */
export async function runAll(
  scenarios: readonly Scenario[],
  threads: number,
  told: (outcome: Timed) => void = () => {},
): Promise<Timed[]> {
  const outcomes: Timed[] = [];
  const run = (thread: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const share = scenarios.filter((_, at) => at % threads === thread);
      const worker = new Worker(new URL(import.meta.url), {
        workerData: share,
        resourceLimits: { maxYoungGenerationSizeMb: 64 },
      });
      let at = thread;
      worker.on('message', (outcome: Timed) => {
        outcomes[at] = outcome;
        at += threads;
        told(outcome);
      });
      worker.on('error', reject);
      worker.on('exit', () => resolve());
    });
  await Promise.all(Array.from({ length: Math.min(threads, scenarios.length) }, (_, thread) => run(thread)));
  return outcomes;
}

async function work(scenarios: readonly Scenario[]): Promise<void> {
  for (const scenario of scenarios) {
    const before = process.threadCpuUsage();
    const outcome = await new Simulation(scenario).run();
    const { user, system } = process.threadCpuUsage(before);
    parentPort?.postMessage({ ...outcome, seconds: (user + system) / 1e6 } satisfies Timed);
  }
}

if (!isMainThread && Array.isArray(workerData)) await work(workerData as Scenario[]);
