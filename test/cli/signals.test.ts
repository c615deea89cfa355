/** What a signal does to work that ends in order, and to work that does not. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from './harness.ts';

/** Runs work in a process of its own, and sends it a signal as soon as it says that it has begun. */
function stopped(
  work: string,
  signal: NodeJS.Signals,
): Promise<{ code: number | null; by: string | null; err: string }> {
  const program = `
    import { stoppable } from ${JSON.stringify(join(ROOT, 'cli/signals.ts'))};
    try {
      await stoppable(${work}, 50);
    } catch ({ exitCode }) {
      process.exitCode = exitCode;
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdout.once('data', () => void child.kill(signal));
  return new Promise((resolve) => child.on('close', (code, by) => resolve({ code, by, err })));
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`work that ends in order at ${signal} decides the exit code ${code}`, async () => {
    const work = `(signal) => new Promise((_, reject) => {
      const busy = setInterval(() => {}, 1000);
      signal.addEventListener('abort', () => { clearInterval(busy); reject(signal.reason); });
      process.stdout.write('begun');
    })`;
    assert.deepEqual(await stopped(work, signal), { code, by: null, err: '' });
  });

  test(`work that does not end at ${signal} is killed by that signal itself, which runs nothing at exit`, async () => {
    const work = `() => new Promise(() => {
      setInterval(() => {}, 1000);
      process.on('exit', () => process.stderr.write('exit'));
      process.stdout.write('begun');
    })`;
    assert.deepEqual(await stopped(work, signal), {
      code: null,
      by: signal,
      err: 'stopped at once, in the middle of something that took too long to end.\n',
    });
  });
}
