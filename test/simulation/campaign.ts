/**
 * Many seeds of the simulation, on all processors:
 *
 *   node test/simulation/campaign.ts --seeds 1000 [--from SEED] [--small] [--workers N]
 *   node test/simulation/campaign.ts --cost
 *
 * Ends with 1 when anything happened that must not. A seed named there can be run alone with --from and --seeds 1.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { costTable, priceOf } from './cost.ts';
import { FULL, SMALL, scenarioOf } from './scenario.ts';
import { KINDS, noRequests } from './services.ts';
import { type Outcome, Simulation } from './simulation.ts';

/** Which seeds a worker runs: every `step`-th from `from` on, before `to`. */
interface Share {
  from: number;
  to: number;
  step: number;
  small: boolean;
}

/** An outcome, and the processor time that it took, seconds. */
type Timed = Outcome & { seconds: number };

async function work({ from, to, step, small }: Share): Promise<void> {
  for (let seed = from; seed < to; seed += step) {
    const before = process.threadCpuUsage();
    const outcome = await new Simulation(scenarioOf(seed, small ? SMALL : FULL)).run();
    const { user, system } = process.threadCpuUsage(before);
    parentPort?.postMessage({ ...outcome, seconds: (user + system) / 1e6 } satisfies Timed);
  }
}

async function campaign(seeds: number, from: number, workers: number, small: boolean): Promise<Timed[]> {
  const outcomes: Timed[] = [];
  const one = (worker: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const share: Share = { from: from + worker, to: from + seeds, step: workers, small };
      const thread = new Worker(new URL(import.meta.url), { workerData: share });
      thread.on('message', (outcome: Timed) => {
        outcomes.push(outcome);
        for (const violation of outcome.violations) console.log(`seed ${outcome.seed}: ${violation}`);
        if (outcomes.length % 50 === 0) console.error(`${outcomes.length} of ${seeds}`);
      });
      thread.on('error', reject);
      thread.on('exit', () => resolve());
    });
  await Promise.all(Array.from({ length: workers }, (_, worker) => one(worker)));
  return outcomes;
}

function report(outcomes: readonly Timed[]): string {
  const sum = (figure: (outcome: Timed) => number): number => outcomes.reduce((all, each) => all + figure(each), 0);
  const count = (figure: (outcome: Timed) => number): string => sum(figure).toLocaleString('en-US');
  const mean = (figure: (outcome: Timed) => number): string => (sum(figure) / outcomes.length).toFixed(2);
  const lines = [
    `${outcomes.length} seeds, ${outcomes.filter(({ violations }) => violations.length > 0).length} with violations; ${mean(({ seconds }) => seconds)} s of processor each`,
    `${count(({ jobs }) => jobs)} jobs: ${count(({ committed }) => committed)} committed, ${count(({ refused }) => refused)} of another version refused`,
    `${count(({ deliveries }) => deliveries)} deliveries, ${count(({ deaths }) => deaths)} deaths of processes, ${count(({ failed }) => failed)} tasks given up, ${count(({ events }) => events)} events; ${mean(({ lasted }) => lasted / 3_600_000)} hours each`,
  ];
  const worst = noRequests();
  for (const { requests, bound } of outcomes)
    for (const kind of KINDS) worst[kind] = Math.max(worst[kind], requests[kind] / bound[kind]);
  for (const kind of KINDS)
    lines.push(
      `${kind.padEnd(8)} ${mean(({ requests }) => requests[kind]).padStart(12)} requests each, at most ${(100 * worst[kind]).toFixed(0)} % of the bound`,
    );
  lines.push(`$${mean(({ requests }) => priceOf(requests))} each for all requests that coordinate`);
  return lines.join('\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '0' },
      workers: { type: 'string', default: String(availableParallelism()) },
      small: { type: 'boolean', default: false },
      cost: { type: 'boolean', default: false },
    },
  });
  if (values.cost) {
    console.log(await costTable());
    return;
  }
  const outcomes = await campaign(Number(values.seeds), Number(values.from), Number(values.workers), values.small);
  console.log(report(outcomes));
  if (outcomes.some(({ violations }) => violations.length > 0)) process.exitCode = 1;
}

await (isMainThread ? main() : work(workerData as Share));
