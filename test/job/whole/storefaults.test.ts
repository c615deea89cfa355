/**
 * What a store on a disk can do to a job: a write that fails, a disk that fills up, power that fails, reads that
 * come short, objects that are emptied, cut or changed. Such a job may end, with the reason; it never goes on
 * without captures, and run again it gives what an undisturbed one gives.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startJob } from '../../../shared/control/start.ts';
import { failTask } from '../../../shared/control/task.ts';
import { faultOf } from '../../../shared/job/protocol/fault.ts';
import { readEnd } from '../../../shared/job/protocol/jobend.ts';
import { summaryKey } from '../../../shared/job/protocol/keys.ts';
import type { JobSummary } from '../../../shared/job/summary.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import { type CaptureRef, FileCaptures } from '../../../shared/store/capturesource.ts';
import { DirectoryStore, type Files } from '../../../shared/store/directorystore.ts';
import { getJson } from '../../../shared/store/jsonobject.ts';
import type { ObjectStore } from '../../../shared/store/objectstore.ts';
import { FaultyFiles, ForgetfulFiles, systemError } from '../../store/faultyfiles.ts';
import { demoCaptures, readPackets, writePieces } from '../cutting.ts';
import { between, captureRefs, pick, plainConfig, random, SEED, temporaryFolder, Workplace } from '../harness.ts';

/** Every stage has several tasks or pieces, and yet a whole job is done in a fraction of a second. */
const CONFIG = plainConfig({
  sizes: { taskBytes: 1, partitionRows: 60, shardRows: 100, fileRows: 1000, directReads: 0 },
});

/** Where a directory store in memory is said to lie. */
const ROOT = '/results';

async function smallCaptures(folder: string): Promise<CaptureRef[]> {
  const { packets } = await readPackets(demoCaptures().find((path) => path.includes('986511'))!);
  const some = packets.slice(-80);
  const pieces = [some.slice(0, 40), some.slice(40)];
  return captureRefs(writePieces(join(folder, 'in'), pieces, ['one', 'two'], () => 0.4));
}

/** A place whose stores lie on these files. */
function placeOn(folder: string, files: Files, root = ROOT): Workplace {
  const place = new Workplace(folder);
  place.store = new DirectoryStore(join(root, '_flowstitch'), undefined, files);
  place.results = new DirectoryStore(root, undefined, files);
  return place;
}

/** Runs a job as the embedded engine does, what is damaged made again. @throws Error with the reason when the job fails */
async function run(place: Workplace, captures: readonly CaptureRef[], config = CONFIG): Promise<JobSummary> {
  for (let tries = 0; ; tries++) {
    assert.ok(tries < 4, 'a job is never damaged by making it again');
    const queue = new InProcessQueue(2);
    const { job } = await startJob(place.store, queue, config, captures, { results: place.results });
    for (let delivery = queue.receive(); delivery !== undefined; delivery = queue.receive()) {
      try {
        await place.run(delivery.message, queue);
        delivery.acknowledge();
      } catch (error) {
        const fault = faultOf(error);
        const reason = fault?.reason ?? String(error);
        if (fault !== null) await failTask(place.store, queue, delivery.message, reason, fault);
        delivery.release();
      }
      for (const message of queue.dead.splice(0)) await failTask(place.store, queue, message, 'it failed each time');
    }
    const end = await readEnd(place.store, job.job);
    if (end === undefined) return (await getJson<JobSummary>(place.store, summaryKey(job.job)))!;
    assert.equal(end.state, 'failed');
    if (end.state === 'failed' && end.damaged === undefined) throw new Error(end.reason);
  }
}

/** The files of the job that readers see, by key, the job's own part of a key left out. */
async function published(results: ObjectStore, { job, files }: JobSummary): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const key of Object.values(files).flat())
    found[key.replace(job, 'job')] = Buffer.from(await results.get(key)).toString('base64');
  return found;
}

async function undisturbed(folder: string, captures: readonly CaptureRef[]): Promise<Record<string, string>> {
  const place = placeOn(folder, new ForgetfulFiles(ROOT));
  return published(place.results, await run(place, captures));
}

test(`a disk that fills up at any write, or fails there, ends the job with the reason; run again it is whole (seed ${SEED})`, async (t) => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const expected = await undisturbed(folder.path, captures);
  const counted = new FaultyFiles(() => undefined, undefined, new ForgetfulFiles(ROOT));
  await run(placeOn(folder.path, counted), captures);
  t.diagnostic(`${counted.changes} changes`);
  // A third of all moments in each run; another seed takes others.
  for (let k = 1 + (SEED % 3); k <= counted.changes; k += 3) {
    const next = random(SEED + k);
    const code = pick(next, ['ENOSPC', 'EIO', 'EMFILE', 'EACCES'] as const);
    const goesOn = pick(next, [0, 5, Number.POSITIVE_INFINITY]);
    const say = `SEED=${SEED}, ${code} from change ${k} on, ${goesOn} more`;
    const disk = new ForgetfulFiles(ROOT);
    const full = new FaultyFiles(
      (n, change, path) =>
        n < k || n > k + goesOn || change === 'unlink' ? undefined : systemError(code, change, path),
      undefined,
      disk,
    );
    const place = placeOn(folder.path, full);
    let summary: JobSummary;
    try {
      // One that passes quickly may do no harm at all.
      summary = await run(place, captures);
    } catch (error) {
      assert.match(String(error), new RegExp(`\\(${code}\\)`), say);
      place.store = new DirectoryStore(join(ROOT, '_flowstitch'), undefined, disk);
      place.results = new DirectoryStore(ROOT, undefined, disk);
      summary = await run(place, captures);
    }
    assert.deepEqual(summary.damaged, [], say);
    assert.deepEqual(await published(place.results, summary), expected, say);
    const left = [...disk.all().keys()].filter((path) => path.includes('.unfinished-'));
    assert.deepEqual(left, [], `left behind: ${say}`);
  }
});

test(`power that fails at any moment loses nothing that was told to be done (seed ${SEED})`, async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const expected = await undisturbed(folder.path, captures);
  const counted = new FaultyFiles(() => undefined, undefined, new ForgetfulFiles(ROOT));
  await run(placeOn(folder.path, counted), captures);
  const next = random(SEED);
  for (let round = 0; round < 60; round++) {
    const k = between(next, 1, counted.changes);
    const say = `SEED=${SEED}, round ${round}: power fails at change ${k} of ${counted.changes}`;
    const disk = new ForgetfulFiles(ROOT);
    const dying = new FaultyFiles(
      (n, change, path) => (n < k ? undefined : systemError('EIO', change, path)),
      undefined,
      disk,
    );
    await run(placeOn(folder.path, dying), captures).catch(() => undefined);
    disk.powerCut();
    const place = placeOn(folder.path, disk);
    const summary = await run(place, captures);
    assert.deepEqual(await published(place.results, summary), expected, say);
    // And once more when all is done: what was visible is there for good. What was removed may be back.
    const before = disk.all();
    disk.powerCut();
    const after = disk.all();
    for (const [path, bytes] of before) assert.deepEqual(after.get(path), bytes, `${path} after the job's end: ${say}`);
  }
});

test('a store that forgets shows what syncing is for', async () => {
  const disk = new ForgetfulFiles(ROOT);
  await disk.mkdir(`${ROOT}/a`);
  const file = await disk.open(`${ROOT}/a/unsynced`, 'wx');
  await file.writeFile(new Uint8Array(5));
  disk.powerCut();
  assert.equal(disk.all().size, 0);
  await new DirectoryStore(ROOT, undefined, disk).put('a/b/c', new Uint8Array(5));
  disk.powerCut();
  assert.deepEqual([...disk.all().keys()], ['a/b/c']);
});

test('reads that bring a few bytes at a time change nothing', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const place = placeOn(folder.path, new FaultyFiles(() => undefined, 7, new ForgetfulFiles(ROOT)));
  const summary = await run(place, captures);
  assert.deepEqual(await published(place.results, summary), await undisturbed(folder.path, captures));
});

/** What can become of an object's bytes. */
const DAMAGES: Record<string, (bytes: Uint8Array, next: () => number) => Uint8Array> = {
  emptied: () => new Uint8Array(0),
  cut: (bytes, next) => bytes.subarray(0, between(next, 0, Math.max(0, bytes.length - 1))),
  zeroed: (bytes) => new Uint8Array(bytes.length),
  'a bit changed': (bytes, next) => {
    const changed = bytes.slice();
    changed[between(next, 0, bytes.length - 1)] ^= 1 << between(next, 0, 7);
    return changed;
  },
  'a digit changed': (bytes, next) => {
    const changed = bytes.slice();
    const digits = [...bytes.keys()].filter((at) => bytes[at] >= 48 && bytes[at] <= 57);
    if (digits.length > 0) {
      const at = pick(next, digits);
      changed[at] = 48 + ((changed[at] - 48 + between(next, 1, 9)) % 10);
    }
    return changed;
  },
};

test(`any object of a job's own may be damaged, at any stage: the tables are the same (seed ${SEED})`, async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const expected = await undisturbed(folder.path, captures);
  /** Each kind of object that a stage leaves behind is damaged once, in one of the ways; another seed takes others. */
  const kindOf = (key: string): string => key.replace(/[0-9a-f]{12,}|\d+/g, 'N');
  const next = random(SEED);
  for (const stage of ['map', 'balance', 'merge', 'reduce', 'publish', 'commit', null]) {
    const tried = new Set<string>();
    for (;;) {
      const disk = new ForgetfulFiles(ROOT);
      const place = placeOn(folder.path, disk);
      await upTo(place, captures, stage);
      const fresh = [...disk.all().keys()].filter(
        (path) => path.startsWith('_flowstitch/') && !tried.has(kindOf(path)),
      );
      if (fresh.length === 0) break;
      const path = pick(next, fresh);
      const damage = pick(next, Object.keys(DAMAGES));
      tried.add(kindOf(path));
      const store = place.results;
      await store.put(path, DAMAGES[damage](await store.get(path), next));
      const say = `SEED=${SEED}, before ${stage ?? 'the next run'}: ${path} ${damage}`;
      const summary = await run(place, captures).catch((error) => assert.fail(`${say}: ${error}`));
      assert.deepEqual(await published(place.results, summary), expected, say);
    }
  }
});

/** Does a job until it has come to a stage; to its end with null. */
async function upTo(place: Workplace, captures: readonly CaptureRef[], stage: string | null): Promise<void> {
  const queue = new InProcessQueue(2);
  await startJob(place.store, queue, CONFIG, captures);
  for (let delivery = queue.receive(); delivery !== undefined; delivery = queue.receive()) {
    if (delivery.message.stage === stage) return;
    await place.run(delivery.message, queue);
    delivery.acknowledge();
  }
}

/** Captures of which one fails with the system's error after some bytes. */
class FailingCaptures extends FileCaptures {
  code: string;

  constructor(code: string) {
    super();
    this.code = code;
  }

  override async *stream(ref: CaptureRef, limit?: number): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of super.stream(ref, limit)) {
      if (ref.name !== 'two' || this.code === '') yield chunk;
      else {
        yield chunk.subarray(0, chunk.length >> 1);
        throw systemError(this.code, 'read', ref.location);
      }
    }
  }
}

test('a capture that the disk fails to give is named, and read again by the next run of the same command', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const place = placeOn(folder.path, new ForgetfulFiles(ROOT));
  const source = new FailingCaptures('EIO');
  place.captures = source;
  const first = await run(place, captures);
  assert.deepEqual(
    first.damaged.map(({ capture, reason }) => [capture, reason]),
    [['two', 'unreadable_object']],
  );
  source.code = '';
  const second = await run(place, captures);
  assert.deepEqual(second.damaged, []);
  assert.deepEqual(await published(place.results, second), await undisturbed(folder.path, captures));
  assert.equal((await run(place, captures)).job, second.job, 'what is whole is not done again');
});

test('a process with too many files open fails, and does not blame the captures', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const place = placeOn(folder.path, new ForgetfulFiles(ROOT));
  place.captures = new FailingCaptures('EMFILE');
  await assert.rejects(run(place, captures), /too many files open: .*ulimit -n.*\(EMFILE\)/);
  place.captures = new FileCaptures();
  const summary = await run(place, captures);
  assert.deepEqual(await published(place.results, summary), await undisturbed(folder.path, captures));
});
