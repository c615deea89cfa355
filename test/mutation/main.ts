/**
 * How many small faults the tests notice.
 *
 *     npm run mutation -- shared/packet                      # 100 mutants of a folder or file, by the tests that mirror it
 *     npm run mutation -- shared/packet/fate.ts --sample 0   # all of them
 *
 * --sample N     mutants drawn from all there are (default 100), 0 for all
 * --seed S       of the draw (default 1), printed
 * --tests GLOB   tests to run (default: those of test/ that mirror the folder of shared/)
 * --slowest S    test files that take longer than so many seconds by themselves are left out, and named (default 30)
 * --workers N    mutants tried at once (default 1)
 *
 * A mutant that a test fails over is killed; one that takes ten times as long as the tests without it counts as killed
 * too. The others have survived: they are listed as they do, and each is a test that is missing, or makes no difference.
 * It exits with 0 however many there are.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { wholeNumber } from '../../shared/job/options/optionvalues.ts';
import { random } from '../capture/build.ts';
import { MUTANT } from './inject.ts';
import type { Mutant } from './mutant.ts';
import { mutantsOf } from './mutants.ts';

/** Times that tests with a mutant may take as long as without. */
const PATIENCE = 10;
/** Seconds that a mutant is given in any case. */
const LEAST_SECONDS = 20;

type Outcome = 'killed' | 'survived' | 'timed out';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string' },
    seed: { type: 'string' },
    tests: { type: 'string', multiple: true },
    slowest: { type: 'string' },
    workers: { type: 'string' },
  },
});
if (positionals.length === 0) throw new Error('name a folder or a file of shared/');
const sample = wholeNumber(values.sample, '--sample', 0, 1e6) ?? 100;
const seed = wholeNumber(values.seed, '--seed', 0, 2 ** 32 - 1) ?? 1;
const slowest = wholeNumber(values.slowest, '--slowest', 1, 3600) ?? 30;
const workers = wholeNumber(values.workers, '--workers', 1, 64) ?? 1;

/** Sources below a place. */
function sourcesOf(place: string): string[] {
  return statSync(place).isDirectory() ? globSync(join(place, '**/*.ts')).sort() : [place];
}

/** The tests of the folder of test/ that mirrors a place in shared/. */
function mirroredTests(place: string): string {
  const [, folder] = place.split('/');
  return `test/${folder}/**/*.test.ts`;
}

/** `count` of the mutants, drawn without putting back, in the order of the sources; all for 0. */
function drawn(all: readonly Mutant[], count: number): Mutant[] {
  if (count === 0 || count >= all.length) return [...all];
  const next = random(seed);
  const places = all.map((_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(next() * (places.length - i));
    [places[i], places[j]] = [places[j], places[i]];
  }
  return places
    .slice(0, count)
    .sort((a, b) => a - b)
    .map((place) => all[place]);
}

/** Processes at work: a mutant may never end by itself, and does not outlive this one. */
const running = new Set<ChildProcess>();
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => {
    for (const child of running) child.kill('SIGKILL');
    process.exit(code);
  });

/** Runs test files in one process, up to the first that fails. */
async function outcome(files: readonly string[], mutant: Mutant | undefined, seconds: number): Promise<Outcome> {
  const inject = join(import.meta.dirname, 'inject.ts');
  const reporter = join(import.meta.dirname, 'firstfailure.ts');
  const args = ['--import', inject, '--test', '--test-isolation=none', `--test-reporter=${reporter}`, ...files];
  const env = { ...process.env, ...(mutant && { [MUTANT]: JSON.stringify(mutant) }) };
  const child = spawn(process.execPath, args, { env, stdio: 'ignore', timeout: seconds * 1000, killSignal: 'SIGKILL' });
  running.add(child);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('exit', (...how) => resolve(how)),
  );
  running.delete(child);
  if (code === 0) return 'survived';
  return signal === 'SIGKILL' ? 'timed out' : 'killed';
}

/** Seconds that a test file takes, or that it takes too long; it must pass. */
async function measured(file: string): Promise<number> {
  const begun = performance.now();
  const ended = await outcome([file], undefined, slowest);
  if (ended === 'killed') throw new Error(`${file} fails without any mutant`);
  return ended === 'timed out' ? Number.POSITIVE_INFINITY : (performance.now() - begun) / 1000;
}

const tests = (values.tests ?? positionals.map(mirroredTests)).flatMap((glob) => globSync(glob)).sort();
const timed: [file: string, seconds: number][] = [];
for (const file of new Set(tests)) timed.push([file, await measured(file)]);
timed.sort((a, b) => a[1] - b[1]);
const chosen = timed.filter(([, seconds]) => seconds <= slowest);
for (const [file] of timed.slice(chosen.length)) console.log(`left out: ${file}, which takes more than ${slowest} s`);
const files = chosen.map(([file]) => file);
if (files.length === 0) {
  console.error(`no tests mirror ${positionals.join(' ')}: name some with --tests`);
  process.exit(1);
}
const whole = chosen.reduce((sum, [, seconds]) => sum + seconds, 0);
const patience = Math.max(LEAST_SECONDS, Math.ceil(whole * PATIENCE));

const all = mutantsOf(positionals.flatMap(sourcesOf));
const mutants = drawn(all, sample);
console.log(
  `${mutants.length} of ${all.length} mutants of ${positionals.join(' ')}, seed ${seed}, by ${files.length} test files`,
);

const outcomes = new Map<Mutant, Outcome>();
const waiting = [...mutants];
async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const ended = await outcome(files, mutant, patience);
    outcomes.set(mutant, ended);
    const { file, line, was, becomes } = mutant;
    if (ended === 'survived')
      console.log(`survived: ${file}:${line}  ${was.replace(/\s+/g, ' ').slice(0, 80)}  ->  ${becomes}`);
  }
}
await Promise.all(Array.from({ length: workers }, work));

const count = (kind: Outcome): number => [...outcomes.values()].filter((ended) => ended === kind).length;
const noticed = mutants.length - count('survived');
const share = ((100 * noticed) / mutants.length).toFixed(1);
console.log(`${noticed} of ${mutants.length} noticed (${share} %), ${count('timed out')} of them by taking too long`);
