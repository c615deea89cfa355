/** What the fuzzer finds: a check that failed, in words that tell one defect from another. */

/** Checks by name. Users of the fuzzer grep these names. */
export type Check =
  /** Something was thrown. */
  | 'exception'
  /** More cpu time, or time at all, than the case may take. */
  | 'hang'
  /** More memory than the case may take. */
  | 'memory'
  /** The process that looked at the case died. */
  | 'crash'
  /** More cpu time than the bytes are worth. */
  | 'slow'
  /** What the reader says of a capture contradicts what it gave out. */
  | 'facts'
  /** A capture whose lengths are sound from its first byte to its last is read as something else. */
  | 'sound'
  /** Records, fragments or packets are not all accounted for. */
  | 'conservation'
  /** A row that cannot be. */
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

/** A finding as it travels between processes and into files. */
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
