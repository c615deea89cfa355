/**
 * The main benchmark: the whole job, stage by stage, without and with the packets
 * table, and the memory of reduce for inputs of two lengths.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { STAGE_ORDER } from '../shared/stage/stages.ts';
import { runChild } from './measure/child.ts';
import { makeTraffic } from './measure/input.ts';
import type { JobTimes, TaskTimes } from './measure/job.ts';
import type { Prepared, Reduced } from './measure/reduce.ts';
import { circumstances, median, megabytes, millions, number, table } from './measure/report.ts';
import type { TrafficSummary } from './traffic.ts';

export interface WholeOptions {
  packets: number;
  repeat: number;
  workers: number;
  /** Packets of the shorter input of the memory measurement; 0 leaves it out. */
  memoryPackets: number;
  folder: string;
}

/** How much longer the longer input of the memory measurement is. */
const LONGER = 8;
/** Its rate: so low that sessions end by time-out within the shorter input already. */
const SLOW_RATE = 2000;

export async function measureWhole(options: WholeOptions): Promise<string> {
  const { folder, workers } = options;
  const traffic = makeTraffic(folder, { packets: options.packets });
  const runs: { title: string; times: JobTimes[] }[] = [
    { title: 'sessions', times: [] },
    { title: 'sessions and packets', times: [] },
  ];
  // One after the other, not one kind after the other: a busy minute then hits both.
  for (let i = 0; i < options.repeat; i++)
    for (const [packets, { times }] of runs.entries()) {
      const out = mkdtempSync(join(folder, 'out-'));
      times.push(await runChild<JobTimes>('./job.ts', { files: traffic.files, out, packets: packets === 1, workers }));
      rmSync(out, { recursive: true });
    }
  const parts = [
    '# The whole job',
    circumstances(),
    `Input: ${number(traffic.packets)} packets, ${number(traffic.sessions)} sessions, ${traffic.files.length} captures, ` +
      `${megabytes(traffic.bytes)}, ${number(traffic.wireBytes / traffic.packets)} bytes a packet on the wire. ` +
      `${workers} workers, median of ${options.repeat}.`,
    wholeTable(traffic, runs, workers),
  ];
  for (const { title, times } of runs) parts.push(`## Stages, ${title}`, stageTable(traffic.packets, times));
  if (options.memoryPackets > 0) parts.push('## Memory of reduce', await reduceMemory(folder, options.memoryPackets));
  return parts.join('\n\n');
}

function wholeTable(traffic: TrafficSummary, runs: { title: string; times: JobTimes[] }[], workers: number): string {
  const columns = runs.map(({ times }) => {
    const of = (value: (run: JobTimes) => number): number => median(times.map(value));
    const seconds = of((run) => run.seconds);
    const { shuffleBytes, packets } = times[0].summary;
    return [
      number(seconds),
      millions(packets / seconds),
      number(traffic.bytes / seconds / 1e6),
      number(of((run) => run.cpuSeconds)),
      millions(of((run) => warmRate(run.tasks, workers))),
      megabytes(of((run) => run.peakBytes)),
      number(shuffleBytes / packets),
      `${number((100 * shuffleBytes) / traffic.bytes)} %`,
      number(times[0].summary.sessions),
    ];
  });
  const names = [
    'seconds',
    'packets/s',
    'MB/s',
    'cpu seconds, all threads',
    'map warm, packets/cpu second',
    'peak memory, whole process',
    'shuffle, bytes a packet',
    'shuffle, share of the input',
    'sessions found',
  ];
  return table(
    ['', ...runs.map(({ title }) => title)],
    names.map((name, i) => [name, ...columns.map((column) => column[i])]),
  );
}

/** Packets a cpu second of map tasks, each worker's first left out: its code is still being compiled. Messages are given out in order. */
function warmRate(tasks: readonly TaskTimes[], workers: number): number {
  const warm = tasks.filter(({ stage, task }) => stage === 'map' && task >= workers);
  const packets = warm.reduce((sum, task) => sum + task.packets, 0);
  return packets / warm.reduce((sum, task) => sum + task.cpuSeconds, 0);
}

function stageTable(packets: number, runs: readonly JobTimes[]): string {
  const rows = STAGE_ORDER.map((stage) => {
    const of = (value: (tasks: TaskTimes[]) => number): number =>
      median(runs.map(({ tasks }) => value(tasks.filter((task) => task.stage === stage))));
    const cpu = of((tasks) => tasks.reduce((sum, task) => sum + task.cpuSeconds, 0));
    const span = of((tasks) => Math.max(...tasks.map(({ end }) => end)) - Math.min(...tasks.map(({ begin }) => begin)));
    const perCpu = stage === 'map' || stage === 'reduce' || stage === 'publish' ? millions(packets / cpu) : '';
    return [stage, number(of((tasks) => tasks.length)), number(cpu), number(span), perCpu, millions(packets / span)];
  });
  return table(['stage', 'tasks', 'cpu s of its threads', 'span s', 'packets/cpu s', 'packets/s'], rows);
}

async function reduceMemory(folder: string, packets: number): Promise<string> {
  const rows: string[][] = [];
  for (const times of [1, LONGER]) {
    const traffic = makeTraffic(folder, { packets: packets * times, packetsPerSecond: SLOW_RATE });
    const work = mkdtempSync(join(folder, 'reduce-'));
    const { messages } = await runChild<Prepared>('./reduce.ts', {
      step: 'prepare',
      files: traffic.files,
      folder: work,
    });
    const reduced = await runChild<Reduced>('./reduce.ts', { step: 'reduce', folder: work, messages });
    rmSync(work, { recursive: true });
    rows.push([
      `${times}x`,
      number(traffic.packets),
      number(traffic.packets / SLOW_RATE),
      number(reduced.sessions),
      megabytes(reduced.peakBytes),
      megabytes(reduced.idleBytes),
    ]);
  }
  return [
    `All buckets in one partition, one process that does nothing else; ${number(SLOW_RATE)} packets/s in the captures' time, so that about`,
    'the same number of sessions is open at any moment.',
    '',
    table(['input', 'packets', 'seconds of traffic', 'sessions', 'peak memory', 'before the task'], rows),
  ].join('\n');
}
