/** Reading the heads of captures, and keeping what was read for later jobs, and for this one where the time runs out. */
import { createHash } from 'node:crypto';
import { readHead } from '../../capture/read.ts';
import { type TaskContext, Unfinished } from '../../job/context.ts';
import type { Inputs } from '../../job/inputs.ts';
import { digestOf, type Job } from '../../job/jobconfig.ts';
import { knownHeadsPrefix, unreadPrefix } from '../../job/protocol/keys.ts';
import { MAPPING_REVISION } from '../../job/revisions.ts';
import type { CaptureRef } from '../../store/capturesource.ts';
import { inParallel } from '../../store/inparallel.ts';
import { type ObjectHead, type ObjectStore, StoreError } from '../../store/objectstore.ts';
import { COMPRESSION, HeadedCaptures, reckonedBytes } from './headedcaptures.ts';
import { type Head, KnownHeads } from './known/knownheads.ts';

/** Heads read at a time: slow disks and object stores answer many as quickly as one. */
const PARALLEL_HEADS = 32;
/** Captures whose heads are read together, in some seconds. */
export const HEADS_PART = 4000;
/** Time that must be left for these, and for writing the tasks. */
const PART_MS = 60_000;
/** Attempts after which heads are not read: one of them may be what kills the plan task. */
const TRIES_WITH_HEADS = 3;
/** Stored bytes of a head. */
export const CAPTURE_HEAD_BYTES = 65_536;
/** Captures that plan itself finds refused, at most: map finds the others. */
const MOST_REFUSED = 10_000;

type Refused = NonNullable<CaptureRef['refused']>;

/** All captures of a job with what their heads tell. */
export class Heads {
  readonly captures: HeadedCaptures;
  /** Stored bytes of all captures. */
  bytes = 0;
  /** Why captures that the job did not know to be refused will not be read, by number. */
  readonly refused = new Map<number, Refused>();
  private readonly context: TaskContext;
  private readonly job: Job;
  private readonly inputs: Inputs;
  private readonly known: KnownHeads;
  /** Heads that cannot be read; they are tried again in the next job. */
  private readonly unread: KnownHeads;

  constructor(context: TaskContext, job: Job, inputs: Inputs) {
    const { store } = context;
    this.context = context;
    this.job = job;
    this.inputs = inputs;
    this.captures = new HeadedCaptures(inputs.captures);
    this.known = new KnownHeads(store, knownHeadsPrefix(job.config.dataset, rulesOf(job)));
    this.unread = new KnownHeads(store, unreadPrefix(job.job));
  }

  /**
   * Finds the heads of all captures.
   * @param listed what is known of the data set
   * @throws Unfinished when the time runs out: what was read is kept
   */
  async read(listed: readonly ObjectHead[]): Promise<void> {
    const { context, inputs } = this;
    await this.known.read(listed, context.onDamaged);
    if (inputs.captures > HEADS_PART) {
      const unread = await listing(context.store, unreadPrefix(this.job.job));
      await this.unread.read(unread, context.onDamaged);
    }
    for (let part = 0; part < inputs.parts; part++) {
      const refs = await inputs.part(part);
      for (let from = 0; from < refs.length; from += HEADS_PART) await this.take(refs.slice(from, from + HEADS_PART));
    }
    await this.known.write();
  }

  private async take(refs: readonly CaptureRef[]): Promise<void> {
    const { receives = 1, timeLeft = () => Number.POSITIVE_INFINITY } = this.context;
    const heads = refs.map((ref) => this.known.find(ref) ?? this.unread.find(ref));
    const missing = [...refs.keys()].filter((at) => heads[at] === undefined && refs[at].refused === undefined);
    const refused = new Map<number, Refused>();
    if (missing.length > 0 && receives <= TRIES_WITH_HEADS) {
      const { captures } = this.inputs;
      if (captures > HEADS_PART && timeLeft() < PART_MS) {
        await this.known.write();
        await this.unread.write();
        throw new Unfinished(`heads of ${this.captures.length} of ${captures} captures are read`);
      }
      await inParallel(missing, PARALLEL_HEADS, async (at) => {
        const found = await this.readOne(refs[at]);
        heads[at] = found.head;
        if (found.refused !== undefined) refused.set(at, found.refused);
      });
      for (const at of missing) (heads[at] == null ? this.unread : this.known).add(refs[at], heads[at] ?? null);
      if (this.known.unwritten >= HEADS_PART) await this.known.write();
    }
    for (const [at, ref] of refs.entries()) this.add(ref, heads[at] ?? null, refused.get(at));
  }

  private add(ref: CaptureRef, head: Head | null, denied: Refused | undefined): void {
    const why = ref.refused === undefined ? (denied ?? this.tooLarge(ref, head)) : undefined;
    const isRefused = ref.refused !== undefined || (why !== undefined && this.refused.size < MOST_REFUSED);
    if (why !== undefined && isRefused) this.refused.set(this.captures.length, why);
    this.captures.add(ref, head, isRefused);
    this.bytes += ref.size;
  }

  /**
   * The head decides order and grouping only: a capture whose head cannot be read is still mapped, and reported there.
   * One that may not be read at all is refused here.
   */
  private async readOne(capture: CaptureRef): Promise<{ head: Head | null; refused?: Refused }> {
    try {
      // Complete before it is parsed: the digest must not depend on the chunks in which the bytes arrived.
      const stored: Uint8Array[] = [];
      for await (const chunk of this.context.captures.stream(capture, CAPTURE_HEAD_BYTES)) stored.push(chunk.slice());
      const bounds = this.job.config.compression;
      const { compression, firstUs } = await readHead(inPieces(stored), CAPTURE_HEAD_BYTES, { bounds });
      const digest = createHash('sha256').update(Buffer.concat(stored)).digest('hex').slice(0, 16);
      return { head: { firstUs, digest, compression } };
    } catch (error) {
      if (!(error instanceof StoreError && error.reason === 'refused')) return { head: null };
      return { head: null, refused: { reason: 'capture_refused', detail: error.message } };
    }
  }

  /** Why a capture cannot be read within a task's time limit; undefined when it can. */
  private tooLarge({ size }: CaptureRef, head: Head | null): Refused | undefined {
    const mostBytes = this.job.config.sizes.captureBytes ?? Number.POSITIVE_INFINITY;
    if (head === null || reckonedBytes(size, head) <= mostBytes) return undefined;
    const { compression } = head;
    const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
    const most = compression === 'none' ? mostBytes : mostBytes / COMPRESSION;
    const remedy = `cut it with 'editcap -c 10000000' or 'tcpdump -r FILE -w OUT -C 1000'`;
    return {
      reason: 'capture_too_large',
      detail: `${gib(size)} (compression: ${compression}) take longer than one task may; at most ${gib(most)}: ${remedy} and upload the pieces`,
    };
  }
}

/** Digest of what reading a head depends on. */
function rulesOf({ config }: Job): string {
  return digestOf({ revision: MAPPING_REVISION, compression: config.compression, bytes: CAPTURE_HEAD_BYTES });
}

/** All objects below a prefix. */
export async function listing(store: ObjectStore, prefix: string): Promise<ObjectHead[]> {
  const heads: ObjectHead[] = [];
  for await (const head of store.list(prefix)) heads.push(head);
  return heads;
}

async function* inPieces(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* chunks;
}
