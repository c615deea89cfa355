/**
 * What the functions' roles allow: nothing by wildcard but keys below a prefix, and all that the code does. A whole
 * job runs here, each task with stores that ask the policy of its function's role before they do anything.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FUNCTION_NAMES, type FunctionName } from '../../infra/functions.ts';
import { cleanDue, SETTLED_MS, setDue } from '../../shared/control/dataset/duecleanings.ts';
import { resumeJob, submitJob } from '../../shared/control/operate.ts';
import { failTask, runTask } from '../../shared/control/task.ts';
import { takeTurn } from '../../shared/control/turns.ts';
import { lookAfterJobs } from '../../shared/control/watchdog.ts';
import { isCommitted, readEnd } from '../../shared/job/protocol/jobend.ts';
import { cleaningKey } from '../../shared/job/protocol/keys.ts';
import type { Stage } from '../../shared/job/protocol/stageresults.ts';
import { InProcessQueue } from '../../shared/queue/inprocess.ts';
import type { TaskMessage, TaskQueue } from '../../shared/queue/taskqueue.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { workOf } from '../../shared/stage/works.ts';
import { type CaptureRef, FileCaptures } from '../../shared/store/capturesource.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { TABLE_NAMES } from '../../shared/table/tables.ts';
import { onLater, onUpload, type UploadContext } from '../../shared/upload/uploads.ts';
import { listWatchedPrefixes, putWatchedPrefix } from '../../shared/upload/watchedprefixes.ts';
import { captureRefs, plainConfig } from '../job/harness.ts';
import { MemoryStore } from '../job/memorystore.ts';
import { allows, allStatements, arnOf, resolved, type Statement, statementsOf } from './policy.ts';
import { synthesized } from './template.ts';

const { pipelineTemplate: template } = synthesized();
const WORK = arnOf(template, 'AWS::S3::Bucket', 'BucketWork');
const RESULTS = arnOf(template, 'AWS::S3::Bucket', 'BucketResults');
const CAPTURES = arnOf(template, 'AWS::S3::Bucket', 'BucketCaptures');
const queueArn = (name: string): string =>
  arnOf(template, 'AWS::SQS::Queue', `Queue${name[0].toUpperCase()}${name.slice(1)}`);

describe('roles', () => {
  test('name every resource; a star stands for keys below a prefix, and in the bucket of captures for any key', () => {
    for (const { role, statement } of allStatements(template)) {
      assert.equal(statement.Effect, 'Allow');
      for (const action of [statement.Action].flat()) assert.match(action, /^[a-z0-9]+:[A-Z][A-Za-z]+$/, role);
      for (const resource of [statement.Resource].flat().map(resolved)) {
        const bucket = [WORK, RESULTS, CAPTURES].find((arn) => resource.startsWith(`${arn}/`));
        const key = bucket && resource.slice(bucket.length + 1);
        if (key === undefined) assert.doesNotMatch(resource, /\*/, role);
        else
          assert.match(
            key,
            bucket === CAPTURES
              ? /^\*$/
              : /^[a-z_]+\/\*(?:\/_SUCCESS|\/summary\.json|\/end\.json|\/replaced\.json|\/chains\/\*)?$/,
            `${role}: ${resource}`,
          );
      }
    }
  });

  test('only plan and map write shards, only publish and commit write results, only clean removes them, and nobody writes captures', () => {
    const may = (action: string, resource: string): FunctionName[] =>
      FUNCTION_NAMES.filter((name) => allows(statementsOf(template, name), action, resource));
    assert.deepEqual(may('s3:PutObject', `${WORK}/shards/x`), ['plan', 'map']);
    assert.deepEqual(may('s3:PutObject', `${RESULTS}/sessions/x`), ['publish']);
    assert.deepEqual(may('s3:PutObject', `${RESULTS}/anomalies/x`), ['commit']);
    assert.deepEqual(may('s3:PutObject', `${RESULTS}/datasets/x/current.json`), ['commit']);
    assert.deepEqual(may('s3:PutObject', `${CAPTURES}/x`), []);
    assert.deepEqual(may('s3:DeleteObject', `${CAPTURES}/x`), []);
    assert.deepEqual(may('s3:DeleteObject', `${WORK}/shards/a/b/0.arrow`), ['clean']);
    for (const table of TABLE_NAMES) assert.deepEqual(may('s3:DeleteObject', `${RESULTS}/${table}/x`), ['clean']);
    assert.deepEqual(may('s3:DeleteObject', `${RESULTS}/datasets/x/current.json`), []);
    assert.deepEqual(may('s3:DeleteObject', `${WORK}/shards/a/b/summary.json`), ['plan', 'map', 'clean']);
    assert.deepEqual(may('s3:GetObject', `${CAPTURES}/x`), ['plan', 'map', 'uploads']);
  });

  test('whoever may end a job, or finds one ended, may tell EventBridge of it, in our name alone', () => {
    for (const name of FUNCTION_NAMES) {
      const puts = statementsOf(template, name).filter(({ Action }) => [Action].flat().includes('events:PutEvents'));
      assert.equal(puts.length, name === 'uploads' ? 0 : 1, name);
      for (const { Condition, Resource } of puts) {
        assert.deepEqual(Condition, { StringEquals: { 'events:source': 'flowstitch' } });
        assert.match(resolved(Resource), /:event-bus\/default$/);
      }
    }
  });

  test('each receives from its own queues alone', () => {
    const receivers = (queue: string): FunctionName[] =>
      FUNCTION_NAMES.filter((name) => allows(statementsOf(template, name), 'sqs:ReceiveMessage', queueArn(queue)));
    for (const stage of [...STAGE_ORDER, 'uploads']) assert.deepEqual(receivers(stage), [stage]);
    assert.deepEqual(receivers('dead'), ['dead-letter']);
    assert.deepEqual(receivers('deadFifo'), ['dead-letter']);
    assert.deepEqual(receivers('uploadsDead'), []);
  });

  test('a key that is not there is answered with 404, not 403, to whoever reads: they may list the bucket, unconditionally', () => {
    for (const name of FUNCTION_NAMES) {
      const statements = statementsOf(template, name);
      for (const { Action, Resource, Condition } of statements)
        if ([Action].flat().includes('s3:ListBucket'))
          assert.equal(Condition, undefined, `${name}, ${resolved(Resource)}`);
      for (const bucket of [WORK, RESULTS, CAPTURES]) {
        const reads = statements.some(
          ({ Action, Resource }) =>
            [Action].flat().includes('s3:GetObject') &&
            [Resource].flat().some((each) => resolved(each).startsWith(`${bucket}/`)),
        );
        assert.equal(allows(statements, 's3:ListBucket', bucket), reads, `${name}, ${bucket}`);
      }
    }
  });
});

/** A call that a role does not allow. */
class Forbidden extends Error {
  override name = 'Forbidden';
}

function asker(name: FunctionName) {
  const statements: Statement[] = statementsOf(template, name);
  return (action: string, resource: string, keys?: Record<string, string>): void => {
    if (!allows(statements, action, resource, keys))
      throw new Forbidden(`${name} may not ${action} on ${resource} ${JSON.stringify(keys ?? {})}`);
  };
}

/** The store, as the function sees it whose role is asked. */
function guarded(store: ObjectStore, bucket: string, ask: ReturnType<typeof asker>): ObjectStore {
  const asking = <T>(action: string, names: readonly string[], call: () => Promise<T>): Promise<T> => {
    for (const name of names) ask(action, `${bucket}/${name}`);
    return call();
  };
  return {
    list(prefix) {
      ask('s3:ListBucket', bucket, { 's3:prefix': prefix });
      return store.list(prefix);
    },
    head: async (key) => asking('s3:GetObject', [key], () => store.head(key)),
    get: async (key, range) => asking('s3:GetObject', [key], () => store.get(key, range)),
    put: async (key, bytes) => asking('s3:PutObject', [key], () => store.put(key, bytes)),
    putIfAbsent: async (key, bytes) => asking('s3:PutObject', [key], () => store.putIfAbsent(key, bytes)),
    putFile: async (key, path) => asking('s3:PutObject', [key], () => store.putFile(key, path)),
    remove: async (keys) => asking('s3:DeleteObject', keys, () => store.remove(keys)),
  };
}

/** A pipeline in memory, in which every function has its role's leave only. */
class GuardedPipeline {
  readonly work = new MemoryStore();
  readonly results = new MemoryStore();
  readonly queue = new InProcessQueue();
  readonly scratch = mkdtempSync(join(tmpdir(), 'flowstitch-grants-'));
  readonly later: Parameters<UploadContext['later']>[0][] = [];
  readonly ran = new Set<FunctionName>();

  store(name: FunctionName): ObjectStore {
    this.ran.add(name);
    return guarded(this.work, WORK, asker(name));
  }

  sender(name: FunctionName): TaskQueue {
    const ask = asker(name);
    return {
      send: async (messages) => {
        for (const { stage } of messages) ask('sqs:SendMessage', queueArn(stage));
        await this.queue.send(messages);
      },
    };
  }

  /** As functions/stage.ts does it. */
  async run(message: TaskMessage): Promise<void> {
    const name = message.stage as Stage;
    const ask = asker(name);
    const files = new FileCaptures();
    const store = this.store(name);
    const queue = this.sender(name);
    const report = await runTask(
      {
        store,
        queue,
        results: guarded(this.results, RESULTS, ask),
        captures: {
          stream: (ref: CaptureRef, limit?: number) => {
            ask('s3:GetObject', `${CAPTURES}/${ref.name}`);
            return files.stream(ref, limit);
          },
        },
        scratch: mkdtempSync(join(this.scratch, 'task-')),
        receives: 2,
      },
      message,
      workOf,
    );
    if (report.ended) await takeTurn(store, queue, report.job.config.dataset);
  }

  /** As functions/dead-letter.ts does it. */
  async endTask(message: TaskMessage): Promise<void> {
    const store = this.store('dead-letter');
    const queue = this.sender('dead-letter');
    if (await failTask(store, queue, message, 'killed each time')) await takeTurn(store, queue, dataset);
  }

  uploads(captures: readonly CaptureRef[], now: number): UploadContext {
    const ask = asker('uploads');
    const store = this.store('uploads');
    return {
      store,
      watched: () => listWatchedPrefixes(store),
      queue: this.sender('uploads'),
      home: 'captures',
      later: async (message) => {
        ask('sqs:SendMessage', queueArn('uploads'));
        this.later.push(message);
      },
      list: async () => {
        ask('s3:ListBucket', CAPTURES);
        return {
          captures: [...captures],
          skipped: { folders: 0, empty: 0, markers: 1, hidden: 0, results: 0 },
          newest: 1,
        };
      },
      read: async (_, key) => {
        ask('s3:GetObject', `${CAPTURES}/${key}`);
        return new Uint8Array(0);
      },
      deadline: Number.POSITIVE_INFINITY,
      now: () => now,
    };
  }

  /** As functions/clean.ts does it, when readers have ended. */
  clean(): ReturnType<typeof cleanDue> {
    const results = guarded(this.results, RESULTS, asker('clean'));
    return cleanDue(this.store('clean'), results, Date.now() + 2 * SETTLED_MS, () => true);
  }

  /** Works the queue off. @param isDeadly which messages end as dead letters */
  async drain(isDeadly: (message: TaskMessage) => boolean = () => false): Promise<void> {
    for (let hand = this.queue.receive(); hand !== undefined; hand = this.queue.receive()) {
      if (isDeadly(hand.message)) await this.endTask(hand.message);
      else await this.run(hand.message);
      hand.acknowledge();
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.scratch, { recursive: true, force: true });
  }
}

const DEMO = join(import.meta.dirname, '..', 'captures', 'demo');

const dataset = 'site-a';

test('the roles allow all that functions do in jobs that uploads start, that wait, fail, and are resumed', async () => {
  using pipeline = new GuardedPipeline();
  const { work, queue } = pipeline;
  const names = ['trace-200245.pcap', 'trace-545d1f.pcap', 'trace-986511.pcap'];
  const captures = await captureRefs(names.map((name) => join(DEMO, name)));
  // What the person does goes past the roles of functions.
  const submit = async (retry: number): Promise<string> =>
    (
      await submitJob(work, queue, plainConfig({ dataset, retry, sizes: { taskBytes: 1, directReads: 0 } }), captures, {
        prefix: null,
        by: 'submit',
      })
    ).job;
  await putWatchedPrefix(work, {
    dataset,
    bucket: 'captures',
    prefix: 'site-a/',
    quietSeconds: 2,
    options: { packets: true },
  });

  assert.equal((await onUpload(pipeline.uploads(captures, 1000), 'captures', 'site-a/x.pcap')).outcome, 'armed');
  const quiet = await onLater(pipeline.uploads(captures, 100_000), pipeline.later[0]);
  assert.equal(quiet.outcome === 'submitted' && quiet.state, 'began');
  const failing = await submit(1);
  const third = await submit(2);
  await pipeline.drain(({ job, stage }) => job === failing && stage === 'reduce');
  assert.equal((await readEnd(work, failing))?.state, 'failed');
  assert.ok(await isCommitted(work, third), 'the dead-letter function began the job behind the one that failed');

  const fourth = await submit(3);
  await resumeJob(work, queue, failing);
  const watched = await lookAfterJobs(pipeline.store('watchdog'), pipeline.sender('watchdog'), Date.now());
  assert.deepEqual(watched.running, [fourth]);
  await pipeline.drain();
  assert.ok(await isCommitted(work, failing), 'the commit function went on with the job that was resumed');

  const marked = await onUpload(pipeline.uploads(captures, 200_000), 'captures', 'site-a/_READY');
  assert.equal(marked.outcome === 'submitted' && marked.state, 'committed', 'the same job as the first');
  // What holds the tables by an earlier job, shards that nobody needs, and a job that cannot go on.
  await submit(4);
  await pipeline.drain();
  await work.put('shards/0a/1b/summary.json', new Uint8Array(1));
  await setDue(work, cleaningKey('asked'), { keepJobs: 0 });
  const { done, objects } = await pipeline.clean();
  assert.ok(done === 1 && objects > 0);

  assert.deepEqual([...pipeline.ran].sort(), [...FUNCTION_NAMES].sort());
});
