/** flowstitch run: the main job on this machine. */
import { availableParallelism, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runEmbedded, WORK_FOLDER } from '../shared/engine/embedded.ts';
import { DEFAULT_SIZES, type JobConfig, type Sizes } from '../shared/job/config.ts';
import { datasetSharding } from '../shared/job/start.ts';
import type { ShardBy } from '../shared/packet/flowtable.ts';
import { DEFAULTS, type SessionConfig } from '../shared/session/config.ts';
import { DirectoryStore } from '../shared/store/directory.ts';
import { parseDuration } from './durations.ts';
import { findCaptures } from './inputs.ts';
import { Progress } from './progress.ts';
import { printSummary, type RunSummary } from './summarytext.ts';
import { UsageError } from './usage.ts';

const TIMEOUTS: Record<string, keyof SessionConfig> = {
  'tcp-timeout': 'tcpInactivityUs',
  'udp-timeout': 'udpInactivityUs',
  'icmp-timeout': 'icmpInactivityUs',
  'other-timeout': 'otherInactivityUs',
  'long-timeout': 'longInactivityUs',
  'tcp-attempt-delay': 'tcpAttemptDelayUs',
  'tcp-close-delay': 'tcpCloseDelayUs',
  'tcp-reset-delay': 'tcpResetDelayUs',
};

const RUN_HELP = `flowstitch run FILE|FOLDER|GLOB ... --out FOLDER

  --out FOLDER        where the tables go; running again with the same folder goes on, or maps only what is new
  --packets           make the packets table too
  --dataset NAME      name of the data set (default: default)
  --buckets P         slices of the flow-hash space (default 1024, fixed by the data set's first job)
  --workers N         worker threads (default: one a processor)
  --shard-by KEY      5tuple (default), 4tuple, or 2tuple: keep all of a host pair in one place
  --key vlan          VLAN ids are part of what makes a session
  --json              print the summary as JSON
  --quiet             no progress

Timeouts (500ms, 90s, 5m, 1h), Zeek's unless given:
  --tcp-timeout 5m  --udp-timeout 1m  --icmp-timeout 1m  --other-timeout 1m  --long-timeout 1h
  --tcp-attempt-delay 5s  --tcp-close-delay 5s  --tcp-reset-delay 5s

Exit codes: 0 all was read; 1 usage or input/output; 2 finished, but some capture was damaged or unreadable.
`;

/** Bytes of a capture's packets, about, for planning alone. */
const LEAST_TASK_BYTES = 8 << 20;

/** Sizes for this machine: every worker should get some of each stage. */
export function localSizes(bytes: number, workers: number): Sizes {
  const fair = Math.ceil(bytes / (workers * 4));
  return {
    ...DEFAULT_SIZES,
    taskBytes: Math.min(DEFAULT_SIZES.taskBytes, Math.max(LEAST_TASK_BYTES, fair)),
    partitions: workers * 3,
  };
}

function wholeNumber(text: string | undefined, option: string, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new UsageError(`--${option} takes a whole number from ${least} to ${most}, not '${text}'`);
  return value;
}

/** @returns the exit code */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      packets: { type: 'boolean' },
      dataset: { type: 'string' },
      buckets: { type: 'string' },
      workers: { type: 'string' },
      'shard-by': { type: 'string' },
      key: { type: 'string' },
      json: { type: 'boolean' },
      quiet: { type: 'boolean' },
      help: { type: 'boolean' },
      ...Object.fromEntries(Object.keys(TIMEOUTS).map((name) => [name, { type: 'string' as const }])),
    },
  });
  if (values.help) {
    process.stdout.write(RUN_HELP);
    return 0;
  }
  if (positionals.length === 0) throw new UsageError('run: which captures? Name files, folders or globs');
  if (values.out === undefined) throw new UsageError('run: where to? Name a folder with --out');
  const out = resolve(values.out);
  const workers = wholeNumber(values.workers, 'workers', 1, 256) ?? availableParallelism();
  const dataset = values.dataset ?? 'default';
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(dataset))
    throw new UsageError(`--dataset takes up to 64 letters, digits, '-' and '_', not '${dataset}'`);
  const by = values['shard-by'] ?? '5tuple';
  if (by !== '5tuple' && by !== '4tuple' && by !== '2tuple')
    throw new UsageError(`--shard-by takes 5tuple, 4tuple or 2tuple, not '${by}'`);
  const keys = (values.key ?? '').split(',').filter((key) => key !== '');
  for (const key of keys) if (key !== 'vlan') throw new UsageError(`--key takes vlan, not '${key}'`);
  const sessions: SessionConfig = { ...DEFAULTS };
  for (const [option, field] of Object.entries(TIMEOUTS)) {
    const text = (values as Record<string, string | undefined>)[option];
    if (text !== undefined) (sessions[field] as number) = parseDuration(text, option);
  }
  const buckets = wholeNumber(values.buckets, 'buckets', 1, 65536);

  const captures = await findCaptures(positionals, out);
  const bytes = captures.reduce((sum, capture) => sum + capture.size, 0);
  const config: JobConfig = {
    dataset,
    sharding: await datasetSharding(new DirectoryStore(`${out}/${WORK_FOLDER}`), dataset, by as ShardBy, buckets),
    decode: { keyVlan: keys.includes('vlan') },
    sessions,
    packets: values.packets ?? false,
    sizes: localSizes(bytes, workers),
  };
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Stopped());
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const progress = new Progress(captures.length, bytes, values.quiet === true);
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  try {
    const summary = await runEmbedded({
      out,
      captures,
      config,
      workers,
      duckdbMemory: `${Math.max(128, Math.floor(totalmem() / 2 ** 20 / 8 / workers))}MB`,
      signal: stop.signal,
      onStart: (job, state) => progress.started(job, state),
      onTask: (report) => progress.task(report),
      onRetry: (stage, task, reason) => progress.retry(stage, task, reason),
    });
    progress.end();
    const cpu = process.cpuUsage(cpuBefore);
    const whole: RunSummary = {
      ...summary,
      out: values.out,
      storedBytes: bytes,
      seconds: (performance.now() - startedAt) / 1000,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    };
    if (values.json) process.stdout.write(`${JSON.stringify(whole)}\n`);
    else printSummary(whole);
    return summary.damaged.length > 0 ? 2 : 0;
  } catch (error) {
    progress.end();
    if (!(error instanceof Stopped)) throw error;
    process.stderr.write(`stopped. Run the same command again to go on from here.\n`);
    return 130;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

class Stopped extends Error {}
