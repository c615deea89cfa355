/**
 * SQS and what feeds functions from it, as their documentation promises them and no
 * better: messages come at least once, in any order, late at times; one that a
 * process held when it died comes again after its lease; one that was received five
 * times is a dead letter. FIFO queues drop what was sent twice in five minutes, and
 * hold a group back while a message of it is in hands.
 */

import type { Stage } from '../../shared/job/protocol/stageresults.ts';
import type { TaskMessage } from '../../shared/queue/taskqueue.ts';
import { isWide, STAGE_ORDER } from '../../shared/stage/stages.ts';
import type { Surroundings } from './process.ts';

const DEDUPLICATION_MS = 5 * 60_000;

export const isFifo = (stage: Stage): boolean => !isWide(stage);
const urlOf = (stage: Stage): string => `https://sqs.invalid/1/${stage}${isFifo(stage) ? '.fifo' : ''}`;
/** As FLOWSTITCH_QUEUES has them. */
export const QUEUE_URLS = Object.fromEntries(STAGE_ORDER.map((stage) => [stage, urlOf(stage)])) as Record<
  Stage,
  string
>;

/** What SendMessageBatch takes. */
export interface SentEntry {
  MessageBody: string;
  MessageGroupId: string;
  MessageDeduplicationId?: string;
}

export interface Message {
  body: TaskMessage;
  group: string;
  receives: number;
}

/** A queue: standard, or FIFO. */
export class SimQueue {
  /** Messages that have neither been removed nor become dead letters, the hidden ones too. */
  outstanding = 0;
  private readonly fifo: boolean;
  /** What may be received now: of a FIFO queue at most one of each group. */
  private readonly visible: Message[] = [];
  /** FIFO: messages of each group behind the one that is visible or in hands. */
  private readonly lines = new Map<string, Message[]>();
  private readonly surroundings: Surroundings;
  /** Called when something may be received. */
  arrived: () => void = () => {};

  constructor(surroundings: Surroundings, fifo: boolean) {
    this.surroundings = surroundings;
    this.fifo = fifo;
  }

  send(message: Message): void {
    const { time, next, faults } = this.surroundings;
    this.outstanding++;
    const late = next() < faults.late;
    time.after(late ? 15 * 60_000 * next() ** 2 : 5 + 100 * next(), () => this.arrive(message));
  }

  /** Gives a message out, any of those that may be received; now and then to somebody else too. */
  receive(): Message | undefined {
    const { visible } = this;
    if (visible.length === 0) return undefined;
    const { time, next, faults } = this.surroundings;
    const at = Math.floor(next() * visible.length);
    const message = visible[at];
    visible[at] = visible[visible.length - 1];
    visible.length--;
    message.receives++;
    if (!this.fifo && message.receives === 1 && next() < faults.double) {
      this.outstanding++;
      time.after(120_000 * next() ** 3, () => this.show(message));
    }
    return message;
  }

  /** The message is done with. */
  remove(message: Message): void {
    this.outstanding--;
    if (!this.fifo) return;
    const line = this.lines.get(message.group) ?? [];
    const following = line.shift();
    if (following === undefined) this.lines.delete(message.group);
    else this.show(following);
  }

  /** The message comes again. @param ms how long it stays hidden, milliseconds */
  release(message: Message, ms: number): void {
    this.surroundings.time.after(ms, () => this.show(message));
  }

  private arrive(message: Message): void {
    const line = this.fifo ? this.lines.get(message.group) : undefined;
    if (line !== undefined) {
      line.push(message);
      return;
    }
    if (this.fifo) this.lines.set(message.group, []);
    this.show(message);
  }

  private show(message: Message): void {
    this.visible.push(message);
    this.arrived();
  }
}

export class Queues {
  readonly stages: Readonly<Record<Stage, SimQueue>>;
  readonly dead: SimQueue;
  /** Dead letters of FIFO queues. */
  readonly deadFifo: SimQueue;
  private readonly surroundings: Surroundings;
  private readonly seen = new Map<string, number>();

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings;
    const made = STAGE_ORDER.map((stage) => [stage, new SimQueue(surroundings, isFifo(stage))]);
    this.stages = Object.fromEntries(made) as Record<Stage, SimQueue>;
    this.dead = new SimQueue(surroundings, false);
    this.deadFifo = new SimQueue(surroundings, true);
  }

  get outstanding(): number {
    let sum = this.dead.outstanding + this.deadFifo.outstanding;
    for (const stage of STAGE_ORDER) sum += this.stages[stage].outstanding;
    return sum;
  }

  /** What SendMessageBatch does. @throws Error for entries that SQS would not take */
  accept(url: string, entries: readonly SentEntry[]): void {
    const stage = STAGE_ORDER.find((known) => QUEUE_URLS[known] === url);
    if (stage === undefined || entries.length > 10) throw new Error(`${entries.length} messages for ${url}`);
    for (const { MessageBody, MessageGroupId: group, MessageDeduplicationId } of entries) {
      if (isFifo(stage)) {
        if (MessageDeduplicationId === undefined) throw new Error('a message without a deduplication id');
        const { now } = this.surroundings.time;
        const known = this.seen.get(stage + MessageDeduplicationId);
        if (known !== undefined && now < known + DEDUPLICATION_MS) continue;
        this.seen.set(stage + MessageDeduplicationId, now);
      }
      this.stages[stage].send({ body: JSON.parse(MessageBody) as TaskMessage, group, receives: 0 });
    }
  }
}
