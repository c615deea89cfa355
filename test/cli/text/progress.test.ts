/** Progress, with a clock and an output of the test's own. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Progress } from '../../../cli/text/progress.ts';
import type { TaskReport } from '../../../shared/control/task.ts';
import type { Stage } from '../../../shared/job/protocol/stageresults.ts';

class Screen {
  text = '';
  ms = 0;
  readonly columns: number | null;

  constructor(columns: number | null) {
    this.columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }

  /** What was written since the last call. */
  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

function progressOn(screen: Screen, captures = 10): Progress {
  return new Progress(captures, 5_000_000, screen, () => screen.ms);
}

/** What progress does not look at. */
const REPORT = { job: {} as TaskReport['job'], fresh: true, instead: null, ended: false };

function mapped(captures: number, records: number, reused = false, began: Stage | null = null): TaskReport {
  const result = { summary: 'key', captures, records, reused };
  const done = { ok: true, attempt: 'a', seconds: 1, cpuSeconds: 1, result } as const;
  return { ...REPORT, message: { job: 'job', stage: 'map', task: 0 }, done, began };
}

function ended(stage: Stage, began: Stage | null): TaskReport {
  const done = { ok: false, attempt: 'a', reason: 'of no matter here' } as const;
  return { ...REPORT, message: { job: 'job', stage, task: 0 }, done, began };
}

test('elsewhere than on a terminal there are plain lines, no oftener than every five seconds within a stage', () => {
  const screen = new Screen(null);
  const progress = progressOn(screen);
  progress.started('0123', 'new', 'plan');
  assert.equal(screen.take(), 'job 0123: 10 captures, 5.00 MB\n');
  progress.task(ended('plan', 'map'));
  assert.equal(screen.take(), '2/7 map  0 of 10 captures  0.0 s\n');
  screen.ms = 4000;
  progress.task(mapped(1, 1000));
  assert.equal(screen.take(), '');
  screen.ms = 5000;
  progress.task(mapped(1, 1000));
  assert.equal(screen.take(), '2/7 map  2 of 10 captures  400 packets/s  about 20.0 s left  2,000 packets  5.0 s\n');
  screen.ms = 5001;
  progress.task(mapped(8, 500, false, 'balance'));
  assert.equal(screen.take(), '3/7 balance  2,500 packets  5.0 s\n');
  progress.end();
  assert.equal(screen.take(), '');
});

test('on a terminal the line renews itself, is cut to the width, and is gone at the end', () => {
  const screen = new Screen(30);
  const progress = progressOn(screen);
  progress.task(ended('plan', 'map'));
  screen.ms = 1000;
  progress.task(mapped(5, 1000));
  const lines = screen.take().split('\r\x1b[K').slice(1);
  assert.deepEqual(lines, ['2/7 map  0 of 10 captures  0.', '2/7 map  5 of 10 captures  1,']);
  progress.retry('reduce', 3, 'no space\n    at somewhere');
  assert.equal(screen.take(), '\r\x1b[Kreduce task 3 failed, retrying: no space\n');
  progress.end();
  assert.equal(screen.take(), '\r\x1b[K');
});

test('on a terminal the line moves although no task ends', async () => {
  const screen = new Screen(80);
  const progress = progressOn(screen);
  screen.ms = 2000;
  while (screen.text === '') await new Promise((resolve) => setTimeout(resolve, 50));
  progress.end();
  assert.match(screen.take(), /1\/7 plan {2}2\.0 s/);
});

test('packets of shards that were there already count, but not as speed', () => {
  const screen = new Screen(null);
  const progress = progressOn(screen);
  screen.ms = 10_000;
  progress.task(ended('plan', 'map'));
  screen.ms = 20_000;
  progress.task(mapped(5, 9_000, true));
  assert.match(screen.take(), /5 of 10 captures {2}about 20.0 s left {2}9,000 packets/);
});

test('what a resumed and a finished job say', () => {
  const screen = new Screen(null);
  progressOn(screen, 1).started('j', 'resumed', 'publish');
  progressOn(screen, 1).started('j', 'committed', 'commit');
  assert.equal(
    screen.take(),
    'job j: 1 capture, 5.00 MB, resumed at 6/7 publish\njob j: 1 capture, 5.00 MB, already done\n',
  );
});

test('a resumed job is shown at the stage whose tasks run', () => {
  const screen = new Screen(null);
  const progress = progressOn(screen);
  progress.started('j', 'resumed', 'publish');
  screen.take();
  screen.ms = 120_000;
  progress.task(ended('publish', null));
  assert.equal(screen.take(), '6/7 publish  1 task done  2 min 0 s\n');
});

test('reasons from files do not steer the terminal, and without an output nothing is said', () => {
  const screen = new Screen(null);
  progressOn(screen).retry('map', 0, '\x1b[2Jevil');
  assert.equal(screen.take(), 'map task 0 failed, retrying: \\x1b[2Jevil\n');
  const quiet = new Progress(1, 1, null);
  quiet.started('j', 'new', 'plan');
  quiet.task(mapped(1, 1));
  quiet.end();
});

test('a run that waits names the other one once, and says how far that is', () => {
  const screen = new Screen(null);
  const progress = progressOn(screen);
  const other = { job: '0123', dataset: 'site-a', pid: 7, host: 'lab', since: '2026-11-30T10:00:00.000Z' };
  progress.waits({ ...other, at: undefined });
  assert.equal(
    screen.take(),
    'job 0123: process 7 on lab has been doing it since 2026-11-30T10:00:00.000Z; this run waits for it\n',
  );
  screen.ms = 1000;
  progress.waits({ ...other, at: { stage: 'reduce', tasks: 12, ended: 2 } });
  assert.equal(screen.take(), 'waiting for process 7: 5/7 reduce  2 of 12 tasks  1.0 s\n');
  screen.ms = 2000;
  progress.waits({ ...other, at: { stage: 'reduce', tasks: 12, ended: 3 } });
  assert.equal(screen.take(), '');
  screen.ms = 3000;
  progress.waits({ ...other, at: { stage: 'publish', tasks: 1, ended: 0 } });
  assert.equal(screen.take(), 'waiting for process 7: 6/7 publish  0 of 1 task  3.0 s\n');
  progress.waits({ ...other, pid: 8, at: undefined });
  assert.match(screen.take(), /^job 0123: process 8 on lab /);
  progress.started('0123', 'resumed', 'reduce');
  progress.task(ended('reduce', 'publish'));
  assert.equal(screen.take(), 'job 0123: 10 captures, 5.00 MB, resumed at 5/7 reduce\n6/7 publish  3.0 s\n');
});
