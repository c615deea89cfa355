/**
 * Forgetting. Of captures: the data set's next job is one over the same list in which they will not be read, and everything
 * that only earlier jobs need is removed behind it. So the results are those of a job over what is left, and nothing holds
 * packets of what is not.
 */

import { loadJobFile } from '../../job/context.ts';
import { FORGOTTEN, isForgotten } from '../../job/notices/forgotten.ts';
import type { RankedCapture } from '../../job/tasks/maptask.ts';
import type { CaptureRef } from '../../store/capturesource.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { type SharedCaptures, sharedCaptures } from '../sharedcaptures.ts';
import { capturesRead, type HeldCaptures } from './heldcaptures.ts';
import { shardGroups } from './needed.ts';

/**
 * Which captures: one by its name, or those whose packets were all before a time, whole microseconds since 1970. Or which
 * hosts, by their canonical addresses: the captures stay, and are read again without their packets.
 */
export type Choice = { capture: string } | { beforeUs: number } | { hosts: readonly string[] };

export interface Forgetting {
  /** The captures of the job that makes the results without them. */
  captures: CaptureRef[];
  /** Names of those that are forgotten now; how many packets they have. */
  names: string[];
  packets: number;
  /** How many of the chosen ones, captures or hosts, had been forgotten before. */
  already: number;
  /** Names of captures that have packets before and after the time: they stay whole. */
  across: string[];
  /** Captures that stay and hold the same packets as one that is forgotten. */
  copies: { name: string; of: string }[];
  /** Other data sets that hold some of those that are forgotten: what they have of them stays. */
  elsewhere: SharedCaptures[];
  /** Captures that stay, and whose packets lie in objects together with forgotten ones: they are read again. */
  again: CaptureRef[];
}

/**
 * What forgetting comes to.
 * @throws Error when the data set holds no capture of this name; when it is not known what it holds
 */
export async function planForgetting(
  store: ObjectStore,
  dataset: string,
  held: HeldCaptures,
  choice: Choice,
): Promise<Forgetting> {
  const { job, captures } = held;
  if (captures === null)
    throw new Error(
      `the list of captures of job ${job} is gone: run over all captures that the data set is to hold first`,
    );
  if ('hosts' in choice) return planHosts(store, dataset, job, captures, choice.hosts);
  const chosen = new Set<string>();
  const across: string[] = [];
  const read = await capturesRead(store, job);
  if ('capture' in choice) {
    if (!captures.some(({ name }) => name === choice.capture))
      throw new Error(`the data set holds no capture '${choice.capture}'; the table captures has their names`);
    chosen.add(choice.capture);
  } else
    for (const { capture, facts } of read) {
      if (facts.firstUs === null || facts.lastUs === null || facts.firstUs >= choice.beforeUs) continue;
      if (facts.lastUs < choice.beforeUs) chosen.add(capture.name);
      else across.push(capture.name);
    }
  const old = new Set(captures.filter(isForgotten).map(({ name }) => name));
  const isNew = (name: string): boolean => chosen.has(name) && !old.has(name);
  let packets = 0;
  for (const { capture, facts } of read) if (isNew(capture.name)) packets += facts.records;
  return {
    captures: captures.map((capture) => {
      if (isForgotten(capture)) return capture;
      if (isNew(capture.name)) {
        const { kept: _, ...forgotten } = capture;
        return { ...forgotten, refused: FORGOTTEN };
      }
      return capture.refused ? capture : { ...capture, kept: true };
    }),
    names: captures.filter(({ name }) => isNew(name)).map(({ name }) => name),
    packets,
    already: [...old].filter((name) => chosen.has(name)).length,
    across,
    copies: copiesThatStay(read, isNew),
    elsewhere: await sharedCaptures(
      store,
      dataset,
      captures.filter(({ name }) => isNew(name)),
    ),
    again: await sharingShards(store, job, isNew),
  };
}

/** The next job's configuration has the hosts: shards of its own, made of all captures that packets were read of. */
async function planHosts(
  store: ObjectStore,
  dataset: string,
  job: string,
  captures: readonly CaptureRef[],
  hosts: readonly string[],
): Promise<Forgetting> {
  const { config } = await loadJobFile(store, job);
  const before = new Set(config.decode.forgotten);
  const read = await capturesRead(store, job);
  const again = hosts.every((host) => before.has(host))
    ? []
    : read.filter(({ failure, facts }) => failure === null && facts.records > 0).map(({ capture }) => capture);
  return {
    captures: captures.map((capture) => (capture.refused ? capture : { ...capture, kept: true })),
    names: [],
    packets: 0,
    already: hosts.filter((host) => before.has(host)).length,
    across: [],
    copies: [],
    elsewhere: await sharedCaptures(store, dataset, captures),
    again,
  };
}

function copiesThatStay(read: readonly RankedCapture[], isNew: (name: string) => boolean): Forgetting['copies'] {
  const forgotten = new Map<string, string>();
  for (const { capture, digest, facts } of read)
    if (digest !== null && facts.records > 0 && isNew(capture.name)) forgotten.set(digest, capture.name);
  return read.flatMap(({ capture, digest }) => {
    const of = digest === null ? undefined : forgotten.get(digest);
    return of === undefined || isNew(capture.name) ? [] : [{ name: capture.name, of }];
  });
}

async function sharingShards(store: ObjectStore, job: string, isNew: (name: string) => boolean): Promise<CaptureRef[]> {
  const again: CaptureRef[] = [];
  for await (const { captures } of shardGroups(store, job))
    if (captures.some(({ name }) => isNew(name))) again.push(...captures.filter(({ name }) => !isNew(name)));
  return again;
}
