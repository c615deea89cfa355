/** What measured jobs are given: generated captures, made once for the same parameters, and the configuration. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { localSizes } from '../../shared/engine/localrun.ts';
import type { JobConfig } from '../../shared/job/jobconfig.ts';
import { DEFAULT_BUCKETS } from '../../shared/job/options/options.ts';
import { DEFAULTS } from '../../shared/session/sessionconfig.ts';
import { type CaptureRef, fileVersion } from '../../shared/store/capturesource.ts';
import { type TrafficOptions, type TrafficSummary, writeTraffic } from '../traffic.ts';

/** Changes whenever the generator's bytes do, so that no captures of before are taken for new ones. */
const GENERATION = 1;

/** Captures below `folder`, made unless they are there already. */
export function makeTraffic(folder: string, options: Omit<TrafficOptions, 'folder'>): TrafficSummary {
  const { packets, packetsPerSecond = 100_000, seed = 1, resolution = 'us', fileBytes = 0 } = options;
  const place = join(folder, `traffic-${GENERATION}-${packets}-${packetsPerSecond}-${seed}-${resolution}-${fileBytes}`);
  const note = join(place, '.summary.json');
  if (existsSync(note)) return JSON.parse(readFileSync(note, 'utf8')) as TrafficSummary;
  rmSync(place, { recursive: true, force: true });
  const summary = writeTraffic({ ...options, folder: place });
  writeFileSync(note, JSON.stringify(summary));
  return summary;
}

export async function captureRefs(files: readonly string[]): Promise<CaptureRef[]> {
  const captures: CaptureRef[] = [];
  for (const location of files) {
    const at = await fileVersion(location);
    if (at === undefined) throw new Error(`${location} is gone`);
    captures.push({ name: location, location, ...at });
  }
  return captures;
}

/** The configuration that `flowstitch run` would use, with a seed that is always the same. */
export function jobConfig(bytes: number, workers: number, packets: boolean): JobConfig {
  return {
    dataset: 'bench',
    sharding: { buckets: DEFAULT_BUCKETS, seed: 1, by: '5tuple' },
    decode: { keyVlan: false },
    sessions: DEFAULTS,
    packets,
    sizes: localSizes(bytes, workers),
  };
}
