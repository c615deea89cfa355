/**
 * Which of the groups that earlier jobs have mapped are used again, and what they are joined to. That a group's
 * summary is there is looked at once, in the job after the one that planned it, and that of joined groups by one listing.
 */
import { DIGEST_WORDS, digestWords } from '../../../algorithm/digesttable.ts';
import { requireJson, type TaskContext, Unfinished } from '../../../job/context.ts';
import { type Job, shardingDigest } from '../../../job/jobconfig.ts';
import { soundOrDiscarded } from '../../../job/protocol/fault.ts';
import {
  joinedGroupPrefix,
  joinedPrefix,
  knownGroupsPrefix,
  shardGroupPrefix,
  shardSummaryKey,
} from '../../../job/protocol/keys.ts';
import type { MapSummary } from '../../../job/tasks/maptask.ts';
import { eachInParallel, inParallel, REQUESTS_AT_ONCE } from '../../../store/inparallel.ts';
import { type ObjectHead, StoreError } from '../../../store/objectstore.ts';
import type { Matching } from '../grouping.ts';
import { contentOf } from '../headedcaptures.ts';
import { joinSmall, type Unit } from '../joining.ts';
import { type JoinedGroups, type KnownGroup, KnownGroups } from './knowngroups.ts';

/** Days before their expiry in which shards are no longer used: longer than any job. */
const SPARE_DAYS = 3;
const DAY_MS = 86_400_000;
/** How often shards of captures that may be gone are renewed while they live: a job must come in the rest of that time. */
const RENEWALS = 3;
/** Objects that are renewed at a time: a shard may have 100 MB. */
const RENEWED_AT_ONCE = 2;
/** Time that must be left for a group, and for writing the tasks. */
const RENEWAL_MS = 60_000;

export class KnownUnits {
  private readonly context: TaskContext;
  private readonly sharding: string;
  private readonly known: KnownGroups;
  private readonly now = Date.now();
  /** Groups and joined groups of this job. */
  private readonly used = new Set<string>();

  constructor(context: TaskContext, job: Job) {
    this.context = context;
    this.sharding = shardingDigest(job.config);
    this.known = new KnownGroups(context.store, knownGroupsPrefix(job.config.dataset, this.sharding));
  }

  /**
   * The known groups of a job's captures, small ones put together.
   * @param listed what is known of the data set
   * @param places of the captures in order of time
   */
  async find(listed: readonly ObjectHead[], matching: Matching, places: Uint32Array): Promise<Unit[]> {
    const { context, known } = this;
    if (!(await known.read(listed, context.onDamaged))) await this.readSummaries();
    const there = await this.joinedThere();
    await this.look(matching, there);
    const units = this.joinedUnits(matching, there);
    const groups = [...known.groups.values()].filter((group) => group.bytes > 0 && !this.used.has(group.group));
    // Whichever holds more is taken where several hold a capture.
    groups.sort((a, b) => b.contents.length - a.contents.length || (a.group < b.group ? -1 : 1));
    for (const group of groups) {
      const captures = matching.take(group.contents);
      if (captures === null) continue;
      this.used.add(group.group);
      units.push({ captures, group: group.group, groups: [group], bytes: group.bytes });
    }
    units.sort((a, b) => places[a.captures[0]] - places[b.captures[0]]);
    const tasks = joinSmall(units);
    for (const { group, groups, parts } of tasks)
      if (parts !== undefined) {
        this.used.add(group);
        known.addJoined({ group, groups: groups.map((leaf) => leaf.group) });
      }
    return tasks;
  }

  /** Notes a group that is to be mapped. @param contents digests of what its captures hold */
  planned(group: string, contents: Uint32Array): void {
    this.used.add(group);
    this.known.add({ group, noted: this.now, made: 0, bytes: 0, contents });
  }

  /** Keeps what was found for later jobs. */
  write(): Promise<void> {
    // What joined groups that are now joined with others is of no more use.
    const isKept = (record: KnownGroup | JoinedGroups): boolean =>
      !('groups' in record) || this.used.has(record.group) || !record.groups.every((group) => this.used.has(group));
    return this.known.write(isKept);
  }

  /** Joined groups whose summaries are there. Those of another that is gone are looked at again. */
  private async joinedThere(): Promise<Set<string>> {
    const { groups, joined } = this.known;
    const there = new Set<string>();
    if (joined.size === 0) return there;
    const prefix = joinedPrefix(this.sharding);
    for await (const { key } of this.context.store.list(prefix)) there.add(key.slice(prefix.length).split('/')[0]);
    for (const one of joined.values()) {
      if (there.has(one.group)) continue;
      for (const name of one.groups) {
        const group = groups.get(name);
        if (group !== undefined) groups.set(name, { ...group, bytes: 0 });
      }
    }
    return there;
  }

  /** Looks whether groups of this job's captures are there at which nobody has looked, and which are too old. */
  private async look(matching: Matching, there: ReadonlySet<string>): Promise<void> {
    const { known, now } = this;
    const { store } = this.context;
    const inJoined = new Set<string>();
    for (const { group, groups } of known.joined.values())
      if (there.has(group)) for (const name of groups) inJoined.add(name);
    const unseen = [...known.groups.values()].filter(
      (group) => group.bytes === 0 && !inJoined.has(group.group) && hasAll(matching, group),
    );
    const heads = await inParallel(unseen, REQUESTS_AT_ONCE, ({ group }) => store.head(this.summaryKey(group)));
    for (const [at, group] of unseen.entries()) {
      const { size: bytes, modified: made = Number.POSITIVE_INFINITY } = heads[at] ?? { size: 0 };
      if (bytes > 0) known.add({ ...group, noted: now, made, bytes });
      else known.add({ ...group, noted: now, bytes: 0, contents: new Uint32Array() });
    }
    await this.giveUpOld(matching);
  }

  /**
   * Where shards expire, groups that are about to are not used: a group must not lose some of its objects while a job
   * reads them. Their summaries are removed, so that map does not find them either. Those of captures that may be gone
   * are renewed long before.
   */
  private async giveUpOld(matching: Matching): Promise<void> {
    const { known, now } = this;
    const { shardDays, store } = this.context;
    if (shardDays === undefined) return;
    const oldest = now - (shardDays - SPARE_DAYS) * DAY_MS;
    const renewed = now - (shardDays / RENEWALS) * DAY_MS;
    const old = new Set<string>();
    for (const group of [...known.groups.values()]) {
      if (group.bytes === 0 || group.made >= renewed) continue;
      const keeps = matching.keeps(group.contents);
      if (keeps === null) continue;
      if (keeps && (await this.renew(group))) known.add({ ...group, noted: now, made: now });
      else if (group.made < oldest) old.add(group.group);
    }
    const keys = [...old].map((name) => this.summaryKey(name));
    for (const { group, groups } of known.joined.values()) {
      if (!groups.some((name) => old.has(name))) continue;
      keys.push(shardSummaryKey(joinedGroupPrefix(this.sharding, group)));
      known.joined.delete(group);
    }
    if (keys.length > 0) await store.remove(keys);
    for (const name of old) {
      const group = known.groups.get(name)!;
      known.add({ ...group, noted: now, bytes: 0, contents: new Uint32Array() });
    }
  }

  /**
   * Writes a group's objects again as they are, so that the store keeps them for as long again.
   * @returns whether all of them were there
   * @throws Unfinished when the time runs out: what has been renewed is kept
   */
  private async renew({ group }: KnownGroup): Promise<boolean> {
    const { store, timeLeft = () => Number.POSITIVE_INFINITY } = this.context;
    if (timeLeft() < RENEWAL_MS) {
      await this.known.write(() => true);
      throw new Unfinished('shards of captures that are gone are being renewed');
    }
    const summary = this.summaryKey(group);
    try {
      const { shards, fragments, anomalyParts = [] } = await requireJson<MapSummary>(store, summary);
      const keys = [...shards, ...fragments].map(({ key }) => key).concat(anomalyParts);
      // The summary last: its age is that of the group.
      for (const some of [keys, [summary]])
        await inParallel(some, RENEWED_AT_ONCE, async (key) => store.put(key, await store.get(key)));
      return true;
    } catch (error) {
      if (error instanceof StoreError && (error.reason === 'missing' || error.reason === 'damaged')) return false;
      throw error;
    }
  }

  private joinedUnits(matching: Matching, there: ReadonlySet<string>): Unit[] {
    const { known, used } = this;
    const units: Unit[] = [];
    const largestFirst = [...known.joined.values()].filter(({ group }) => there.has(group));
    largestFirst.sort((a, b) => b.groups.length - a.groups.length || (a.group < b.group ? -1 : 1));
    for (const { group, groups: names } of largestFirst) {
      const groups = names.map((name) => known.groups.get(name));
      if (!groups.every(isKnown)) continue;
      const taken = takeAll(matching, groups);
      if (taken === null) continue;
      for (const name of names) used.add(name);
      used.add(group);
      const bytes = groups.reduce((sum, one) => sum + one.bytes, 0);
      units.push({ captures: taken, group, groups, bytes });
    }
    return units;
  }

  /** The groups that have shards, from their summaries: where nothing is known, or something is lost. */
  private async readSummaries(): Promise<void> {
    const { context, known, sharding, now } = this;
    const prefix = shardGroupPrefix(sharding, '').slice(0, -1);
    const listed: ObjectHead[] = [];
    for await (const head of context.store.list(prefix)) {
      const [, name, ...more] = head.key.slice(prefix.length - 1).split('/');
      if (name !== 'joined' && more.length === 1 && more[0] === 'summary.json') listed.push(head);
    }
    const each = eachInParallel(listed, REQUESTS_AT_ONCE, async ({ key, size, modified }) => {
      const summary = await soundOrDiscarded<MapSummary>(context.store, key, context.onDamaged);
      const group = key.split('/')[2];
      const contents = new Uint32Array(DIGEST_WORDS * (summary?.captures.length ?? 0));
      for (const [at, { capture }] of summary?.captures.entries() ?? [])
        contents.set(digestWords(contentOf(capture)), DIGEST_WORDS * at);
      return { group, noted: now, made: modified ?? Number.POSITIVE_INFINITY, bytes: size, contents };
    });
    for await (const group of each) if (group.contents.length > 0) known.add(group);
  }

  private summaryKey(group: string): string {
    return shardSummaryKey(shardGroupPrefix(this.sharding, group));
  }
}

function isKnown(group: KnownGroup | undefined): group is KnownGroup {
  return group !== undefined && group.contents.length > 0;
}

/** Whether a group's captures are all among the job's, and in order. */
function hasAll(matching: Matching, { contents }: KnownGroup): boolean {
  return contents.length > 0 && matching.keeps(contents) !== null;
}

/** The captures of several groups; null, and nothing taken, when one of them cannot be had. */
function takeAll(matching: Matching, groups: readonly KnownGroup[]): Uint32Array | null {
  const taken: Uint32Array[] = [];
  for (const { contents } of groups) {
    const captures = matching.take(contents);
    if (captures === null) {
      for (const before of taken.reverse()) matching.release(before);
      return null;
    }
    taken.push(captures);
  }
  return Uint32Array.from(taken.flatMap((captures) => [...captures]));
}
