/**
 * Many seeds of the simulation, on all processors:
 *
 *   node test/simulation/campaign.ts --seeds 1000 [--from SEED] [--size small|full|million|days|elephant] [--threads N]
 *   node test/simulation/campaign.ts --cost [--captures N]
 *
 * Ends with 1 when anything happened that must not. A seed named there can be run alone with --from and --seeds 1.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { costTable, priceOf } from './cost.ts';
import { runAll, type Timed } from './runs.ts';
import { type Shape, SIZES, scenarioOf } from './scenario.ts';
import { KINDS } from './services.ts';

function report(outcomes: readonly Timed[]): string {
  const sum = (figure: (outcome: Timed) => number): number => outcomes.reduce((all, each) => all + figure(each), 0);
  const count = (figure: (outcome: Timed) => number): string => sum(figure).toLocaleString('en-US');
  const mean = (figure: (outcome: Timed) => number): string => (sum(figure) / outcomes.length).toFixed(2);
  const lines = [
    `${outcomes.length} seeds, ${outcomes.filter(({ violations }) => violations.length > 0).length} with violations; ${mean(({ seconds }) => seconds)} s of processor each`,
    `${count(({ jobs }) => jobs)} jobs: ${count(({ committed }) => committed)} committed, ${count(({ refused }) => refused)} of another version refused`,
    `${count(({ deliveries }) => deliveries)} deliveries, ${count(({ deaths }) => deaths)} deaths of processes, ${count(({ failed }) => failed)} tasks given up, ${count(({ events }) => events)} events; ${mean(({ lasted }) => lasted / 3_600_000)} hours each`,
  ];
  for (const kind of KINDS) {
    const share = ({ requests, bound }: Timed): number => requests[kind] / bound[kind];
    const worst = outcomes.reduce((most, each) => (share(each) > share(most) ? each : most));
    lines.push(
      `${kind.padEnd(8)} ${mean(({ requests }) => requests[kind]).padStart(12)} requests each, at most ${(100 * share(worst)).toFixed(0)} % of the bound (seed ${worst.seed})`,
    );
  }
  lines.push(`$${mean(({ requests }) => priceOf(requests))} each for all requests that coordinate`);
  return lines.join('\n');
}

/** @throws RangeError for a name of no size */
function shapeOf(name: string): Shape {
  const shape = new Map(Object.entries(SIZES)).get(name);
  if (shape === undefined) throw new RangeError(`--size takes ${Object.keys(SIZES).join(', ')}, not '${name}'`);
  return shape;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '0' },
      threads: { type: 'string', default: String(availableParallelism()) },
      size: { type: 'string', default: 'full' },
      cost: { type: 'boolean', default: false },
      captures: { type: 'string' },
    },
  });
  if (values.cost) {
    console.log(await costTable(values.captures === undefined ? undefined : Number(values.captures)));
    return;
  }
  const from = Number(values.from);
  const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => from + at);
  const scenarios = seeds.map((seed) => scenarioOf(seed, shapeOf(values.size)));
  let ended = 0;
  const outcomes = await runAll(scenarios, Number(values.threads), ({ seed, violations }) => {
    for (const violation of violations) console.log(`seed ${seed}: ${violation}`);
    if (++ended % 50 === 0) console.error(`${ended} of ${seeds.length}`);
  });
  console.log(report(outcomes));
  if (outcomes.some(({ violations }) => violations.length > 0)) process.exitCode = 1;
}

await main();
