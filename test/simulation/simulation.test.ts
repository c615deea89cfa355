/** The coordination of whole jobs in virtual time, with whatever may go wrong: nothing gets stuck, lost, mixed or counted twice. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { SEED } from '../seed.ts';
import { tasksOf } from './bounds.ts';
import { calmScenario } from './cost.ts';
import { runAll } from './runs.ts';
import { FULL, type Scenario, type Shape, SMALL, scenarioOf } from './scenario.ts';
import { KINDS } from './services.ts';
import { type Outcome, Simulation } from './simulation.ts';

const FULL_SEEDS = 4;
const SMALL_SEEDS = 150;

/** A job so small that it can be run with each thing that is to happen by itself. */
const TINY: Shape = { captures: 140, mapTasks: 21, mergeTasks: 2, partitions: 3, publishTasks: 4 };

async function simulate(scenarios: readonly Scenario[]): Promise<Outcome[]> {
  const outcomes = await runAll(scenarios, availableParallelism());
  assert.equal(outcomes.length, scenarios.length);
  for (const { seed, violations, requests, bound } of outcomes) {
    assert.deepEqual(violations, [], `SEED=${seed}`);
    for (const kind of KINDS)
      assert.ok(requests[kind] <= bound[kind], `${requests[kind]} ${kind}s, at most ${bound[kind]} (SEED=${seed})`);
  }
  return outcomes;
}

const seeds = (count: number): number[] => Array.from({ length: count }, (_, at) => SEED + at);

test(`42,000 captures, 6,300 map tasks, 300 partitions: ${FULL_SEEDS} seeds from ${SEED}`, async (t) => {
  const outcomes = await simulate(seeds(FULL_SEEDS).map((seed) => scenarioOf(seed, FULL)));
  for (const { seed, lasted, deliveries, deaths, jobs } of outcomes) {
    const hours = (lasted / 3_600_000).toFixed(1);
    t.diagnostic(`seed ${seed}: ${jobs} jobs in ${hours} hours, ${deliveries} deliveries, ${deaths} deaths`);
  }
});

test(`a fiftieth of that: ${SMALL_SEEDS} seeds from ${SEED}`, async (t) => {
  const all = await simulate(seeds(SMALL_SEEDS).map((seed) => scenarioOf(seed, SMALL)));
  const sum = (figure: (outcome: Outcome) => number): number => all.reduce((total, each) => total + figure(each), 0);
  const [deaths, failed, forgotten, refused] = [
    sum((outcome) => outcome.deaths),
    sum((outcome) => outcome.failed),
    sum((outcome) => outcome.forgotten),
    sum((outcome) => outcome.refused),
  ];
  t.diagnostic(`${deaths} deaths, ${failed} tasks given up, ${forgotten} of them tried again, ${refused} jobs refused`);
  for (const count of [deaths, failed, forgotten, refused]) assert.ok(count > 0, 'what may go wrong has gone wrong');
});

test('a seed happens the same way each time', async () => {
  const [first, second] = await simulate([scenarioOf(7, SMALL), scenarioOf(7, SMALL)]);
  assert.deepEqual({ ...first, seconds: 0 }, { ...second, seconds: 0 });
});

test('where nothing goes wrong a task costs 10 GETs, 5 PUTs and 2 LISTs, what later stages read of its end, and each interval two PUTs and a GET', async () => {
  const [{ requests }] = await simulate([calmScenario(FULL)]);
  const { map, reduce, publish } = tasksOf(FULL);
  const tasks = map + reduce + publish + 3;
  const reads = 3 * map + 5 * reduce + 4 * publish;
  const intervals = reduce * publish;
  assert.ok(requests.get <= 10 * tasks + reads + intervals, `${requests.get} GETs`);
  assert.ok(requests.put <= 5.3 * tasks + 2 * intervals, `${requests.put} PUTs`);
  assert.ok(requests.list <= 2.2 * tasks, `${requests.list} LISTs`);
  assert.ok(requests.head <= 300, `${requests.head} HEADs`);
  assert.ok(requests.send <= tasks / 9, `${requests.send} SQS sends`);
});

test('a job that is cancelled at any time and resumed is committed', async () => {
  const scenarios = Array.from({ length: 20 }, (_, half): Scenario => {
    const scenario = calmScenario(TINY);
    scenario.deeds.push({ deed: 'cancel', at: half * 30_000 + 500, waiting: false, resumeAfter: 300 * half });
    return scenario;
  });
  for (const [half, { committed }] of (await simulate(scenarios)).entries())
    assert.equal(committed, 1, `cancelled in half minute ${half}`);
});

test('a version that is deployed at any time of a job refuses it or finds it finished; a new job runs', async () => {
  const scenarios = Array.from({ length: 20 }, (_, half): Scenario => {
    const scenario = calmScenario(TINY);
    const at = half * 30_000 + 500;
    scenario.deeds.push(
      { deed: 'deploy', at },
      { deed: 'submit', at: at + 1000, dataset: 'site', shape: TINY, variant: 1 },
    );
    return scenario;
  });
  const outcomes = await simulate(scenarios);
  for (const [half, { committed, refused }] of outcomes.entries())
    assert.deepEqual([committed + refused, committed > 0], [2, true], `deployed in half minute ${half}`);
  const refusals = outcomes.map(({ refused }) => refused);
  assert.ok(refusals.includes(1) && refusals.includes(0), 'some jobs were in their middle, and some were done');
});

test('a job waits until the one before it of its data set has ended; another data set does not wait', async () => {
  const scenario = calmScenario(TINY);
  for (const [variant, dataset] of [
    [1, 'site'],
    [2, 'elsewhere'],
  ] as const)
    scenario.deeds.push({ deed: 'submit', at: 1000, dataset, shape: TINY, variant });
  const simulation = new Simulation(scenario);
  const outcome = await simulation.run();
  assert.deepEqual(outcome.violations, []);
  const [first, ...others] = [...simulation.asked.values()];
  const second = others.find(({ dataset }) => dataset === first.dataset)!;
  const elsewhere = others.find(({ dataset }) => dataset !== first.dataset)!;
  const begun = ({ id }: typeof first): number => simulation.observer.job(id).begunAt ?? 0;
  const { committedAt } = simulation.observer.job(first.id);
  assert.ok(committedAt !== null && begun(second) > committedAt, 'the second began when the first was done');
  assert.ok(begun(elsewhere) < committedAt, 'the other data set did not wait');
});

test('the simulation notices a message that is lost', async () => {
  const simulation = new Simulation(calmScenario(TINY));
  const { queues } = simulation;
  const accept = queues.accept.bind(queues);
  queues.accept = (url, entries) => accept(url, entries.slice(0, 9));
  const { violations } = await simulation.run();
  assert.match(violations[0], /stuck: .*map 19\/21/);
});

test('the simulation notices writers who do not look whether somebody was first', async () => {
  const scenario = { ...calmScenario(SMALL), faults: { ...calmScenario(SMALL).faults, double: 0.9 } };
  const simulation = new Simulation(scenario);
  const { work } = simulation;
  work.putIfAbsent = (key, bytes, by) => {
    work.put(key, bytes, by);
    return true;
  };
  const { violations } = await simulation.run();
  assert.ok(
    violations.some((violation) => /was written twice/.test(violation)),
    violations.join('\n'),
  );
});

test('the simulation notices a stage that begins too early', async () => {
  const simulation = new Simulation(calmScenario(TINY));
  const { work } = simulation;
  const page = work.page.bind(work);
  // A listing that says a group is full when it is not.
  work.page = (prefix, after) => {
    const heads = page(prefix, after);
    return /map\/done/.test(prefix) && heads.length > 0 ? Array.from({ length: 21 }, () => heads[0]) : heads;
  };
  const { violations } = await simulation.run();
  assert.match(violations[0], /the list of balance was written when \d+ of 21 tasks of map had ended/);
});
