/** Findings of the fuzzer: failed checks, with messages that distinguish defects. */

/** Checks by name. Users of the fuzzer grep these names. */
export type Check =
  /** Something was thrown. */
  | 'exception'
  /** More CPU time or wall time than a case may take. */
  | 'hang'
  /** More memory than the case may take. */
  | 'memory'
  /** The process that examined the case died. */
  | 'crash'
  /** Too much CPU time for the number of bytes. */
  | 'slow'
  /** The reader's facts of a capture contradict its records. */
  | 'facts'
  /** A capture whose lengths are sound from its first byte to its last is read as something else. */
  | 'sound'
  /** Records, fragments or packets are not all accounted for. */
  | 'conservation'
  /** An invalid row. */
  | 'row'
  | 'uid'
  /** Another result for other chunks of the same bytes. */
  | 'chunks'
  /** Another result by way of shards: other buckets, tasks, batches. */
  | 'shards'
  /** Another result for the same captures in another order. */
  | 'order'
  /** Another result of a whole job under other names, sizes, buckets and workers. */
  | 'job'
  /** Another result of a whole job than of the stages in one process. */
  | 'stages';

/** A check that failed. */
export class Finding extends Error {
  override name = 'Finding';
  readonly check: Check;

  constructor(check: Check, message: string, cause?: unknown) {
    super(message, { cause });
    this.check = check;
  }
}

/** A finding as sent between processes and written to files. */
export interface Found {
  check: Check;
  message: string;
  /** Equal for what is probably the same defect. */
  signature: string;
  stack: string;
}

/** Whatever was thrown, as a finding. */
export function foundOf(error: unknown): Found {
  if (error instanceof Finding)
    return {
      check: error.check,
      message: error.message,
      signature: signatureOf(error.check, error.message),
      stack: '',
    };
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  const place = /\bat .*?(\w+\.ts):\d+/.exec(stack ?? '')?.[1] ?? '';
  return {
    check: 'exception',
    message,
    signature: `${signatureOf('exception', message)} ${place}`,
    stack: stack ?? '',
  };
}

/** The first line without its numbers and names. */
export function signatureOf(check: Check, message: string): string {
  const [line] = message.split('\n');
  return `${check}: ${line
    .replaceAll(/capture-\S+/g, '*')
    .replaceAll(/-?\d[\d.e+]*/g, '#')
    .slice(0, 160)}`;
}
