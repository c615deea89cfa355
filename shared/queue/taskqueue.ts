/**
 * Task queue as Flowstitch needs it, with SQS's semantics: at least once, in any order, and a message that is not
 * acknowledged is delivered again.
 */

/** A message only identifies its task: the task's specification is in the store. */
export interface TaskMessage {
  job: string;
  stage: string;
  /** Number of the task in its stage's list, from 0. */
  task: number;
  /** Messages of the task before this one, each of which ended before the task did; missing for the first. */
  continued?: number;
  /** Set by a queue between functions: the first of the messages that were sent together. */
  first?: true;
}

export interface TaskQueue {
  /**
   * Sends messages. Duplicates are harmless, lost messages are not.
   * @param options.again deliver them even if the queue deduplicates and the same were sent a moment ago
   */
  send(messages: readonly TaskMessage[], options?: { again?: boolean }): Promise<void>;
}

/** A message delivered to a worker. */
export interface Delivery {
  message: TaskMessage;
  /** How many times the message has been delivered, this time included. */
  receives: number;
  /** The work is done: removes the message. */
  acknowledge(): void;
  /** The work failed: the message is delivered again, or becomes a dead letter after `maxReceives`. */
  release(): void;
}
