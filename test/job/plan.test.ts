/** Captures to map tasks: in order of time, of about equal bytes, known groups as they were; names mean nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupDigest, planTasks } from '../../shared/job/plan.ts';
import type { MapSpec, PlannedCapture } from '../../shared/job/types.ts';
import { between, random, SEED, shuffled } from './harness.ts';

type Headed = PlannedCapture & { reckoned: number };

function headed(name: string, headUs: number | null, reckoned = 100, content = name): Headed {
  const capture = {
    name,
    location: `/in/${name}`,
    size: reckoned,
    version: `v-${content}`,
    headUs,
    headDigest: content,
  };
  return { ...capture, reckoned };
}

const names = (tasks: readonly MapSpec[]): string[][] => tasks.map(({ captures }) => captures.map(({ name }) => name));
const content = ({ version, headDigest }: PlannedCapture): string => `${version}/${headDigest}`;

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
  assert.deepEqual(planTasks([], [['v-a/a']], 100), []);
});

test('a known group that is whole stays one task, wherever its captures stand in time', () => {
  const captures = [headed('a', 1), headed('b', 2), headed('new', 3), headed('c', 4)];
  const known = [[content(captures[3]), content(captures[0])]];
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
    [content(captures[0]), 'v-gone/gone'],
    [content(captures[0]), content(captures[1])],
  ];
  assert.deepEqual(names(planTasks(captures, known, 1000)), [['a', 'b'], ['c']]);
});

test('a capture is in one task only, also when several known groups hold it', () => {
  const [a, b, c] = [headed('a', 1), headed('b', 2), headed('c', 3)];
  const known = [
    [content(a), content(b)],
    [content(b), content(c)],
  ];
  assert.deepEqual(names(planTasks([a, b, c], known, 1000)), [['a', 'b'], ['c']]);
});

test('copies of one capture are as many captures as there are', () => {
  const copies = [headed('one', 1, 100, 'same'), headed('two', 1, 100, 'same'), headed('three', 1, 100, 'same')];
  const known = [[content(copies[0])], [content(copies[0])]];
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
