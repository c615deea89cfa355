/**
 * A capture that kills whoever reads it, among others in one map task: after a bounded number of attempts it is left
 * out, by name, and costs nothing else; processes that die of other causes cost no capture.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startJob } from '../../../shared/control/start.ts';
import { failTask } from '../../../shared/control/task.ts';
import { stageResults } from '../../../shared/job/protocol/taskends.ts';
import type { CaptureOutcome, MapSummary } from '../../../shared/job/tasks/maptask.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import type { TaskMessage, TaskQueue } from '../../../shared/queue/taskqueue.ts';
import { type CaptureRef, type CaptureSource, FileCaptures } from '../../../shared/store/capturesource.ts';
import { getJson } from '../../../shared/store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../../../shared/store/objectstore.ts';
import { Life, MortalQueue, MortalStore } from '../../job/chaos.ts';
import { demoCaptures, readPackets, writePieces } from '../../job/cutting.ts';
import {
  between,
  captureRefs,
  lines,
  plainConfig,
  random,
  readTables,
  runJob,
  SEED,
  temporaryFolder,
  Workplace,
} from '../../job/harness.ts';
import { MemoryStore } from '../../job/memorystore.ts';

const CAPTURES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
/** All captures are one map task's. */
const CONFIG = plainConfig({ packets: true });

/** Eight captures of twenty packets. */
async function smallCaptures(folder: string): Promise<CaptureRef[]> {
  const { packets } = await readPackets(demoCaptures().find((path) => path.includes('986511'))!);
  const pieces = CAPTURES.map((_, number) => packets.slice(number * 20, number * 20 + 20));
  return captureRefs(writePieces(join(folder, 'in'), pieces, CAPTURES, () => 0.4));
}

/** Captures of which some end the process that reads them. */
class Poisoned implements CaptureSource {
  private readonly files = new FileCaptures();
  private readonly life: Life;
  private readonly poison: readonly string[];

  constructor(life: Life, poison: readonly string[]) {
    this.life = life;
    this.poison = poison;
  }

  version(ref: CaptureRef): Promise<string | undefined> {
    return this.files.version(ref);
  }

  async *stream(ref: CaptureRef, limit?: number): AsyncIterable<Uint8Array> {
    // Plan reads the head, and lives.
    if (limit === undefined && this.poison.includes(ref.name)) {
      this.life.kill();
      throw new StoreError('io', ref.location, 'whatever the process was doing, it does it no more');
    }
    yield* this.files.stream(ref, limit);
  }
}

/** What is worked with, and how often. */
interface Run {
  place: Workplace;
  queue: InProcessQueue;
  poison: readonly string[];
  /** The life of the process that gets the next message, unless it is an ordinary one. */
  nextLife?: (message: TaskMessage) => Life;
  /** Attempts at map tasks. */
  attempts: number;
  /** Only the plan and the map are done. */
  mapOnly: boolean;
}

/** One process works messages off until there are none; when it dies another takes its place, and dead letters are buried. */
async function work(run: Run): Promise<void> {
  const { place, queue, poison } = run;
  const { store, results } = place;
  for (let delivery = queue.receive(); delivery !== undefined; delivery = queue.receive()) {
    const { message, receives } = delivery;
    if (run.mapOnly && message.stage !== 'plan' && message.stage !== 'map') {
      delivery.acknowledge();
      continue;
    }
    if (message.stage === 'map') run.attempts++;
    assert.ok(run.attempts < 100, 'the task is tried without end');
    const life = run.nextLife?.(message) ?? new Life(() => 0);
    const mortal = new Workplace(place.folder);
    mortal.captures = new Poisoned(life, poison);
    mortal.store = new MortalStore(store, life);
    mortal.results = new MortalStore(results, life);
    try {
      await mortal.run(message, new MortalQueue(queue, life), { receives });
      delivery.acknowledge();
    } catch (error) {
      if (!life.ended) throw error;
      delivery.release();
    } finally {
      await life.settled();
    }
    for (const dead of queue.dead.splice(0)) await failTask(store, queue, dead, 'it died each time');
  }
}

async function begin(
  folder: string,
  captures: readonly CaptureRef[],
  poison: readonly string[],
  mapOnly = false,
): Promise<Run & { job: string }> {
  const place = new Workplace(folder);
  if (mapOnly) place.store = new MemoryStore();
  const queue = new InProcessQueue(5);
  const { job } = await startJob(place.store, queue, CONFIG, captures);
  return { place, queue, poison, attempts: 0, mapOnly, job: job.job };
}

/** What became of each capture, by name, as the job's only map task tells; null when it was given up. */
async function outcomes(store: ObjectStore, job: string): Promise<Map<string, CaptureOutcome> | null> {
  const [result] = await stageResults(store, job, 'map');
  if (result === null || result === undefined) return null;
  const { captures } = (await getJson<MapSummary>(store, result.summary))!;
  return new Map(captures.map((outcome) => [outcome.capture.name, outcome]));
}

/** Fails unless just these captures were given up, and the records of all others are those of an undisturbed run. */
function assertOnly(
  actual: Map<string, CaptureOutcome> | null,
  poison: readonly string[],
  undisturbed: Map<string, CaptureOutcome>,
  where: string,
): void {
  assert.ok(actual !== null, `the map task was given up as a whole: ${where}`);
  const lost = [...actual.values()].filter(({ failure }) => failure !== null);
  assert.deepEqual(
    lost.map(({ capture, failure }) => [capture.name, failure?.reason]).sort(),
    poison.map((name) => [name, 'capture_given_up']),
    where,
  );
  for (const [name, { digest }] of actual)
    if (!poison.includes(name)) assert.equal(digest, undisturbed.get(name)?.digest, `${name}: ${where}`);
}

/**
 * Lives of which some end early while they read captures: so few that three notes never name one capture by chance.
 * @param most how many end early @param share how often
 */
function dyingLives(next: () => number, most: number, share: number): NonNullable<Run['nextLife']> {
  let deaths = 0;
  return ({ stage }) => {
    if (stage !== 'map' || deaths >= most || next() >= share) return new Life(next);
    deaths++;
    return new Life(next, between(next, 1, 20), next() < 0.5 ? 'before' : 'after');
  };
}

async function undisturbedOutcomes(
  folder: string,
  captures: readonly CaptureRef[],
): Promise<Map<string, CaptureOutcome>> {
  const run = await begin(folder, captures, [], true);
  await work(run);
  return (await outcomes(run.place.store, run.job))!;
}

for (const poison of [['d'], ['a'], ['h'], ['c', 'f'], ['a', 'd', 'e', 'h']])
  test(`of eight captures in one task ${poison.join(' and ')} kill every reader: named, and all rows of the others are there`, async () => {
    using folder = temporaryFolder();
    const captures = await smallCaptures(folder.path);
    const run = await begin(join(folder.path, 'out'), captures, poison);
    await work(run);
    const summary = await run.place.summary(run.job);
    assert.deepEqual(
      summary.damaged.map(({ capture, status, reason }) => [capture, status, reason]).sort(),
      poison.map((name) => [name, 'unreadable', 'capture_given_up']),
    );
    // Three for each, one more while nobody was careful, and the one that works.
    assert.ok(run.attempts <= 3 * poison.length + 2, `${run.attempts} attempts`);
    const tables = await readTables(run.place.folder, summary.files);
    const others = captures.filter(({ name }) => !poison.includes(name));
    const expected = await runJob(join(folder.path, 'others'), others, CONFIG);
    assert.deepEqual(lines(tables.sessions), lines(expected.tables.sessions));
    assert.deepEqual(lines(tables.packets), lines(expected.tables.packets));
    assert.deepEqual(
      tables.captures.filter(({ damage_reason }) => damage_reason === 'capture_given_up').map(({ capture }) => capture),
      poison,
    );
  });

test(`processes that die anywhere cost no capture (seed ${SEED})`, async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const undisturbed = await undisturbedOutcomes(join(folder.path, 'undisturbed'), captures);
  for (let round = 0; round < 30; round++) {
    const next = random(SEED + round);
    const run = await begin(join(folder.path, `out${round}`), captures, [], true);
    run.nextLife = dyingLives(next, 3, 1);
    await work(run);
    assertOnly(await outcomes(run.place.store, run.job), [], undisturbed, `SEED=${SEED + round}`);
  }
});

test(`a capture that kills its readers, while processes die anywhere too (seed ${SEED})`, async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const undisturbed = await undisturbedOutcomes(join(folder.path, 'undisturbed'), captures);
  for (let round = 0; round < 30; round++) {
    const next = random(SEED + round);
    const run = await begin(join(folder.path, `out${round}`), captures, ['e'], true);
    run.nextLife = dyingLives(next, 2, 0.7);
    await work(run);
    assertOnly(await outcomes(run.place.store, run.job), ['e'], undisturbed, `SEED=${SEED + round}`);
  }
});

test(`a capture that kills its readers, in a task whose message came twice, in two processes at once, while others die (seed ${SEED})`, async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const undisturbed = await undisturbedOutcomes(join(folder.path, 'undisturbed'), captures);
  for (let round = 0; round < 30; round++) {
    const next = random(SEED + round);
    const run = await begin(join(folder.path, `out${round}`), captures, ['e'], true);
    const once = run.queue.send.bind(run.queue);
    const twice: TaskQueue['send'] = (messages) => once([...messages, ...messages]);
    run.queue.send = twice;
    run.nextLife = dyingLives(next, 1, 0.3);
    await Promise.all([work(run), work(run)]);
    await work(run);
    assertOnly(await outcomes(run.place.store, run.job), ['e'], undisturbed, `SEED=${SEED + round}`);
  }
});

test('a task that dies each time behind its last capture is given up after a bounded number of attempts', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const run = await begin(join(folder.path, 'out'), captures, [], true);
  const working = run.place.store;
  const broken = Object.create(working) as typeof working;
  let life = new Life(() => 0);
  run.nextLife = () => {
    life = new Life(() => 0);
    return life;
  };
  broken.put = async (key, bytes) => {
    if (!key.startsWith('shards/')) return working.put(key, bytes);
    life.kill();
    throw new StoreError('io', key, 'no memory for this shard');
  };
  run.place.store = broken;
  await work(run);
  assert.equal(await outcomes(working, run.job), null);
  assert.ok(run.attempts <= 5, `${run.attempts} attempts`);
});
