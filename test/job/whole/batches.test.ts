/** A data set that grows by small batches: what batch n costs in requests does not depend on n, and in bytes hardly. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLOUD_SIZES } from '../../../shared/job/jobconfig.ts';
import { FileCaptures } from '../../../shared/store/capturesource.ts';
import { writePcap } from '../../capture/build.ts';
import { udpRecords } from '../../cli/harness.ts';
import { HEAVY } from '../../heavy.ts';
import { type Counted, CountedStore } from '../countedstore.ts';
import { captureRefs, plainConfig, temporaryFolder } from '../harness.ts';
import { MemoryStore } from '../memorystore.ts';
import { LocalPipeline } from '../pipeline.ts';

/** All within a day: the job after a day's end joins its files, which costs more (joineddays.test.ts). */
const START_US = Date.UTC(2023, 10, 15) * 1000;
const BATCHES = 40;
const CAPTURES = 8;
const BATCH_US = 300e6;

/** What a job costs: requests to the pipeline's own files, their bytes, and how often captures were opened. */
type Cost = Counted & { opened: number };

async function costOf(folder: string, objects: MemoryStore, paths: readonly string[]): Promise<Cost> {
  const work = new CountedStore(objects);
  const pipeline = new LocalPipeline(folder, work);
  const files = new FileCaptures();
  let opened = 0;
  pipeline.captures = {
    stream(ref, limit) {
      opened++;
      return files.stream(ref, limit);
    },
  };
  const { job } = await pipeline.submit(await captureRefs(paths), plainConfig({ sizes: CLOUD_SIZES }));
  await pipeline.work();
  assert.deepEqual(pipeline.errors, []);
  assert.equal((await pipeline.summary(job)).captures, paths.length);
  return { ...work.total, opened };
}

test(
  `${BATCHES} batches: only new captures are read, requests stay the same, and a capture costs later batches a few hundred bytes`,
  HEAVY,
  async (t) => {
    using folder = temporaryFolder();
    const objects = new MemoryStore();
    const paths: string[] = [];
    const costs: Cost[] = [];
    for (let batch = 0; batch < BATCHES; batch++) {
      for (let number = 0; number < CAPTURES; number++) {
        const path = join(folder.path, `${batch}-${number}.pcap`);
        writeFileSync(path, writePcap(udpRecords(20, START_US + batch * BATCH_US + number * 1e6, 10 + number)));
        paths.push(path);
      }
      costs.push(await costOf(folder.path, objects, paths));
    }
    const [tenth, twentieth, last] = [costs[9], costs[19], costs[BATCHES - 1]];
    t.diagnostic(JSON.stringify({ tenth, twentieth, last }));
    for (const [batch, { opened, requests }] of costs.entries()) {
      // The head of each, and all of it.
      assert.equal(opened, 2 * CAPTURES, `batch ${batch}`);
      if (batch > 9)
        assert.ok(Math.abs(requests - tenth.requests) <= 0.1 * tenth.requests, `batch ${batch}: ${requests} requests`);
    }
    const more = ({ read, written }: Counted): number =>
      (read + written - twentieth.read - twentieth.written) / ((BATCHES - 20) * CAPTURES);
    // Lists of captures are read and written anew by each job, compressed; as plain JSON they were 7,600 bytes a capture.
    assert.ok(more(last) < 1000, `${more(last)} bytes a capture`);
  },
);
