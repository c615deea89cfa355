/**
 * Balances a job whose captures have been mapped, alone in this process, and says what it read, wrote and needed:
 *
 *   npm run scale -- [--captures 42000] [--packets 660000] [--elephant 0.33] [--days 30]
 *
 * 2 shards a map task of 7 captures. Times are the machine's; counts are the job's. Shards are more alike than
 * real ones, so compressed lists come out shorter: compare them with each other only.
 */
import { parseArgs } from 'node:util';
import { runTask } from '../../shared/control/task.ts';
import type { StageResults } from '../../shared/job/protocol/stageresults.ts';
import { workOf } from '../../shared/stage/works.ts';
import { type Counted, MappedJob } from './mappedjob.ts';

const { values } = parseArgs({
  options: {
    captures: { type: 'string', default: '42000' },
    packets: { type: 'string', default: '660000' },
    elephant: { type: 'string', default: '0' },
    days: { type: 'string', default: '30' },
  },
});
const store = new MappedJob({
  captures: Number(values.captures),
  capturesOfTask: 7,
  shardsOfTask: 2,
  packetsOfCapture: Number(values.packets),
  sensors: 100,
  seconds: Number(values.days) * 86_400,
  buckets: 1024,
  elephant: Number(values.elephant),
});

/** Balance reads no captures, and joins no fragments where there are none. */
// biome-ignore lint/correctness/useYield: it has nothing to give
async function* stream(): AsyncGenerator<Uint8Array> {
  throw new Error('balance read a capture');
}

const queue = { send: async () => undefined };
const context = { store, results: store, captures: { stream }, queue, scratch: '', duckdbMemory: '' };
const { done } = await runTask(context, { job: 'j', stage: 'balance', task: 0 }, workOf);
if (done?.ok !== true) throw new Error(done === null ? 'balance did not end' : JSON.stringify(done));
const { partitions, rows } = done.result as StageResults['balance'];
const { maxRSS } = process.resourceUsage();
const { user, system } = process.cpuUsage();

function table(kinds: ReadonlyMap<string, Counted>): string[] {
  const counted = (count: number): string => count.toLocaleString('en-US');
  return [...kinds].map(
    ([kind, { objects, bytes, largest }]) =>
      `  ${kind.padEnd(36)}${counted(objects).padStart(8)}${counted(bytes).padStart(16)} bytes, the largest ${counted(largest)}`,
  );
}

const lines = [
  `${values.captures} captures of ${values.packets} packets, ${store.mapTasks} map tasks: ${partitions} partitions of ${rows} rows`,
  `${Math.round(maxRSS / 1024)} MB at most, ${Math.round((user + system) / 1e6)} s of processor`,
  'read',
  ...table(store.read),
  'written',
  ...table(store.written),
];
process.stdout.write(`${lines.join('\n')}\n`);
