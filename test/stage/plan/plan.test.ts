/** Captures to map tasks: in order of time, of about equal bytes, known groups as they were; names mean nothing. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { digestWords } from '../../../shared/algorithm/digesttable.ts';
import { MOST_MESSAGES, runTask, type TaskReport } from '../../../shared/control/task.ts';
import type { TaskContext } from '../../../shared/job/context.ts';
import type { JobConfig } from '../../../shared/job/jobconfig.ts';
import { readEnd } from '../../../shared/job/protocol/jobend.ts';
import { doneKey, inputsKey, jobKey } from '../../../shared/job/protocol/keys.ts';
import type { Done, StageResults } from '../../../shared/job/protocol/stageresults.ts';
import { RELEASE } from '../../../shared/job/revisions.ts';
import type { MapSpec, PlannedCapture } from '../../../shared/job/tasks/maptask.ts';
import type { TaskMessage } from '../../../shared/queue/taskqueue.ts';
import { inOrder, Matching, refusedGroups } from '../../../shared/stage/plan/grouping.ts';
import { contentOf, HeadedCaptures } from '../../../shared/stage/plan/headedcaptures.ts';
import { groupDigest } from '../../../shared/stage/plan/plan.ts';
import { workOf } from '../../../shared/stage/works.ts';
import { getJson, jsonBytes } from '../../../shared/store/jsonobject.ts';
import { StoreError } from '../../../shared/store/objectstore.ts';
import { Crash, Life, MortalStore } from '../../job/chaos.ts';
import { between, plainConfig, random, SEED, shuffled } from '../../job/harness.ts';
import { MemoryStore } from '../../job/memorystore.ts';
import { SmallCaptures } from './smallcaptures.ts';

function headed(name: string, headUs: number | null, size = 100, content = name): PlannedCapture {
  const headDigest = createHash('sha256').update(content).digest('hex').slice(0, 16);
  return { name, location: `/in/${name}`, size, version: `v-${content}`, headUs, headDigest };
}

/** Captures in groups: those of known groups, the others, those that are refused. */
function planTasks(
  list: readonly PlannedCapture[],
  known: readonly string[][],
  taskBytes: number,
): Pick<MapSpec, 'captures' | 'group'>[] {
  const captures = new HeadedCaptures(list.length);
  for (const capture of list) {
    const { headUs: firstUs, headDigest: digest, refused } = capture;
    captures.add(capture, { firstUs, digest, compression: 'none' }, refused !== undefined);
  }
  const matching = new Matching(captures, inOrder(captures));
  const groups = known.map((contents) =>
    matching.take(Uint32Array.from(contents.flatMap((one) => [...digestWords(one)]))),
  );
  const all = [...groups.filter((group) => group !== null), ...matching.rest(taskBytes), ...refusedGroups(captures)];
  return all.map((numbers) => {
    const planned = [...numbers].map((number) => captures.planned(number, list[number]));
    return { captures: planned, group: groupDigest(planned) };
  });
}

const names = (tasks: readonly Pick<MapSpec, 'captures'>[]): string[][] =>
  tasks.map(({ captures }) => captures.map(({ name }) => name));

test('captures are grouped in order of their first packet, those without one last', () => {
  const captures = [headed('late', 30), headed('none', null), headed('early', 10), headed('middle', 20)];
  assert.deepEqual(names(planTasks(captures, [], 200)), [
    ['early', 'middle'],
    ['late', 'none'],
  ]);
});

test('a task holds as many bytes as asked for, and one capture at least', () => {
  const captures = [
    headed('a', 1, 60),
    headed('b', 2, 60),
    headed('huge', 3, 900),
    headed('c', 4, 40),
    headed('d', 5, 60),
  ];
  assert.deepEqual(names(planTasks(captures, [], 100)), [['a'], ['b'], ['huge'], ['c', 'd']]);
});

test('a task holds a thousand captures at most', () => {
  const captures = Array.from({ length: 2500 }, (_, i) => headed(`c${i}`, i, 0));
  assert.deepEqual(
    planTasks(captures, [], 1).map((task) => task.captures.length),
    [1000, 1000, 500],
  );
});

test('no captures are no tasks', () => {
  assert.deepEqual(planTasks([], [[contentOf(headed('a', 1))]], 100), []);
});

test('a known group that is whole stays one task, wherever its captures stand in time', () => {
  const captures = [headed('a', 1), headed('b', 2), headed('new', 3), headed('c', 4)];
  const known = [[contentOf(captures[3]), contentOf(captures[0])]];
  const tasks = planTasks(captures, known, 1000);
  assert.deepEqual(names(tasks), [
    ['c', 'a'],
    ['b', 'new'],
  ]);
  assert.equal(tasks[0].group, groupDigest([captures[3], captures[0]]));
});

test('a known group of which one capture is gone or changed is not used, and costs none of the others', () => {
  const captures = [headed('a', 1), headed('b', 2), headed('c', 3)];
  const known = [
    [contentOf(captures[0]), 'v-gone/gone'],
    [contentOf(captures[0]), contentOf(captures[1])],
  ];
  assert.deepEqual(names(planTasks(captures, known, 1000)), [['a', 'b'], ['c']]);
});

test('a capture is in one task only, also when several known groups hold it', () => {
  const [a, b, c] = [headed('a', 1), headed('b', 2), headed('c', 3)];
  const known = [
    [contentOf(a), contentOf(b)],
    [contentOf(b), contentOf(c)],
  ];
  assert.deepEqual(names(planTasks([a, b, c], known, 1000)), [['a', 'b'], ['c']]);
});

test('copies of one capture are as many captures as there are', () => {
  const copies = [headed('one', 1, 100, 'same'), headed('two', 1, 100, 'same'), headed('three', 1, 100, 'same')];
  const known = [[contentOf(copies[0])], [contentOf(copies[0])]];
  const tasks = planTasks(copies, known, 1000);
  assert.equal(tasks.length, 3);
  assert.deepEqual(names(tasks).flat().sort(), ['one', 'three', 'two']);
});

test(`the tasks' contents do not depend on the order of listing or on names (seed ${SEED})`, () => {
  for (let round = 0; round < 50; round++) {
    const next = random(SEED + round);
    const captures = Array.from({ length: between(next, 1, 60) }, (_, i) =>
      headed(`name-${i}`, next() < 0.1 ? null : between(next, 0, 20), between(next, 0, 80), `content-${i}`),
    );
    const copies = captures.slice(0, 3).map((capture) => ({ ...capture, name: `${capture.name} copied` }));
    captures.push(...copies);
    const newNames = shuffled(
      next,
      captures.map(({ name }) => name),
    );
    const renamed = captures.map((capture, i) => ({ ...capture, name: newNames[i] }));
    const expected = planTasks(captures, [], 100);
    const actual = planTasks(shuffled(next, renamed), [], 100);
    assert.deepEqual(
      actual.map(({ group }) => group),
      expected.map(({ group }) => group),
      `SEED=${SEED + round}`,
    );
    assert.deepEqual(
      names(actual).flat().sort(),
      captures.map(({ name }) => name).sort(),
      `every capture once: SEED=${SEED + round}`,
    );
  }
});

test('a group is named by what its captures hold and their order, not by their names', () => {
  const a = headed('a', 1, 100, 'x');
  const b = headed('b', 2, 100, 'y');
  assert.equal(groupDigest([a, b]), groupDigest([{ ...a, name: 'other', location: '/elsewhere' }, b]));
  assert.notEqual(groupDigest([a, b]), groupDigest([b, a]));
  assert.notEqual(groupDigest([a, b]), groupDigest([{ ...a, version: 'v2' }, b]));
  assert.notEqual(groupDigest([a, b]), groupDigest([{ ...a, headDigest: 'z' }, b]));
});

test('captures that will not be read stand apart, a thousand in a task, and disturb no known group', () => {
  const refused = { reason: 'capture_archived', detail: 'restore it' };
  const others = [headed('a', 1), headed('b', 2)];
  const archived = Array.from({ length: 1200 }, (_, i) => ({ ...headed(`cold${i}`, null), refused }));
  // Of the same content as a capture that is there, and earlier: it does not take its place in the known group.
  archived[0] = { ...headed('copy of b', 0, 100, 'b'), refused };
  const known = [[contentOf(others[0]), contentOf(others[1])]];
  const tasks = planTasks([...archived, ...others], known, 1000);
  assert.deepEqual(
    tasks.map(({ captures }) => captures.length),
    [2, 1000, 200],
  );
  assert.equal(tasks[0].group, groupDigest(others));
  assert.ok(tasks.slice(1).every(({ captures }) => captures.every((capture) => capture.refused !== undefined)));
});

const FIRST: TaskMessage = { job: 'j', stage: 'plan', task: 0 };

/** A job over captures, of which only the plan is done. */
class Planning {
  readonly store = new MemoryStore();
  readonly sent: { messages: readonly TaskMessage[]; again: boolean }[] = [];
  readonly captures: SmallCaptures;
  private readonly config: JobConfig;

  constructor(captures: SmallCaptures, sizes: Partial<JobConfig['sizes']> = {}) {
    this.captures = captures;
    this.config = plainConfig({ sizes });
  }

  async run(more: Partial<TaskContext> = {}, message: TaskMessage = FIRST): Promise<TaskReport> {
    const { store, captures } = this;
    await store.putIfAbsent(jobKey('j'), jsonBytes({ job: 'j', software: RELEASE, config: this.config }));
    await store.putIfAbsent(inputsKey('j'), jsonBytes(captures.refs));
    const queue = {
      send: async (messages: readonly TaskMessage[], { again = false } = {}) =>
        void this.sent.push({ messages, again }),
    };
    const context = { store, results: store, captures, queue, scratch: '', ...more };
    return runTask(context, message, workOf);
  }

  async planned(): Promise<PlannedCapture[]> {
    const done = await getJson<Done<'plan'> & { ok: true }>(this.store, doneKey('j', 'plan', 0));
    const { tasks, specs } = done!.result as StageResults['plan'];
    const planned: PlannedCapture[] = [];
    for (let task = 0; task < tasks; task++)
      planned.push(...(await getJson<MapSpec>(this.store, `${specs}${task}.json`))!.captures);
    return planned;
  }
}

/** Time that runs out in the n-th part. */
const untilPart = (parts: number): (() => number) => {
  let part = 0;
  return () => (part++ < parts ? 200_000 : 59_999);
};

test('heads of 9,000 captures are read part by part: what was read before the time ran out is not read again', async () => {
  const planning = new Planning(new SmallCaptures(9000));
  const reports: (TaskReport['instead'] | 'done')[] = [];
  const heads: number[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const { instead, done } = await planning.run({ timeLeft: untilPart(1) });
    reports.push(done === null ? instead : 'done');
    heads.push(planning.captures.read.length);
  }
  assert.deepEqual(reports, ['unfinished', 'unfinished', 'done']);
  assert.deepEqual(heads, [4000, 8000, 9000]);
  const goingOn = { messages: [{ ...FIRST, continued: 1 }], again: true };
  assert.deepEqual(planning.sent.slice(0, 2), [goingOn, goingOn], 'it goes on with a message of its own');
  assert.deepEqual(
    (await planning.planned()).map(({ name }) => name),
    planning.captures.refs.map(({ name }) => name).reverse(),
    'all of them, in order of time',
  );
});

test('a plan without time for a single part says so rather than begin one', async () => {
  const planning = new Planning(new SmallCaptures(4001));
  assert.equal((await planning.run({ timeLeft: untilPart(0) })).instead, 'unfinished');
  assert.deepEqual(planning.captures.read, []);
});

test('a task that goes on and on without getting further ends its job, which says how often and that it can be resumed', async () => {
  const planning = new Planning(new SmallCaptures(4001));
  // All but the last of its messages had the same end.
  const late = { ...FIRST, continued: MOST_MESSAGES - 3 };
  let report = await planning.run({ timeLeft: untilPart(0) }, late);
  for (let message = planning.sent.shift(); message !== undefined; message = planning.sent.shift())
    report = await planning.run({ timeLeft: untilPart(0) }, message.messages[0]);
  assert.deepEqual([report.instead, report.ended], ['skipped', true]);
  const end = await readEnd(planning.store, 'j');
  assert.ok(end?.state === 'failed');
  assert.match(end.reason, /^not done after 1000 messages.*heads of 0 of 4001 captures.*flowstitch resume j goes on/);
});

for (const [how, packed, limit] of [
  ['plain', false, 99],
  ['compressed', true, 300],
] as const)
  test(`a ${how} capture that would take longer than one task may is refused by name, with the remedy`, async () => {
    const captures = new SmallCaptures(2, packed);
    // What is compressed is reckoned four times as large.
    captures.refs[0].size = packed ? limit / 4 + 1 : limit + 1;
    captures.refs[1].size = packed ? limit / 4 : limit;
    const planning = new Planning(captures, { captureBytes: limit });
    await planning.run();
    const refused = new Map((await planning.planned()).map((capture) => [capture.name, capture.refused]));
    assert.equal(refused.get('s3://captures/1'), undefined);
    assert.equal(refused.get('s3://captures/0')?.reason, 'capture_too_large');
    assert.match(
      refused.get('s3://captures/0')?.detail ?? '',
      /at most .* GiB: cut it with 'editcap .* upload the pieces/,
    );
    const anywhere = new Planning(captures);
    await anywhere.run();
    assert.ok(
      (await anywhere.planned()).every((capture) => capture.refused === undefined),
      'where time is no matter',
    );
  });

test('a head that may not be read refuses its capture; one that cannot be read now does not', async () => {
  const captures = new SmallCaptures(3);
  captures.fails.set('s3://captures/0', new StoreError('refused', '0', 'allow kms:Decrypt'));
  captures.fails.set('s3://captures/1', new StoreError('io', '1', 'the connection broke'));
  captures.refs[2].refused = { reason: 'capture_archived', detail: 'restore it' };
  const planning = new Planning(captures);
  await planning.run();
  const refused = (await planning.planned()).map((capture) => [capture.name, capture.refused]);
  assert.deepEqual(refused, [
    ['s3://captures/1', undefined],
    ['s3://captures/0', { reason: 'capture_refused', detail: 'allow kms:Decrypt' }],
    ['s3://captures/2', { reason: 'capture_archived', detail: 'restore it' }],
  ]);
  assert.ok(!captures.read.includes('s3://captures/2'), 'what is known to be archived is not asked for');
});

test('a plan whose process died three times looks at no head any more, and maps all captures nevertheless', async () => {
  const captures = new SmallCaptures(5);
  const planning = new Planning(captures);
  for (const receives of [1, 2, 3, 4]) {
    const life = new Life(() => 0);
    captures.onRead = (name) => {
      if (name === 's3://captures/3') life.kill();
    };
    const attempt = planning.run({ receives, store: new MortalStore(planning.store, life) });
    if (receives === 4) await attempt;
    else await assert.rejects(attempt, Crash);
  }
  assert.equal(captures.read.length, 3 * 5);
  const planned = await planning.planned();
  assert.deepEqual(planned.map(({ name }) => name).sort(), captures.refs.map(({ name }) => name).sort());
  assert.ok(planned.every(({ headUs, refused }) => headUs === null && refused === undefined));
});
