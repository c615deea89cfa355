/**
 * Task queue as Flowstitch needs it, with SQS's meaning: at least once, in any
 * order, and a message that is not acknowledged comes again.
 */

/** All that a message says: what is to be done stands in the task's specification in the store. */
export interface TaskMessage {
  job: string;
  stage: string;
  /** Number of the task in its stage's list, from 0. */
  task: number;
}

export interface TaskQueue {
  /**
   * Sends messages. Doubled messages are harmless to Flowstitch, lost ones are not.
   * @param options.again they must arrive even if the same were sent a moment ago, where the queue would drop doubles
   */
  send(messages: readonly TaskMessage[], options?: { again?: boolean }): Promise<void>;
}

/** A message in the hands of a worker. */
export interface Delivery {
  message: TaskMessage;
  /** How many times the message has been given out, this time included. */
  receives: number;
  /** The work is done: the message goes. */
  acknowledge(): void;
  /** The work failed: the message comes again, or is dead after `maxReceives`. */
  release(): void;
}
